"""What is stored of an account as a whole. It changes only within a transaction that holds its row's lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from sqlite3 import SQLITE_BUSY
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from app.compliance.data.models import ComplianceAccount, ComplianceException
from app.compliance.data.rows import AccountRow, Exceptions

MOMENT = 50
"""Milliseconds that one request waits for the short writes of others, as of their sessions."""
_COLUMNS = [ComplianceAccount.__table__.c[field.name] for field in fields(AccountRow)]


@dataclass
class AccountData:
    """An account whose row is locked: no other process changes anything of the account until the transaction ends."""

    connection: Connection
    row: AccountRow
    """As it is now, changes included."""
    found: AccountRow = field(init=False)
    """As it was when it was locked."""

    def __post_init__(self) -> None:
        self.found = self.row

    @property
    def account_id(self) -> str:
        """12 digits."""
        return self.row.account_id

    def change(self, **values: Any) -> None:
        """Set columns of the account's row. The names are AccountRow's."""
        if not values:
            return
        mine = ComplianceAccount.account_id == self.account_id
        self.connection.execute(update(ComplianceAccount).where(mine).values(**values))
        self.row = replace(self.row, **values)

    def exceptions(self, now: datetime) -> Exceptions:
        """Return the exceptions in force. Of two for the same rule and user, the one that ends last counts."""
        query = select(ComplianceException.user_name, ComplianceException.rule, ComplianceException.until).where(
            ComplianceException.account_id == self.account_id, in_force(now)
        )
        found: dict[str, dict[str, datetime]] = {}
        for user_name, rule, until in self.connection.execute(query.order_by(ComplianceException.until)):
            found.setdefault(user_name, {})[rule] = until
        return found

    def end_exceptions_of_former(self, created: Mapping[str, datetime | None], now: datetime) -> None:
        """End the exceptions made before the user was created: they were for a deleted user of the same name.

        created: by user name, None where it isn't known.
        """
        query = select(ComplianceException.id, ComplianceException.user_name, ComplianceException.made_at).where(
            ComplianceException.account_id == self.account_id, not_over(now)
        )
        former = [
            number
            for number, name, made_at in self.connection.execute(query)
            if (created_at := created.get(name)) and made_at < created_at
        ]
        if former:
            ended = {"ended_at": now, "ended_by": "Latchkey, because the user was deleted and created again"}
            chosen = ComplianceException.id.in_(former)
            self.connection.execute(update(ComplianceException).where(chosen).values(**ended))


def ensure_account_row(engine: Engine, account_id: str) -> None:
    """Create the account's row where there is none yet."""
    with engine.connect() as connection:
        if read_account(connection, account_id):
            return
    blank = {"user_list": {}, "report": {}, "judged_with": "", "stale": False, "running": ""}
    try:
        with engine.begin() as connection:
            connection.execute(insert(ComplianceAccount).values(account_id=account_id, **blank))
    except IntegrityError:
        pass  # another process was faster


def read_account(connection: Connection, account_id: str) -> AccountRow | None:
    """Return the account's row without locking it, None where there is none."""
    row = connection.execute(select(*_COLUMNS).where(ComplianceAccount.account_id == account_id)).first()
    return AccountRow(*row) if row else None


@contextmanager
def locked(engine: Engine, account_id: str) -> Iterator[AccountData]:
    """Begin a transaction that holds the account's lock, and commit it at the end. The account's row must exist."""
    with engine.begin() as connection:
        yield lock(connection, account_id)


@contextmanager
def locked_if_free(engine: Engine, account_id: str) -> Iterator[AccountData | None]:
    """Like `locked`, but gives None instead of waiting if another process has the lock."""
    with engine.connect() as connection, _impatient(connection):
        account = _lock_if_free(connection, account_id)
        yield account
        if account:
            connection.commit()


def _lock_if_free(connection: Connection, account_id: str) -> AccountData | None:
    mine = ComplianceAccount.account_id == account_id
    if connection.dialect.name != "sqlite":
        free = select(ComplianceAccount.account_id).where(mine).with_for_update(skip_locked=True)
        return lock(connection, account_id) if connection.execute(free).first() else None
    try:
        return lock(connection, account_id)
    except OperationalError as error:
        if getattr(error.orig, "sqlite_errorcode", None) != SQLITE_BUSY:
            raise
        return None


@contextmanager
def _impatient(connection: Connection) -> Iterator[None]:
    """Let SQLite, which locks the whole database, wait only a moment for another writer."""
    if connection.dialect.name != "sqlite":
        yield
        return
    patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
    connection.exec_driver_sql(f"PRAGMA busy_timeout={MOMENT}")
    try:
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql(f"PRAGMA busy_timeout={patience}")


def lock(connection: Connection, account_id: str) -> AccountData:
    """Lock the account's row until the connection's transaction ends. The row must exist."""
    statement = (
        update(ComplianceAccount)
        .where(ComplianceAccount.account_id == account_id)
        .values(version=ComplianceAccount.version + 1)  # the first statement takes the lock, on SQLite and PostgreSQL
        .returning(*_COLUMNS)
    )
    return AccountData(connection, AccountRow(*connection.execute(statement).one()))


def in_force(now: datetime) -> ColumnElement[bool]:
    """The condition that an exception counts: it isn't over, and waits for nobody's approval."""
    return not_over(now) & ~ComplianceException.waits


def not_over(now: datetime) -> ColumnElement[bool]:
    """The condition that an exception has not expired, and nobody ended it. It may wait for approval."""
    return (ComplianceException.until > now) & ComplianceException.ended_at.is_(None)
