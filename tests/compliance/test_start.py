"""Commands start without the pages: what a process loads for them, and that they are the portal's all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from alembic.script import ScriptDirectory

from app.monitoring import schema
from tests.support.databases import GOOD, make_database
from tests.support.sandbox import ROOT

HEAVY = ("alembic", "redis", "flask_migrate", "flask_login", "flask_wtf", "app.factory", "app.web.guards")
CLIENTS = ("boto3", "botocore")


def loaded_by(folder: Path, *words: str, group: str = "compliance") -> tuple[set[str], str]:
    """The modules that `flask --app wsgi GROUP ...` loads, and what it prints."""
    if not (folder / "portal.db").exists():
        make_database(folder / "portal.db")
    settings = {**os.environ, **GOOD, "DATABASE_URL": f"sqlite:///{folder / 'portal.db'}", "AWS_PROFILE": "nobody"}
    program = [sys.executable, "-X", "importtime", "-m", "flask", "--app", "wsgi", group, *words]
    done = subprocess.run(program, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    names = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    return names, "\n".join(line for line in lines if not line.startswith("import time:"))


def test_commands_load_no_pages(tmp_path: Path) -> None:
    names, said = loaded_by(tmp_path, "export")
    assert "There’s no data about account" in said, "it ran"
    assert not names & {*HEAVY, *CLIENTS, "cryptography", "idna", "app.compliance.service"}
    assert not {name for name in names if name.endswith("views")}


def test_commands_about_the_audit_log_load_no_pages(tmp_path: Path) -> None:
    names, said = loaded_by(tmp_path, "verify", group="activity")
    assert "app.audit.chain" in names and "Error" not in said, "it ran"
    assert not names & {*HEAVY, *CLIENTS}
    assert not {name for name in names if name.endswith("views")}


def test_only_a_refresh_loads_boto3(tmp_path: Path) -> None:
    names, said = loaded_by(tmp_path, "refresh")
    assert "nobody" in said, "it looked for the profile"
    assert names >= set(CLIENTS) and not names & set(HEAVY)


def test_another_application_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text("import flask\napp = flask.Flask('theirs')\n")
    program = [sys.executable, "-m", "flask", "--app", str(tmp_path / "theirs.py"), "compliance", "export"]
    done = subprocess.run(program, cwd=ROOT, env={**os.environ, **GOOD}, capture_output=True, text=True, check=False)
    assert done.returncode and "There’s no data" not in done.stderr


def test_the_schema_is_told_as_alembic_tells_it() -> None:
    migrations = ScriptDirectory(str(ROOT / "migrations"))
    known = {step.revision for step in migrations.walk_revisions()}
    assert schema.behind() == {None, *known} - {migrations.get_current_head()}
