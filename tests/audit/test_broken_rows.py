"""Whatever the table contains, `verify` and `prune` name the rows that are wrong and continue to the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import text

from app.activity import queries
from app.db import db
from app.factory import create_app
from config import from_env
from tests.audit.conftest import ACCOUNT, flaws, write
from tests.audit.test_chain import change, run, verify
from tests.support.databases import GOOD
from tests.support.postgres import Postgres

ANYWHERE = ["mac = 'é'", "mac = ''", "target = 'é' || target", "at = '9999-12-31 23:59:59.999999'"]
SQLITE = [
    "at = 'garbage'",
    "at = ''",
    "at = 7",
    "at = x'00ff'",
    "at = '2026-01-01 00:00:00.000000+05:00'",
    "at = '10000-01-01 00:00:00.000000'",
    "user_name = x'ff00fe'",
    "user_name = cast(x'eda080' as text)",
    "user_name = cast(x'ff' as text)",
    "user_name = 1.5",
    "mac = x'00'",
    "mac = cast(x'eda080' as text)",
    "mac = 17",
    "key_id = x'6b31'",
    "user_id = 5",
    "event = 'record-shortened', target = '" + "9" * 5000 + ":" + "a" * 64 + "'",
]
POSTGRESQL = [
    "at = 'infinity'",
    "at = '-infinity'",
    "at = '20000-01-01 00:00:00+00'",
    "at = (to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00 BC')::timestamptz",
]


def written(url: str) -> Flask:
    app = create_app(from_env({**GOOD, "DATABASE_URL": url, "AUDIT_RETENTION_DAYS": "30"}))
    with app.app_context():
        flask_migrate.upgrade()
        write(6)
    return app


@pytest.fixture(params=["sqlite", "postgresql"])
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Flask, list[str]]]:
    """An audit log, and what may be done to an entry of it on this database."""
    if request.param == "sqlite":
        app, ways = written(f"sqlite:///{tmp_path / 'portal.db'}"), [*ANYWHERE, *SQLITE]
    else:
        server: Postgres = request.getfixturevalue("postgresql")
        app, ways = written(server.database(f"broken-{os.urandom(4).hex()}")), [*ANYWHERE, *POSTGRESQL]
    with app.app_context():
        yield app, ways
        db.engine.dispose()


def test_a_row_that_cannot_be_read_is_named_and_so_is_every_other(broken: tuple[Flask, list[str]]) -> None:
    portal, ways = broken
    with db.engine.begin() as connection:
        connection.execute(text("create table kept as select * from activity"))
    for way in ways:
        change(f"update activity set {way} where seq = 2")
        change("update activity set user_name = 'mallory' where seq = 5")
        status, output = verify(portal)
        assert status == 1, (way, output)
        assert f"account {ACCOUNT}: row 2 " in output, (way, output)
        assert (5, "not-written") in flaws(output) and "6 rows, NOT sound" in output, (way, output)
        assert "row 4 " not in output and "row 6 " not in output, (way, "the others are sound")
        status, output = run(portal, "prune")
        assert status == 1 and "row 2 " in output and "nothing removed" in output, (way, output)
        change("delete from activity")
        change("insert into activity select * from kept")
    assert verify(portal)[0] == 0


def test_every_row_is_verified_once_where_text_far_down_cannot_be_read(
    portal: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "AT_ONCE", 2)
    write(9)
    change("update activity set user_name = cast(x'ff' as text) where seq = 6")
    change("update activity set user_name = 'mallory' where seq in (2, 9)")
    output = verify(portal)[1]
    assert flaws(output) == [(2, "not-written"), (6, "not-written"), (9, "not-written")] and "9 rows, NOT" in output


@pytest.mark.parametrize("seq", ["'garbage'", "x'00'", "5.5", "-3", "9223372036854775807"])
def test_a_row_without_a_place_is_named(portal: Flask, seq: str) -> None:
    write(3)
    change(f"update activity set seq = {seq} where seq = 2")
    status, output = verify(portal)
    assert status == 1 and "NOT sound" in output and (2, "missing") in flaws(output)
    assert {"wrong-number", "before-first"} & {code for _, code in flaws(output)} or "to 9223" in output


def test_what_is_no_account_and_no_head_is_named(portal: Flask) -> None:
    write(3)
    change("insert into activity_heads values (x'00ff', 1, 'a'), (cast(x'eda080' as text), 1, 'b')")
    status, output = verify(portal)
    assert status == 1 and output.count("invalid account ID") == 2 and "3 rows, sound" in output
    assert run(portal, "verify", "--account", ACCOUNT)[0] == 1
    change("delete from activity_heads where seq = 1")
    change("update activity_heads set seq = 'many'")
    assert (3, "invalid-head") in flaws(verify(portal)[1])
