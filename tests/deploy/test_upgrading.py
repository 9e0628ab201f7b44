"""`db upgrade` while others use the database: it gives way to them, waits for its turn, and says why."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import Connection, create_engine, event, inspect, text

from app.db import db, upgrading
from app.factory import create_app
from app.monitoring import schema
from config import from_env
from tests.support.databases import GOOD, empty_portal
from tests.support.postgres import Postgres
from tests.support.sandbox import free_port
from tests.support.waiting import wait_until

BEFORE = "0009"
"""The schema of release 0.2.0."""


@pytest.fixture(params=["sqlite", "postgresql"])
def portal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    with empty_portal(request, tmp_path) as app:
        yield app


def revision() -> str:
    with db.engine.connect() as connection:
        return str(connection.execute(text("select version_num from alembic_version")).scalar())


def head() -> str:
    return max(map(str, schema._known() - schema.behind()))


class Upgrade:
    """`db upgrade` in a thread of its own."""

    def __init__(self, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[str] = []
        self.ended: list[int] = []
        monkeypatch.setattr(click, "echo", lambda text, **_: self.said.append(text))
        self._app = app
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with self._app.app_context():
            try:
                flask_migrate.upgrade()
                self.ended.append(0)
            except SystemExit as error:
                self.ended.append(int(str(error.code)))

    @contextmanager
    def while_it_waits(self) -> Iterator[None]:
        """From when it says that it waits, until the caller is done."""
        self._thread.start()
        wait_until(lambda: self.said, 30)
        yield

    def end(self) -> int:
        self._thread.join(60)
        return self.ended[0]


@contextmanager
def another(portal: Flask) -> Iterator[Connection]:
    """Another process's connection."""
    engine = create_engine(portal.config["SQLALCHEMY_DATABASE_URI"])
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def test_an_upgrade_gives_way_to_whoever_uses_the_database(portal: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    flask_migrate.upgrade(revision=BEFORE)
    db.engine.dispose()
    upgrade = Upgrade(portal, monkeypatch)
    with another(portal) as exporting:
        if portal.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
            exporting.exec_driver_sql("BEGIN IMMEDIATE")
        exporting.execute(text("select count(*) from compliance_accounts"))
        with upgrade.while_it_waits(), another(portal) as visitor:
            assert upgrade.said == [upgrading.WAITING]
            assert visitor.execute(text("select count(*) from compliance_accounts")).scalar() == 0
        assert not upgrade.ended and revision() == BEFORE
        exporting.rollback()
    assert upgrade.end() == 0
    assert revision() == head() and upgrade.said == [upgrading.WAITING], "which is said once"


def test_a_second_upgrade_waits_for_the_first(portal: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    flask_migrate.upgrade(revision=BEFORE)
    upgrade = Upgrade(portal, monkeypatch)
    on_sqlite = db.engine.dialect.name == "sqlite"
    first = "BEGIN IMMEDIATE" if on_sqlite else f"SELECT pg_advisory_xact_lock({upgrading.LOCK_KEY})"
    with another(portal) as migrating:
        migrating.exec_driver_sql(first)
        with upgrade.while_it_waits():
            assert upgrade.said == [upgrading.WAITING if on_sqlite else upgrading.ANOTHER]
        # What the first one does last.
        migrating.execute(text("update alembic_version set version_num = :head"), {"head": head()})
        migrating.commit()
    assert upgrade.end() == 0 and revision() == head()
    assert "campaigns" not in inspect(db.engine).get_table_names(), "so the second one had nothing to do"


@pytest.mark.parametrize("who", ["a backup", "an upgrade"])
def test_an_upgrade_that_gets_no_turn_ends_and_says_what_to_do(
    portal: Flask, who: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    flask_migrate.upgrade(revision=BEFORE)
    monkeypatch.setattr(upgrading, "PATIENCE", 0)
    held = {
        ("sqlite", "a backup"): "BEGIN IMMEDIATE",
        ("sqlite", "an upgrade"): "BEGIN IMMEDIATE",
        ("postgresql", "a backup"): "LOCK compliance_people IN ACCESS SHARE MODE",
        ("postgresql", "an upgrade"): f"SELECT pg_advisory_xact_lock({upgrading.LOCK_KEY})",
    }
    with another(portal) as other:
        other.exec_driver_sql(held[db.engine.dialect.name, who])
        with pytest.raises(SystemExit):
            flask_migrate.upgrade()
    assert "run the command again" in caplog.text and "Traceback" not in caplog.text
    assert revision() == BEFORE
    flask_migrate.upgrade()
    assert revision() == head()


def test_a_migration_that_fails_leaves_nothing_half_done(portal: Flask) -> None:
    flask_migrate.upgrade(revision=BEFORE)
    with db.engine.begin() as connection:
        connection.execute(text("create table campaign_users (in_the_way integer)"))
        connection.execute(text("insert into campaign_users values (1)"))
    with pytest.raises(Exception, match="already exists"):
        flask_migrate.upgrade()
    tables = inspect(db.engine).get_table_names()
    assert "campaigns" not in tables, "a table that the failed migration created before"
    # PostgreSQL keeps whole migrations before it, SQLite none.
    assert ("notices" in tables) == (revision() != BEFORE) == (db.engine.dialect.name == "postgresql")
    with db.engine.begin() as connection:
        connection.execute(text("drop table campaign_users"))
    flask_migrate.upgrade()
    assert revision() == head()


ENTERED_BY_ADMINISTRATORS = {"compliance_exceptions"}
"""Tables of a few thousand rows at most, of which an index takes milliseconds."""


def test_nobody_is_locked_out_while_an_index_is_built(postgresql: Postgres) -> None:
    app = create_app(from_env({**GOOD, "DATABASE_URL": postgresql.database("indexes")}))
    altered: set[str] = set()
    late: list[str] = []

    def executed(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        words = statement.split()
        if words[:2] == ["ALTER", "TABLE"]:
            altered.add(words[2])
        elif words[:2] == ["CREATE", "INDEX"] and words[4] in filled and altered:
            late.append(f"{statement}, while nobody can read {sorted(altered)}")

    with app.app_context():
        flask_migrate.upgrade(revision=BEFORE)
        filled = set(inspect(db.engine).get_table_names()) - ENTERED_BY_ADMINISTRATORS
        event.listen(db.engine, "begin", lambda _: altered.clear())
        event.listen(db.engine, "before_cursor_execute", executed)
        flask_migrate.upgrade()
        db.engine.dispose()
    assert late == []


def test_a_portal_is_as_before_after_an_upgrade_in_its_process(portal: Flask) -> None:
    flask_migrate.upgrade()
    with db.engine.connect() as connection:
        connection.execute(text("insert into schedules (name, lease_by, used) values ('x', '', 0)"))
        connection.rollback()
        assert connection.execute(text("select count(*) from schedules")).scalar() == 0
        if connection.dialect.name == "sqlite":
            assert connection.execute(text("pragma busy_timeout")).scalar() == 10_000


def migrated_later(oldest: str) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
        connection.execute(text("update schema_support set oldest = :oldest"), {"oldest": oldest})


def test_of_a_later_version_an_upgrade_leaves_the_schema_as_it_is(
    portal: Flask, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    flask_migrate.upgrade()
    migrated_later(oldest=head())
    flask_migrate.upgrade()
    assert "of a later version. This version works with it." in capsys.readouterr().err
    with pytest.raises(SystemExit):
        flask_migrate.downgrade(revision=BEFORE)
    assert "only that version can migrate it back" in caplog.text
    assert schema.problems_of(db.engine) == {}
    migrated_later(oldest="9998")
    assert schema.problems_of(db.engine) == {"schema": schema.TOO_NEW}
    with pytest.raises(SystemExit):
        flask_migrate.upgrade()
    assert schema.TOO_NEW in caplog.text and revision() == "9999"


def test_the_database_of_another_program_is_a_problem_and_is_left_as_it_is(
    portal: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    with db.engine.begin() as connection:
        connection.execute(text("create table if not exists alembic_version (version_num varchar(32))"))
        connection.execute(text("delete from alembic_version"))
        connection.execute(text("drop table if exists schema_support"))
        connection.execute(text("insert into alembic_version values ('another')"))
    assert schema.problems_of(db.engine) == {"schema": schema.UNKNOWN}
    before = inspect(db.engine).get_table_names()
    with pytest.raises(SystemExit):
        flask_migrate.upgrade()
    assert schema.UNKNOWN in caplog.text and revision() == "another"
    assert inspect(db.engine).get_table_names() == before


def test_where_no_database_answers_an_upgrade_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    nowhere = f"postgresql+psycopg://latchkey@127.0.0.1:{free_port()}/portal"
    app = create_app(from_env({**GOOD, "DATABASE_URL": nowhere}))
    with app.app_context(), pytest.raises(SystemExit):
        flask_migrate.upgrade()
    assert schema.UNANSWERED in caplog.text
