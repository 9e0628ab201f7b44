"""Migrating a database that is in use: one migration at a time, short waits for locks, tried again if one isn't free.

On PostgreSQL, a statement that waits for a table's lock makes all later queries of the table wait behind it. So no
migration waits longer than `LOCK_TIMEOUT_MS`. Each is a transaction of its own, so that its locks end with it. On
SQLite, which lets one process write at a time, all of them are one transaction: none or all are carried out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from sqlite3 import SQLITE_BUSY, SQLITE_LOCKED
from typing import Any

import click
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError, OperationalError

LOCK_TIMEOUT_MS = 500
"""Below PostgreSQL's `deadlock_timeout` of a second: of a migration and a request that wait for one another, the
migration gives way."""
PATIENCE = 300.0
"""Seconds after which an upgrade that gets no lock ends."""
PAUSE = 1.0
"""Seconds between tries. Meanwhile, the queries that waited behind the migration are carried out."""
LOCK_KEY = int.from_bytes(b"Latchkey")
"""Of PostgreSQL's advisory lock that only one upgrade of a database has."""
_LOCK_NOT_AVAILABLE, _DEADLOCK = "55P03", "40P01"
WAITING = "The database is in use. Waiting for a moment in which it can be migrated."
ANOTHER = "The database is being migrated by another command. Waiting for it."
TOO_LONG = (
    "The database couldn’t be migrated, because something else kept using it for {:.0f} minutes: a backup, a long "
    "query, or another migration. What was migrated until then stays. End that, and run the command again."
)

Migrate = Callable[[Connection], None]


def run(engine: Engine, migrate: Migrate, unanswered: str) -> None:
    """Migrate while other processes use the database.

    migrate: gets a connection, and is called again after it gave way. Raises CommandError, which Flask-Migrate
    shows, if there's no lock within `PATIENCE`, and with the message `unanswered` if the database can't be reached.
    """
    until = time.monotonic() + PATIENCE
    try:
        with _alone(engine, until):
            _patiently(engine, migrate, until)
    except OperationalError as error:
        if error.connection_invalidated or error.statement is None:
            raise CommandError(unanswered) from error
        raise


def _patiently(engine: Engine, migrate: Migrate, until: float) -> None:
    said = False
    while True:
        try:
            with engine.connect() as connection, _short_waits(connection):
                migrate(connection)
                return
        except DBAPIError as error:
            if not _is_in_use(error):
                raise
            if time.monotonic() > until:
                raise CommandError(TOO_LONG.format(PATIENCE / 60)) from error
        if not said:
            click.echo(WAITING, err=True)
            said = True
        time.sleep(PAUSE)


@contextmanager
def _short_waits(connection: Connection) -> Iterator[None]:
    """Begin each transaction of this connection so that it doesn't hold up others."""
    if connection.dialect.name == "sqlite":
        with _sqlite_transactions(connection.connection.dbapi_connection):
            event.listen(connection, "begin", lambda begun: begun.exec_driver_sql("BEGIN IMMEDIATE"))
            yield
            connection.rollback()
    else:
        limit = f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}"
        event.listen(connection, "begin", lambda begun: begun.exec_driver_sql(limit))
        yield


@contextmanager
def _sqlite_transactions(dbapi: Any) -> Iterator[None]:
    """Let Python's module begin no transactions: it wouldn't for statements that change the schema."""
    isolation_level = dbapi.isolation_level
    (patience,) = dbapi.execute("PRAGMA busy_timeout").fetchone()
    dbapi.isolation_level = None
    dbapi.execute(f"PRAGMA busy_timeout = {LOCK_TIMEOUT_MS}")
    try:
        yield
    finally:
        if dbapi.in_transaction:
            dbapi.rollback()
        dbapi.execute(f"PRAGMA busy_timeout = {patience}")
        dbapi.isolation_level = isolation_level


@contextmanager
def _alone(engine: Engine, until: float) -> Iterator[None]:
    """Let only one command migrate a PostgreSQL database. SQLite's transaction does that by itself.

    The lock is a transaction's, of a connection that does nothing else. So it also works behind a pool like
    PgBouncer, and ends with this process.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    said = False
    lock = text("SELECT pg_try_advisory_xact_lock(:key)").bindparams(key=LOCK_KEY)
    with engine.connect() as connection:
        while True:
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            if connection.execute(lock).scalar():
                break
            connection.rollback()
            if time.monotonic() > until:
                raise CommandError(TOO_LONG.format(PATIENCE / 60))
            if not said:
                click.echo(ANOTHER, err=True)
                said = True
            time.sleep(PAUSE)
        yield


def _is_in_use(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    code = getattr(error.orig, "sqlite_errorcode", None)
    return state in (_LOCK_NOT_AVAILABLE, _DEADLOCK) or code in (SQLITE_BUSY, SQLITE_LOCKED)
