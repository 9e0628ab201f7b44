"""Reading the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, String, exists, func, or_, select, type_coerce
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import aliased

from app.audit.chain import COLUMNS, ChainedRow
from app.audit.events import HAPPENED, OPEN, STILL_RUNNING, Phase
from app.audit.models import ActivityHead, ActivityRow
from app.audit.reasons import code_of

_CHAINED = [getattr(ActivityRow, name) for name in ChainedRow._fields]


@dataclass(frozen=True)
class Filter:
    """Which entries to show; empty means any."""

    user: str = ""
    """User name, or unique id."""
    event: str = ""
    outcome: str = ""
    """"done", "refused" or "unknown"."""
    since: date | None = None
    until: date | None = None
    """Both inclusive, days in UTC."""
    own_id: str = ""
    """Unique id of the user who asks for their own entries, so that another user with that name never sees them."""


OUTCOMES = {
    "done": HAPPENED,
    "refused": (Phase.REFUSED, Phase.FOUND_UNDONE),
    "unknown": OPEN,
}


@dataclass(frozen=True)
class Entry:
    """An attempt, as its latest entry shows it."""

    seq: int
    at: datetime
    user_name: str
    event: str
    """`app.audit.log.Event`, or one of a newer portal on the same database."""
    target: str
    phase: str
    reason: str
    """`PortalError.code`, whatever the stored row calls it; "" for none."""
    request_id: str
    address: str
    user_agent: str
    session: str
    under_way: bool
    """The intent is so young that its request may still be running."""


@dataclass(frozen=True)
class PageOfEntries:
    """Some entries, newest first."""

    entries: list[Entry]
    older: int | None
    """Where the next page begins (`before`), if there is one."""


def _conditions(account_id: str, chosen: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [ActivityRow.account_id == account_id]
    if chosen.own_id:
        found.append(ActivityRow.user_id == chosen.own_id)
    if chosen.user:
        found.append(or_(ActivityRow.user_name == chosen.user, ActivityRow.user_id == chosen.user))
    if chosen.event:
        found.append(ActivityRow.event == chosen.event)
    if chosen.outcome:
        found.append(ActivityRow.phase.in_(OUTCOMES[chosen.outcome]))
    if chosen.since:
        found.append(ActivityRow.at >= datetime.combine(chosen.since, time(), UTC))
    if chosen.until:
        found.append(ActivityRow.at < datetime.combine(chosen.until + timedelta(days=1), time(), UTC))
    return found


def _latest() -> ColumnElement[bool]:
    """Only the last row of each attempt: what became of it."""
    later = aliased(ActivityRow)
    return ~exists().where(
        later.attempt_id == ActivityRow.attempt_id,
        later.account_id == ActivityRow.account_id,
        later.seq > ActivityRow.seq,
    )


def entries(
    engine: Engine, account_id: str, chosen: Filter, now: datetime, before: int | None = None, size: int = 50
) -> PageOfEntries:
    """Return a page of attempts, newest first.

    before: `seq` of the last entry of the page before, None for the first page. size: how many attempts. now: UTC.
    """
    query = select(ActivityRow.__table__).where(*_conditions(account_id, chosen), _latest())
    if before is not None:
        query = query.where(ActivityRow.seq < before)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(ActivityRow.seq.desc()).limit(size + 1)).all()
    return PageOfEntries([_entry(row, now) for row in rows[:size]], rows[size - 1].seq if len(rows) > size else None)


def has_unidentified(engine: Engine, account_id: str, user_name: str) -> bool:
    """Are there entries under this name that don't say which user it was? Releases before unique IDs wrote those."""
    query = select(ActivityRow.seq).where(
        ActivityRow.account_id == account_id, ActivityRow.user_name == user_name, ActivityRow.user_id == ""
    )
    with engine.connect() as connection:
        return connection.execute(query.limit(1)).first() is not None


def ids_under(engine: Engine, account_id: str, user_name: str, since: datetime) -> list[str]:
    """Return the unique IDs of the users who did something under this name since then (UTC)."""
    query = (
        select(ActivityRow.user_id)
        .distinct()
        .where(
            ActivityRow.account_id == account_id,
            ActivityRow.user_name == user_name,
            ActivityRow.user_id != "",
            ActivityRow.at >= since,
        )
    )
    with engine.connect() as connection:
        return list(connection.execute(query).scalars())


