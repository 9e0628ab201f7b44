"""A database that the earlier release wrote: upgraded, taken back, upgraded again. What it had stays."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextvars import Context
from datetime import timedelta
from pathlib import Path

import flask_migrate
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, inspect, select, text

from app.audit.events import Event
from app.audit.log import Audit, audit_log
from app.audit.models import ActivityRow
from app.commands import activity
from app.compliance.data import details_data
from app.compliance.data.details import details_of
from app.compliance.data.details_updates import keep_details
from app.compliance.data.people_data import read_people
from app.compliance.data.queries import exceptions, waiting
from app.compliance.rules.subjects import Terms
from app.credentials.labels import LabelRow
from app.db import db
from app.factory import create_app
from app.monitoring import schema
from app.sessions.encryption import cipher
from app.sessions.models import StoredSession
from config import from_env
from tests.support.databases import GOOD
from tests.support.details import group, user
from tests.support.marks import SECRET_KEY
from tests.support.portal import AUDIT_KEYS
from tests.support.released import HEAD, restore, unpack_code, unpack_sqlite

ACCOUNT = "123456789012"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database of the earlier release."""
    if request.param == "sqlite":
        return unpack_sqlite(tmp_path / "portal.db")
    return restore(request.getfixturevalue("postgresql"), f"portal-{os.urandom(4).hex()}")


def portal_on(url: str, **settings: str) -> Flask:
    return create_app(
        from_env({**GOOD, "DATABASE_URL": url, "SECRET_KEY": SECRET_KEY, "AUDIT_KEYS": AUDIT_KEYS, **settings})
    )


def verified(url: str, **settings: str) -> Result:
    """What `activity verify` says."""
    return Context().run(portal_on(url, **settings).test_cli_runner().invoke, activity, args=["verify"])


Rows = dict[str, list[tuple[object, ...]]]


def rows(known: Rows | None = None) -> Rows:
    """Everything that is stored, by table. known: only its tables and as many columns as it has."""
    found: Rows = {}
    with db.engine.connect() as connection:
        for table in inspect(db.engine).get_table_names():
            if table == "alembic_version" or (known is not None and table not in known):
                continue
            names = [column["name"] for column in inspect(db.engine).get_columns(table)]
            if known is not None:
                names = names[: len(known[table][0])] if known[table] else names[:1]
            selected = ", ".join(f'"{name}"' for name in names)
            found[table] = sorted(map(tuple, connection.execute(text(f'select {selected} from "{table}"'))), key=str)
    return found


def files() -> dict[str, int]:
    """By table, the file PostgreSQL has it in: another one after it wrote the whole table again."""
    found = text("select relname, relfilenode from pg_class where relkind = 'r' and relname !~ '^(pg|sql)_'")
    with db.engine.connect() as connection:
        on_postgresql = connection.dialect.name == "postgresql"
        return {row.relname: row.relfilenode for row in connection.execute(found)} if on_postgresql else {}


def test_what_the_earlier_release_stored_stays_there_and_back(url: str) -> None:
    with portal_on(url).app_context():
        before = rows()
        filled = {table for table, found in before.items() if found}
        assert filled >= {"activity", "sessions", "credential_labels", "compliance_people", "compliance_exceptions"}
        in_files = files()
        flask_migrate.upgrade()
        assert schema.problems_of(db.engine) == {} and rows(before) == before
        assert files().items() >= in_files.items(), "a table that is written again is locked meanwhile"
        flask_migrate.downgrade(revision=HEAD)
        assert rows() == before
        flask_migrate.upgrade()
        assert rows(before) == before


