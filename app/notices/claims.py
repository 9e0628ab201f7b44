"""Claiming notices: a worker claims some for the time of a lease (LEASE), sends them, and stores the results.

Claiming and storing are short transactions, and nothing is sent inside one. If a worker ends in between, its claims
stay until the lease ends. Its notices may have been sent or not, so each is claimed once more, alone, and sent with
the same message ID. If that worker ends as well, an administrator decides: no notice is sent a third time by itself.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from types import SimpleNamespace
from typing import cast
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Engine, and_, bindparam, case, or_, select, update

from app.notices.messages import Outcome, Refused, Sent, TryLater
from app.notices.models import NoticeRow, ScheduleRow
from app.notices.notice import CANCELLED, MARKS, PAUSED, TO_BE_SENT, State

LEASE = timedelta(seconds=120)
"""A claim ends this long after the worker last renewed it. A message takes 30 seconds at most."""
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
    """After so many, a notice isn't tried again. A try for which the channel was down doesn't count."""
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
    """Return seconds until the next try of a notice that has been waiting for a server so long. asked: as above."""
    longest = min(max(waiting.total_seconds(), FIRST_PAUSE), LONGEST_PAUSE_WHILE_DOWN)
    return max(asked or 0.0, longest * (0.5 + secrets.randbelow(500) / 1000))


def _due(now: datetime, pace: Pace) -> ColumnElement[bool]:
    due = and_(NoticeRow.state.in_(TO_BE_SENT), NoticeRow.not_before <= now)
    if pace.quiet and pace.quiet.include(now):
        due = and_(due, NoticeRow.urgent)
    return due


def due_channels(connection: Connection, now: datetime, pace: Pace) -> list[str]:
    """Return the channels with notices to send now, also those whose worker ended."""
    lost = and_(NoticeRow.state == State.SENDING.value, NoticeRow.lease_until < now)
    query = select(NoticeRow.channel).where(or_(_due(now, pace), lost)).distinct()
    return list(connection.execute(query).scalars())


def reclaim(connection: Connection, now: datetime) -> int:
    """Take notices back from workers whose lease ended. Return how many."""
    marked, again = NoticeRow.last_error.in_(MARKS), NoticeRow.unsure < 1
    statement = (
        update(NoticeRow)
        .where(NoticeRow.state == State.SENDING.value, NoticeRow.lease_until < now)
        .values(
            state=case((marked, State.CANCELLED.value), (again, State.FAILED.value), else_=State.DEAD.value),
            unsure=NoticeRow.unsure + 1,
            lease_by="",
            lease_until=None,
            not_before=now,
            last_error=INTERRUPTED,
        )
    )
    return int(connection.execute(statement).rowcount)


def claim(engine: Engine, worker: str, channel: str, most: int, now: datetime, pace: Pace) -> Sequence[NoticeRow]:
    """Claim due notices of a channel, urgent and oldest ones first. Return them. most: how many at most.

    A notice that may already have been sent is claimed alone.
    """
    with engine.begin() as connection:
        reclaim(connection, now)
        most = _allowed(connection, most, now, pace)
        mine = and_(_due(now, pace), NoticeRow.channel == channel)
        rows = _claimed(connection, worker, and_(mine, NoticeRow.unsure > 0), min(most, 1), now)
        rows = rows or _claimed(connection, worker, and_(mine, NoticeRow.unsure == 0), most, now)
        _count(connection, len(rows), pace)
    return rows


def _claimed(
    connection: Connection, worker: str, which: ColumnElement[bool], most: int, now: datetime
) -> Sequence[NoticeRow]:
    if most < 1:
        return []
    first = NoticeRow.urgent.desc(), NoticeRow.not_before, NoticeRow.id
    # SQLite has one writer at a time, and ignores the lock.
    found = select(NoticeRow.id).where(which).order_by(*first).limit(most).with_for_update(skip_locked=True)
    ids = list(connection.execute(found).scalars())
    if not ids:
        return []
    values = {
        "state": State.SENDING.value,
        "lease_by": worker,
        "lease_until": now + LEASE,
        "attempts": NoticeRow.attempts + 1,
    }
    claimed = update(NoticeRow).where(NoticeRow.id.in_(ids), which).values(values).returning(*NoticeRow.__table__.c)
    # Plain objects with the same attributes: the ORM takes ten times as long to make its own.
    rows = [cast("NoticeRow", SimpleNamespace(**row._mapping)) for row in connection.execute(claimed)]
    return sorted(rows, key=lambda row: ids.index(row.id))


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


def is_cancelled(engine: Engine, number: int) -> bool:
    """Tell whether a notice was cancelled since it was claimed. number: its ID."""
    with engine.connect() as connection:
        return connection.execute(select(NoticeRow.last_error).where(NoticeRow.id == number)).scalar() in MARKS


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
    ids = [each.row.id for each in ended]
    mine = NoticeRow.id.in_(ids), NoticeRow.lease_by == worker, NoticeRow.state == State.SENDING.value
    found = connection.execute(select(NoticeRow.id, NoticeRow.last_error).where(*mine).with_for_update())
    still = {row.id: row.last_error if row.last_error in MARKS else "" for row in found}
    ended = [each for each in ended if each.row.id in still]
    if values := [{"row": each.row.id, **_values(each, still[each.row.id], now, pace)} for each in ended]:
        connection.execute(_STORE_OUTCOME, values)
    sent = [each for each in ended if isinstance(each.outcome, Sent)]
    for each in sent:
        each.row.sent_at, each.row.sent_to = now, each.address[:254]
    return [each.row for each in sent]


_STORE_OUTCOME = (
    update(NoticeRow.__table__)  # type: ignore[arg-type] # a Table, though its type says FromClause
    .where(NoticeRow.id == bindparam("row"))
    .values(
        {each: bindparam(each) for each in ("state", "sent_at", "sent_to", "not_before", "last_error", "attempts")}
        | {"lease_by": "", "lease_until": None}
    )
)
"""By the table, since the ORM updates one row after another."""


def _values(each: Ended, mark: str, now: datetime, pace: Pace) -> dict[str, object]:
    """Return the values of columns. mark: one of MARKS, "" if the notice wasn't cancelled."""
    values: dict[str, object] = {
        "state": (State.CANCELLED if mark else State.DEAD).value,
        "attempts": each.row.attempts,
        "sent_at": None,
        "sent_to": "",
        "not_before": each.row.not_before,
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
        case TryLater(after, code, channel_down=True):
            later = now + timedelta(seconds=pause_while_down(now - each.row.created_at, after))
            kept = {"state": State.FAILED.value, "attempts": each.row.attempts - 1}
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
