"""Claiming notices: a worker claims some for the time of a lease (LEASE), sends them, and stores the results.

Claiming and storing are short transactions, and nothing is sent inside one. If a worker ends in between, its claims
stay until the lease ends. Its notices may have been sent or not, so each is claimed once more, alone, and sent with
the same message ID. If that worker ends as well, an administrator decides: no notice is sent a third time by itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    and_,
    bindparam,
    case,
    exists,
    or_,
    select,
    update,
)

from app.notices.messages import Outcome, Refused, Sent, TryLater
from app.notices.models import NoticeRow, ScheduleRow
from app.notices.notice import CANCELLED, MARKS, PAUSED, TO_BE_SENT, State

LEASE = timedelta(seconds=120)
"""A claim ends this long after the worker last renewed it. A message takes 30 seconds at most."""
LONGEST_ANSWERED_WITH_ERRORS = timedelta(days=3)
"""A notice that the receiver has refused for this long isn't tried again, though such tries don't count."""
INTERRUPTED = "interrupted"
"""The error code of a notice whose worker ended before it stored a result."""
FIRST_PAUSE = 30.0
"""Seconds until the second try. Each further pause is twice as long."""
LONGEST_PAUSE = 6 * 3600.0
LONGEST_PAUSE_WHILE_DOWN = 15 * 60.0
"""So that what waits leaves soon after the server is back."""
RATE = "rate"
"""The row of `schedules` that counts for `Pace.per_minute`."""


@dataclass(frozen=True)
class QuietHours:
    """Hours in which only urgent notices are sent. They may span midnight."""

    begin: time
    end: time
    zone: ZoneInfo

    def include(self, moment: datetime) -> bool:
        """Return whether a moment is in quiet hours."""
        now = moment.astimezone(self.zone).time()
        if self.begin <= self.end:
            return self.begin <= now < self.end
        return now >= self.begin or now < self.end


@dataclass(frozen=True)
class Pace:
    """How fast notices are sent, and how often."""

    attempts: int = 10
    """After this many, a notice isn't tried again. A try for which the channel was down doesn't count."""
    per_minute: int = 0
    """Notices of all workers and channels in a minute. 0: as many as there are."""
    quiet: QuietHours | None = None


def pause_before(attempt: int, asked: float | None) -> float:
    """Return seconds until the next try. attempt: how often it was tried. asked: seconds the receiver asked for.

    They are random within a range, so that notices that failed together aren't all tried at the same time.
    """
    longest = min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE)
    drawn = longest * (0.5 + secrets.randbelow(1000) / 1000)
    return max(asked or 0.0, drawn)


def pause_while_down(waiting: timedelta, asked: float | None) -> float:
    """Return seconds until the next try of a notice whose server is down. waiting: for how long. asked: as above."""
    longest = min(max(waiting.total_seconds(), FIRST_PAUSE), LONGEST_PAUSE_WHILE_DOWN)
    return max(asked or 0.0, longest * (0.5 + secrets.randbelow(500) / 1000))


_NOTICES = cast("Table", NoticeRow.__table__)
_N = _NOTICES.c
"""Statements are made once, of the table's columns: SQLAlchemy takes longer to make them than the database to carry
them out, and longer still with the columns of the class."""
_TO_BE_SENT = _N.state.in_(bindparam("states", TO_BE_SENT, expanding=True, literal_execute=True))
"""Literal as in the condition of the index `ix_notices_due`, so that databases see that it applies."""
_DUE = and_(_TO_BE_SENT, _N.channel == bindparam("channel"), _N.not_before <= bindparam("now"))
_LOST = and_(_N.state == State.SENDING.value, _N.lease_until < bindparam("now"))
_IS_DUE = select(
    or_(
        exists().where(_DUE, _N.urgent.in_(bindparam("urgent", expanding=True))),
        exists().where(_LOST, _N.channel == bindparam("channel")),
    )
)


def _urgency(now: datetime, pace: Pace) -> tuple[bool, ...]:
    """Return the values of `urgent` of notices that may be sent now, in their order."""
    return (True,) if pace.quiet and pace.quiet.include(now) else (True, False)


def due_channels(connection: Connection, channels: Iterable[str], now: datetime, pace: Pace) -> list[str]:
    """Return those of these channels with notices to send now, also those whose worker ended."""
    values = {"now": now, "urgent": _urgency(now, pace)}
    return [each for each in channels if connection.execute(_IS_DUE, values | {"channel": each}).scalar()]


_RECLAIM = (
    update(_NOTICES)
    .where(_N.id.in_(select(_N.id).where(_LOST).with_for_update(skip_locked=True)))
    .values(
        state=case(
            (_N.last_error.in_(MARKS), State.CANCELLED.value),
            (_N.unsure < 1, State.FAILED.value),
            else_=State.DEAD.value,
        ),
        unsure=_N.unsure + 1,
        lease_by="",
        lease_until=None,
        not_before=bindparam("now"),
        last_error=INTERRUPTED,
    )
)


def reclaim(connection: Connection, now: datetime) -> int:
    """Take notices back from workers whose lease ended. Return how many."""
    return int(connection.execute(_RECLAIM, {"now": now}).rowcount)


def claim(
    connection: Connection, worker: str, channel: str, most: int, now: datetime, pace: Pace
) -> Sequence[NoticeRow]:
    """Claim due notices of a channel in the caller's transaction, urgent and oldest ones first. Return them.

    most: how many at most. A notice that may already have been sent is claimed alone.
    """
    reclaim(connection, now)
    most = _allowed(connection, most, now, pace)
    mine = {"channel": channel, "now": now}
    ids = _found(connection, _UNSURE, mine, min(most, 1))
    for urgent in () if ids else _urgency(now, pace):
        ids += _found(connection, _FIRST, {**mine, "urgent": urgent}, most - len(ids))
    if not ids:
        return []
    _count(connection, len(ids), pace)
    claimed = connection.execute(_CLAIM, {"ids": ids, "worker": worker, "until": now + LEASE})
    names = tuple(claimed.keys())
    # Plain objects with the same attributes: the ORM takes ten times as long to make its own.
    rows = {row.id: SimpleNamespace(**dict(zip(names, row, strict=True))) for row in claimed}
    return [cast("NoticeRow", rows[each]) for each in ids]


def _oldest(*which: ColumnElement[bool]) -> Select[Any]:
    found = select(_N.id).where(_DUE, *which).order_by(_N.not_before, _N.id).limit(bindparam("most"))
    return found.with_for_update(skip_locked=True)  # SQLite has one writer at a time, and no such locks


_UNSURE = _oldest(_N.unsure > 0)
_FIRST = _oldest(_N.unsure == 0, _N.urgent == bindparam("urgent"))
_CLAIM = (
    update(_NOTICES)
    .where(_N.id.in_(bindparam("ids", expanding=True)))
    .values(
        state=State.SENDING.value,
        lease_by=bindparam("worker"),
        lease_until=bindparam("until"),
        attempts=_N.attempts + 1,
    )
    .returning(*_N)
)


def _found(connection: Connection, query: Select[Any], values: Mapping[str, object], most: int) -> list[int]:
    return list(connection.execute(query, {**values, "most": most}).scalars()) if most > 0 else []


def _allowed(connection: Connection, most: int, now: datetime, pace: Pace) -> int:
    """Return how many of these the rate limit allows. Locks the count until the transaction ends."""
    if not pace.per_minute:
        return most
    minute = now.replace(second=0, microsecond=0)
    used = case((ScheduleRow.done_for == minute, ScheduleRow.used), else_=0)
    counted = (
        update(ScheduleRow)
        .where(ScheduleRow.name == RATE)
        .values(used=used, done_for=minute)
        .returning(ScheduleRow.used)
    )
    return max(0, min(most, pace.per_minute - connection.execute(counted).scalar_one()))


def _count(connection: Connection, number: int, pace: Pace) -> None:
    if pace.per_minute and number:
        connection.execute(update(ScheduleRow).where(ScheduleRow.name == RATE).values(used=ScheduleRow.used + number))


def renew(engine: Engine, worker: str, now: datetime) -> None:
    """Extend the worker's claims, because it is still sending."""
    mine = NoticeRow.state == State.SENDING.value, NoticeRow.lease_by == worker
    with engine.begin() as connection:
        connection.execute(update(NoticeRow).where(*mine).values(lease_until=now + LEASE))


