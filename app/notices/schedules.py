"""What is done from time to time, like reminders: once for each moment of its plan, whatever the number of workers.

Each worker looks every minute what is due. The first one that writes its name into the row does it. If that worker
ends before it is done, another one does it again, so jobs must be able to bear that. What fell due while no worker
was running is done once when one runs again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import Engine, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.notices.models import ScheduleRow

log = logging.getLogger(__name__)
DEAD_AFTER = timedelta(seconds=60)
"""Without a sign of life for so long, the worker that was doing it counts as ended."""
AGAIN_AFTER = timedelta(minutes=10)
"""A job that failed is tried again after so long."""
_MINUTE = timedelta(minutes=1)
_LONGEST = timedelta(days=32)
"""So far back is looked for a moment of the plan."""
WORKER = "worker"
"""The row in which workers say that they run."""


@dataclass(frozen=True)
class Schedule:
    """Something that is done from time to time."""

    name: str
    """At most 64 characters. It is stored."""
    plan: Callable[[datetime], bool]
    """Tells whether a minute is in the plan, like `huey.crontab(minute="0", hour="7", day_of_week="1")`. It gets the
    time of the zone in the settings."""
    job: Callable[[datetime], None]
    """Does it, in an application context. It gets the moment of the plan (UTC)."""

    def last_moment(self, now: datetime, after: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the latest moment of the plan that isn't in the future, None if there's none after `after`.

        What is planned for a time that the clock skips, like 2:30 when summer time begins, is due right after it.
        """
        moment = now.replace(second=0, microsecond=0)
        shown = moment.astimezone(zone)
        while moment > max(after, now - _LONGEST):
            before = (moment - _MINUTE).astimezone(zone)
            if any(map(self.plan, (shown, *_skipped(before, shown)))):
                return moment
            moment, shown = moment - _MINUTE, before
        return None


def _skipped(before: datetime, after: datetime) -> Iterator[datetime]:
    """Yield the minutes that no clock shows between two minutes that follow each other."""
    missing = after.replace(tzinfo=None) - before.replace(tzinfo=None) - _MINUTE
    yield from (before + number * _MINUTE for number in range(1, missing // _MINUTE + 1))


def plan(app: Flask, *schedules: Schedule) -> None:
    """Let the portal's workers do these."""
    app.extensions.setdefault("schedules", []).extend(schedules)


def planned(app: Flask) -> list[Schedule]:
    """Return what its workers do."""
    return list(app.extensions.get("schedules", ()))


def ensure_row(engine: Engine, name: str, done_for: datetime | None = None) -> None:
    """Make sure there's a row of this name in `schedules`. done_for: for a new one."""
    try:
        with engine.begin() as connection:
            if connection.execute(select(ScheduleRow.name).where(ScheduleRow.name == name)).first() is None:
                connection.execute(insert(ScheduleRow).values(name=name, lease_by="", used=0, done_for=done_for))
    except IntegrityError:
        pass  # another worker was faster


def for_each(names: Iterable[str], job: Callable[[str], None]) -> None:
    """Do something for each, also after one that failed. Raises ExceptionGroup at the end if any did."""
    errors = []
    for name in names:
        try:
            job(name)
        except Exception as error:  # raised below: one that fails must not keep others from being done
            log.exception("failed for %s", name)
            errors.append(error)
    if errors:
        raise ExceptionGroup("some of it failed", errors)


class Schedules:
    """The schedules, as one worker does them."""

    def __init__(self, engine: Engine, worker: str, zone: ZoneInfo, all_of_them: Iterable[Schedule]) -> None:
        self._engine, self._worker, self._zone = engine, worker, zone
        self._all = tuple(all_of_them)
        self._nothing_until: dict[str, datetime] = {}

    def begin(self) -> None:
        """Make a row for each. A new one is first done at the next moment of its plan."""
        now = datetime.now(UTC)
        for name in (WORKER, *(each.name for each in self._all)):
            ensure_row(self._engine, name, done_for=now)

    def run(self) -> list[str]:
        """Do what is due and isn't done by another worker. Return the names of what was done."""
        return [each.name for each in self._all if self._run(each)]

    def _run(self, schedule: Schedule) -> bool:
        now = datetime.now(UTC)
        with self._engine.connect() as connection:
            query = select(ScheduleRow.done_for).where(ScheduleRow.name == schedule.name)
            done_for = connection.execute(query).scalar() or now - _LONGEST
        looked = self._nothing_until.get(schedule.name, done_for)
        moment = schedule.last_moment(now, max(done_for, looked), self._zone)
        if not moment:
            self._nothing_until[schedule.name] = now - _MINUTE
            return False
        if not self._claim(schedule.name, moment, now):
            return False
        try:
            schedule.job(moment)
        except Exception:  # a job that fails must not keep others from being done
            log.exception("schedule %s failed", schedule.name)
            self._set(schedule.name, beat_at=datetime.now(UTC) + AGAIN_AFTER - DEAD_AFTER, lease_by="failed")
            return False
        self._set(schedule.name, done_for=moment, lease_by="")
        return True

    def _claim(self, name: str, moment: datetime, now: datetime) -> bool:
        free = or_(ScheduleRow.lease_by == "", ScheduleRow.beat_at < now - DEAD_AFTER)
        mine = ScheduleRow.name == name, ScheduleRow.done_for < moment, free
        with self._engine.begin() as connection:
            claimed = update(ScheduleRow).where(*mine).values(lease_by=self._worker, beat_at=now)
            return connection.execute(claimed).rowcount == 1

    def _set(self, name: str, **values: object) -> None:
        mine = ScheduleRow.name == name, ScheduleRow.lease_by == self._worker
        with self._engine.begin() as connection:
            connection.execute(update(ScheduleRow).where(*mine).values(**values))

    def beat(self) -> None:
        """Say that this worker runs, and does what it has claimed."""
        mine = or_(ScheduleRow.name == WORKER, ScheduleRow.lease_by == self._worker)
        with self._engine.begin() as connection:
            connection.execute(update(ScheduleRow).where(mine).values(beat_at=datetime.now(UTC)))
