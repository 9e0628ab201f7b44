"""Reading the record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, exists, select
from sqlalchemy.orm import aliased

from app.audit import HAPPENED, OPEN, STILL_RUNNING, Phase
from app.chain import Link
from app.models import ActivityHead, ActivityRow

_LINK = [getattr(ActivityRow, name) for name in Link._fields]


@dataclass(frozen=True)
class Filter:
    """Which attempts to show; empty means any."""

    user_name: str = ""
    event: str = ""
    outcome: str = ""
    """"done", "refused" or "unknown"."""
    since: date | None = None
    until: date | None = None
    """Both inclusive, days in UTC."""


OUTCOMES = {
    "done": HAPPENED,
    "refused": (Phase.REFUSED, Phase.FOUND_UNDONE),
    "unknown": OPEN,
}


@dataclass(frozen=True)
class Entry:
    """An attempt, as its latest row tells it."""

    seq: int
    at: datetime
    user_name: str
    event: str
    """`app.audit.Event`, or one of a newer portal on the same database."""
    target: str
    phase: str
    reason: str
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
    if chosen.user_name:
        found.append(ActivityRow.user_name == chosen.user_name)
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
    """A page of attempts, newest first."""
    query = select(ActivityRow.__table__).where(*_conditions(account_id, chosen), _latest())
    if before is not None:
        query = query.where(ActivityRow.seq < before)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(ActivityRow.seq.desc()).limit(size + 1)).all()
    return PageOfEntries([_entry(row, now) for row in rows[:size]], rows[size - 1].seq if len(rows) > size else None)


def entry(engine: Engine, account_id: str, user_name: str, seq: int, now: datetime) -> Entry | None:
    """One of a person's own entries."""
    query = select(ActivityRow.__table__).where(
        ActivityRow.account_id == account_id, ActivityRow.user_name == user_name, ActivityRow.seq == seq
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
        row.reason,
        row.request_id,
        row.address,
        row.user_agent,
        row.session,
        under_way=row.phase == Phase.INTENDED and row.at > now - STILL_RUNNING,
    )


COLUMNS = [*Link._fields, "mac"]


def rows(engine: Engine, account_id: str, chosen: Filter) -> Iterator[dict[str, Any]]:
    """Every row, in order, as it is stored, a few at a time in memory; by outcome, the row that tells it."""
    wanted = [*_conditions(account_id, chosen), *([_latest()] if chosen.outcome else [])]
    query = select(*_LINK, ActivityRow.mac).where(*wanted).order_by(ActivityRow.seq)
    with engine.connect().execution_options(yield_per=1000) as connection:
        for row in connection.execute(query):
            yield {**row._mapping, "at": row.at.isoformat()}


def accounts(engine: Engine) -> Sequence[str]:
    """Accounts that have rows or a head."""
    with engine.connect() as connection:
        heads = connection.execute(select(ActivityHead.account_id)).scalars().all()
        return sorted({*heads, *connection.execute(select(ActivityRow.account_id).distinct()).scalars()})


def head_of(engine: Engine, account_id: str) -> tuple[int, str]:
    """(seq, mac) of the last row written, as the table of heads has it."""
    query = select(ActivityHead.seq, ActivityHead.mac).where(ActivityHead.account_id == account_id)
    with engine.connect() as connection:
        row = connection.execute(query).first()
    return (row.seq, row.mac) if row else (0, "")


def chain_of(engine: Engine, account_id: str) -> Iterator[tuple[Link, str]]:
    """An account's rows with their macs, in order."""
    query = select(*_LINK, ActivityRow.mac).where(ActivityRow.account_id == account_id).order_by(ActivityRow.seq)
    with engine.connect().execution_options(yield_per=5000) as connection:
        for row in connection.execute(query):
            yield Link(*row[:-1]), row[-1]