_CANCELLED = select(_N.id).where(
    _N.state == State.SENDING.value, _N.lease_by == bindparam("worker"), _N.last_error.in_(MARKS)
)


def cancelled(connection: Connection, worker: str) -> set[int]:
    """Return the IDs of the worker's claimed notices that were cancelled since."""
    return set(connection.execute(_CANCELLED, {"worker": worker}).scalars())


@dataclass(frozen=True)
class Ended:
    """How the sending of a claimed notice ended. address: where to, "" where the channel has only one."""

    row: NoticeRow
    outcome: Outcome
    address: str = ""


def store_outcomes(
    connection: Connection, worker: str, ended: Sequence[Ended], now: datetime, pace: Pace
) -> Sequence[NoticeRow]:
    """Store the outcomes of claimed notices, in the caller's transaction. Return those that were sent.

    One that was cancelled in the meantime, and wasn't sent, is cancelled for good. One that the worker left out, but
    that isn't cancelled any more, waits again.
    One that was taken back in the meantime belongs to its next worker, who stores what comes of it.
    """
    mine = {"ids": [each.row.id for each in ended], "worker": worker}
    found = connection.execute(_LOCK, mine)
    still = {row.id: row.last_error if row.last_error in MARKS else "" for row in found}
    ended = [each for each in ended if each.row.id in still]
    if values := [{"row": each.row.id, **_values(each, still[each.row.id], now, pace)} for each in ended]:
        connection.execute(_STORE_OUTCOME, values)
    sent = [each for each in ended if isinstance(each.outcome, Sent)]
    for each in sent:
        each.row.sent_at, each.row.sent_to = now, each.address[:254]
    return [each.row for each in sent]