def test_this_release_reads_what_the_earlier_one_stored(url: str) -> None:
    with portal_on(url).app_context():
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            now = connection.execute(select(func.max(ActivityRow.at))).scalar_one()
            people = read_people(connection, ACCOUNT)
            (nadia,) = [row for name, row in people.items() if name.startswith("nadia-")]
            assert "Administrator" in people and " mfa=pass " in nadia.verdicts
            assert exceptions(connection, ACCOUNT, now) == []
            assert {row.rule for row in waiting(connection, ACCOUNT, now)} == {"mfa", "key-age"}, "of one approval"
            assert set(connection.execute(select(LabelRow.label)).scalars()) == {"Nadia’s phone", "laptop"}
            stored = connection.execute(select(StoredSession.data)).scalars().all()
            opened = [cipher(SECRET_KEY, []).decrypt(data).decode() for data in stored]
            assert any("nadia" in contents for contents in opened)
            entries = connection.execute(select(func.count()).select_from(ActivityRow)).scalar_one()
    told = verified(url)
    assert told.exit_code == 0 and "NOT sound" not in told.output
    assert sum(map(int, re.findall(r": (\d+) rows, sound", told.output))) == entries > 30


def test_with_other_keys_the_audit_log_says_which_setting_to_check(url: str) -> None:
    with portal_on(url).app_context():
        flask_migrate.upgrade()
    for keys in ("k1:" + "another-key-of-nobody-" * 2, "k2:" + "another-key-of-nobody-" * 2):
        told = verified(url, AUDIT_KEYS=keys)
        assert told.exit_code == 1 and "none of the rows fits AUDIT_KEYS" in told.output, told.output


READS = """
import os
from app.activity.queries import Filter, entries
from app.compliance.data import daily, details_data, queries
from app.compliance.data.account_data import read_account
from app.compliance.data import details_data
from app.compliance.data.details import details_of
from app.compliance.data.details_updates import keep_details
from app.compliance.data.people_data import read_people
from app.compliance.thresholds import terms_of
from app.db import db
from app.factory import create_app
from config import from_env
from datetime import UTC, datetime

app = create_app(from_env(os.environ))
with app.app_context(), db.engine.connect() as connection:
    now, account = datetime.now(UTC), read_account(connection, "123456789012")
    people = read_people(connection, "123456789012")
    terms = terms_of(app.config, "123456789012", None, now)
    for row in people.values():
        list(queries.findings_of(connection, account, row, terms))
    details = details_data.read(connection, "123456789012")
    assert daily.days(connection, "123456789012", now, back=10_000)
    print(sorted(people), sorted(details.groups), sorted(details.roles))
    print([each.event for each in entries(db.engine, "123456789012", Filter(), now).entries][:1])
"""


def test_the_earlier_release_reads_what_this_one_stores(tmp_path: Path) -> None:
    url = unpack_sqlite(tmp_path / "portal.db")
    tags = [{"Key": "team", "Value": "a"}]
    role = {**group("ci"), "RoleName": "ci", "Arn": f"arn:aws:iam::{ACCOUNT}:role/ci", "Tags": tags}
    with portal_on(url).app_context():
        flask_migrate.upgrade()
        with db.engine.connect() as connection:
            now = connection.execute(select(func.max(ActivityRow.at))).scalar_one() + timedelta(days=2)
            names = ["alice", *read_people(connection, ACCOUNT)]
        users = [
            user(name, GroupList=["devs"], Tags=tags, UserId=f"AIDA{number:0>17}")
            for number, name in enumerate(names)
        ]
        page = {"UserDetailList": users, "GroupDetailList": [group("devs")], "RoleDetailList": [role]}
        details = details_of([page], now)
        assert details.roles["ci"].tagged
        keep_details(db.engine, details, now, lambda others: Terms(now))
        with db.engine.connect() as connection:
            kept = details_data.read(connection, ACCOUNT)
        assert kept and kept.roles == details.roles and kept.groups == details.groups
        Audit(audit_log(), ACCOUNT, "alice", "", "", "").note(Event.CAMPAIGN_STARTED)
    environment = {**os.environ, **GOOD, "DATABASE_URL": url, "SECRET_KEY": SECRET_KEY, "AUDIT_KEYS": AUDIT_KEYS}
    code = unpack_code(tmp_path / "code")
    program = [sys.executable, "-c", READS]
    read = subprocess.run(program, cwd=code, env=environment, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    assert "'alice'" in read.stdout and "['devs'] ['ci']" in read.stdout and "campaign-started" in read.stdout