def entry(engine: Engine, account_id: str, user_id: str, seq: int, now: datetime) -> Entry | None:
    """Return one of a user's own entries, None where they have none with this `seq`. now: UTC."""
    query = select(ActivityRow.__table__).where(
        ActivityRow.account_id == account_id, ActivityRow.user_id == user_id, ActivityRow.seq == seq
    )
    with engine.connect() as connection:
        row = connection.execute(query).first()
    return _entry(row, now) if row else None


def _entry(row: Row[Any], now: datetime) -> Entry:
    return Entry(
        row.seq,
        row.at,
        row.user_name,
        row.event,
        row.target,
        row.phase,
        code_of(row.reason),
        row.request_id,
        row.address,
        row.user_agent,
        row.session,
        under_way=row.phase == Phase.INTENDED and row.at > now - STILL_RUNNING,
    )


def rows(engine: Engine, account_id: str, chosen: Filter) -> Iterator[dict[str, Any]]:
    """Yield every row in order, as it is stored, a few at a time in memory. With an outcome: only its rows."""
    wanted = [*_conditions(account_id, chosen), *([_latest()] if chosen.outcome else [])]
    query = select(*_CHAINED, ActivityRow.mac).where(*wanted).order_by(ActivityRow.seq)
    with engine.connect().execution_options(yield_per=1000) as connection:
        for row in connection.execute(query):
            yield {**row._mapping, "at": row.at.isoformat()}


@contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
    """Let SQLite return text that isn't UTF-8: it stores any value in any column. Reading takes twice as long."""
    raw: Any = connection.connection.dbapi_connection
    if connection.dialect.name != "sqlite":
        yield
        return
    raw.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
    try:
        yield
    finally:
        raw.text_factory = str


def accounts(engine: Engine) -> tuple[list[str], list[object]]:
    """Return the accounts that have rows or a head, and the stored values that can't be an account ID."""
    with engine.connect() as connection, _any_text(connection):
        heads = connection.execute(select(ActivityHead.account_id)).scalars().all()
        found = {*heads, *connection.execute(select(ActivityRow.account_id).distinct()).scalars()}
    named = {each for each in found if isinstance(each, str) and each.isprintable()}
    return sorted(named), sorted(found - named, key=repr)


def head_of(engine: Engine, account_id: str) -> tuple[int, str] | None:
    """Return (seq, mac) of the last row, as the table of heads has it: (0, "") for none, None for anything odd."""
    query = select(ActivityHead.seq, ActivityHead.mac).where(ActivityHead.account_id == account_id)
    with engine.connect() as connection, _any_text(connection):
        row = connection.execute(query).first()
    if row is None:
        return 0, ""
    return (row.seq, row.mac) if isinstance(row.seq, int) and isinstance(row.mac, str) else None


AT_ONCE = 5000
"""Rows of a chain in memory."""
_SQLITE_TIME = type_coerce(ActivityRow.at, String())
_POSTGRESQL_TIME = func.replace(
    func.to_char(func.timezone("UTC", ActivityRow.at), "YYYY-MM-DD HH24:MI:SS.US BC"), " AD", ""
)
"""With the era, because a time BC would look like one of ours. Years of five digits aren’t ours either."""


def chain_of(engine: Engine, account_id: str) -> Iterator[Row[Any]]:
    """An account's rows, in order: whatever is stored in COLUMNS, times as text in UTC."""
    on_sqlite = engine.dialect.name == "sqlite"
    at = (_SQLITE_TIME if on_sqlite else _POSTGRESQL_TIME).label("at")
    columns = [at if name == "at" else getattr(ActivityRow, name) for name in COLUMNS]
    query = select(*columns).where(ActivityRow.account_id == account_id).order_by(ActivityRow.seq)
    read = 0
    with engine.connect().execution_options(yield_per=AT_ONCE) as connection:
        if on_sqlite:
            connection.exec_driver_sql("BEGIN")  # so that a second query finds the same rows
        try:
            for row in connection.execute(query):
                read += 1
                yield row
        except OperationalError:  # text that isn't UTF-8
            if not on_sqlite:
                raise
            with _any_text(connection):
                yield from islice(connection.execute(query), read, None)