_LOCK = (
    update(_NOTICES)
    .where(
        _N.id.in_(bindparam("ids", expanding=True)),
        _N.lease_by == bindparam("worker"),
        _N.state == State.SENDING.value,
    )
    .values(lease_by=_N.lease_by)
    .returning(_N.id, _N.last_error)
)
"""Changes nothing. SQLite, which has no other lock, then lets nobody cancel a notice until its outcome is stored."""
_OUTCOME = ("state", "sent_at", "sent_to", "not_before", "last_error", "attempts", "refused_since")
_STORE_OUTCOME = (
    update(_NOTICES)
    .where(_N.id == bindparam("row"))
    .values({each: bindparam(each) for each in _OUTCOME} | {"lease_by": "", "lease_until": None})
)


def _values(each: Ended, mark: str, now: datetime, pace: Pace) -> dict[str, object]:
    """Return the values of columns. mark: one of MARKS, "" if the notice wasn't cancelled."""
    values: dict[str, object] = {
        "state": (State.CANCELLED if mark else State.DEAD).value,
        "attempts": each.row.attempts,
        "sent_at": None,
        "sent_to": "",
        "not_before": each.row.not_before,
        "refused_since": None,
    }
    match each.outcome:
        case Sent():
            sent: dict[str, object] = {
                "state": State.SENT.value,
                "sent_at": now,
                "sent_to": each.address[:254],
                "last_error": "",
            }
            return values | sent
        case Refused(code) if code == CANCELLED:
            back = {"state": State.WAITING.value, "attempts": each.row.attempts - 1}
            return values | ({} if mark else back) | {"last_error": PAUSED if mark == PAUSED else ""}
        case Refused(code):
            return values | {"last_error": code[:64]}
        case TryLater(_, code) if mark:
            return values | {"last_error": PAUSED if mark == PAUSED else code[:64]}
        case TryLater(after, code, channel_down=True, answered=answered):
            since = (each.row.refused_since or now) if answered else None
            over = since is not None and now - since >= LONGEST_ANSWERED_WITH_ERRORS
            state = State.DEAD if over else State.FAILED
            later = now + timedelta(seconds=pause_while_down(now - each.row.created_at, after))
            kept = {"state": state.value, "attempts": each.row.attempts - 1, "refused_since": since}
            return values | kept | {"not_before": later, "last_error": code[:64]}
        case TryLater(after, code):
            state = State.DEAD if each.row.attempts >= pace.attempts else State.FAILED
            later = now + timedelta(seconds=pause_before(each.row.attempts, after))
            return values | {"state": state.value, "not_before": later, "last_error": code[:64]}


def release(connection: Connection, worker: str, rows: Sequence[NoticeRow]) -> None:
    """Undo the claim of notices that the worker certainly didn't send."""
    ids = [row.id for row in rows]
    mine = NoticeRow.id.in_(ids), NoticeRow.state == State.SENDING.value, NoticeRow.lease_by == worker
    marked = NoticeRow.last_error.in_(MARKS)
    values = {
        "state": case(
            (marked, State.CANCELLED.value),
            (NoticeRow.last_error == "", State.WAITING.value),
            else_=State.FAILED.value,
        ),
        "last_error": case((NoticeRow.last_error == CANCELLED, ""), else_=NoticeRow.last_error),
        "attempts": NoticeRow.attempts - 1,
        "lease_by": "",
        "lease_until": None,
    }
    connection.execute(update(NoticeRow).where(*mine).values(values))
