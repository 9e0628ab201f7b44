"""A database that the earlier release wrote: upgraded, taken back, upgraded again. What it had stays."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextvars import Context
from pathlib import Path

import flask_migrate
import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, inspect, select, text

from app.audit.models import ActivityRow
from app.commands import activity
from app.compliance.data.people_data import read_people
from app.compliance.data.queries import exceptions, waiting
from app.credentials.labels import LabelRow
from app.db import db
from app.factory import create_app
from app.monitoring import schema
from app.sessions.encryption import cipher
from app.sessions.models import StoredSession
from config import from_env
from tests.support.databases import GOOD
from tests.support.marks import SECRET_KEY
from tests.support.portal import AUDIT_KEYS
from tests.support.postgres import Postgres, postgres
from tests.support.released import HEAD, restore, unpack_sqlite

ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database of the earlier release."""
    if request.param == "sqlite":
        return unpack_sqlite(tmp_path / "portal.db")
    return restore(request.getfixturevalue("server"), f"portal-{os.urandom(4).hex()}")


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


def test_what_the_earlier_release_stored_stays_there_and_back(url: str) -> None:
    with portal_on(url).app_context():
        before = rows()
        filled = {table for table, found in before.items() if found}
        assert filled >= {"activity", "sessions", "credential_labels", "compliance_people", "compliance_exceptions"}
        flask_migrate.upgrade()
        assert schema.problems_of(db.engine) == {} and rows(before) == before
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
