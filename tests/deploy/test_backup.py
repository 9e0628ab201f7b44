"""Backups as docs/operations.md says, made while the portal writes, and restored elsewhere."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import Context
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask_migrate
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, insert, select
from sqlalchemy.engine import make_url

from app.audit.events import Event
from app.audit.log import Audit, audit_log
from app.audit.models import ActivityRow
from app.commands import activity
from app.db import db
from app.factory import create_app
from app.sessions.encryption import cipher
from app.sessions.models import StoredSession
from config import from_env
from tests.support.databases import GOOD
from tests.support.postgres import Postgres
from tests.support.sandbox import ROOT

ACCOUNT = "123456789012"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a migrated database."""
    (tmp_path / "instance").mkdir()
    found = f"sqlite:///{tmp_path / 'instance/latchkey.db'}"
    if request.param == "postgresql":
        found = request.getfixturevalue("postgresql").database(f"portal-{os.urandom(4).hex()}")
    with portal_on(found).app_context():
        flask_migrate.upgrade()
        db.engine.dispose()
    return found


def portal_on(url: str, **settings: str) -> Flask:
    return create_app(from_env({**GOOD, "DATABASE_URL": url, **settings}))


def section() -> str:
    """How to back up and restore."""
    return (ROOT / "docs/operations.md").read_text().split("\n## Back up and restore\n")[1].split("\n## ")[0]


def lines(with_word: str) -> list[str]:
    """The commands of each block that has this word, exactly as documented."""
    blocks = re.findall(r"```sh\n(.*?)```", section(), re.DOTALL)
    here = [block for block in blocks if not block.startswith("docker")]  # the same programs, in a container
    return [line for block in here if with_word in block for line in block.splitlines()]


class Place:
    """A folder in which the documented commands are typed."""

    def __init__(self, folder: Path, server: Postgres | None) -> None:
        self.folder = folder
        plain = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "PYTHONPATH")}
        if server:
            plain |= {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "latchkey"}
            plain["PATH"] = f"{server.programs}:{plain['PATH']}"
        self._environment = plain

    def type(self, command: str) -> None:
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"


@contextmanager
def someone_works(url: str) -> Iterator[None]:
    """Entries are added to the audit log all the while."""
    over, added = threading.Event(), threading.Event()
    app = portal_on(url)

    def work() -> None:
        with app.app_context():
            audit = Audit(audit_log(), ACCOUNT, "nadia", "", "", "")
            while not over.is_set():
                audit.note(Event.SIGN_OUT)
                added.set()
            db.engine.dispose()

    thread = threading.Thread(target=work)
    thread.start()
    assert added.wait(30)
    try:
        yield
    finally:
        over.set()
        thread.join(30)


def verified(url: str, *options: str, **settings: str) -> Result:
    app = portal_on(url, **settings)
    # Apart from the test's own portal, whose context the command would take.
    return Context().run(app.test_cli_runner().invoke, activity, args=["verify", *options])


def a_session() -> None:
    """Someone's session is open."""
    now = datetime.now(UTC)
    row = {"id_hash": "0" * 64, "data": cipher(GOOD["SECRET_KEY"], []).encrypt(b"nadia"), "version": 1,
           "began_at": now, "last_used_at": now, "expires_at": now + timedelta(hours=1), "owner": "o", "label": "l",
           "address": "", "user_agent": ""}  # fmt: skip
    with db.engine.begin() as connection:
        connection.execute(insert(StoredSession).values(row))


def counted(table: type[ActivityRow] | type[StoredSession]) -> int:
    with db.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def leave_another_database(instance: Path) -> None:
    """What a portal that was killed left there: its last writes are only beside the database."""
    with closing(sqlite3.connect(instance / "other.db")) as other:
        other.execute("pragma journal_mode=wal")
        other.execute("create table of_another (id integer)")
        other.execute("insert into of_another values (1)")
        other.commit()
        for ending in ("", "-wal", "-shm"):
            shutil.copy(instance / f"other.db{ending}", instance / f"latchkey.db{ending}")


def test_a_backup_of_a_portal_that_works_is_restored_as_documented(
    url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    on_sqlite = url.startswith("sqlite")
    server: Postgres | None = None if on_sqlite else request.getfixturevalue("postgresql")
    kept = "backup-*.db" if on_sqlite else "latchkey-*.dump"  # with the date
    with portal_on(url).app_context():
        a_session()
        assert counted(StoredSession) == 1
        db.engine.dispose()  # one portal at a time has an SQLite file open in this process
    (backup,) = lines("VACUUM INTO" if on_sqlite else "pg_dump")
    with someone_works(url):
        Place(tmp_path, server).type(backup.replace("--dbname=latchkey", f"--dbname={make_url(url).database}"))
    (made,) = tmp_path.glob(kept)
    assert made.stat().st_mode & 0o077 == 0, "nobody else may read it"

    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "instance").mkdir(parents=True)
    shutil.move(made, elsewhere)
    leave_another_database(elsewhere / "instance")
    restored = f"sqlite:///{elsewhere / 'instance/latchkey.db'}"
    name = f"restored-{os.urandom(4).hex()}"
    if server:
        restored = server.database(name)
    for line in lines("rm -f" if on_sqlite else "pg_restore"):
        Place(elsewhere, server).type(line.replace("--dbname=latchkey", f"--dbname={name}").replace("DATE", "*"))

    with portal_on(restored).app_context():
        flask_migrate.upgrade()
        assert counted(StoredSession) == 0, "what users ended since isn’t open again"
        entries = counted(ActivityRow)
        db.engine.dispose()
    told = verified(restored)
    assert told.exit_code == 0 and f"{entries} rows, sound" in told.output and entries, told.output
    told = verified(restored, AUDIT_KEYS="k1:" + "b" * 40)
    assert told.exit_code == 1 and "none of the rows fits AUDIT_KEYS" in told.output

    with someone_works(url):
        pass  # after the backup
    head = re.search(r"\b\d+:[0-9a-f]{64}\b", verified(url).output)
    assert head, "the head is told"
    cut = verified(restored, "--account", ACCOUNT, "--expect-head", head[0])
    assert cut.exit_code == 1, "a restored backup lacks what came after it, and that shows"
