"""Scheduled jobs, like reminders: each runs once for each of its times, however many workers there are.

Each worker checks every minute which jobs are due. The first that writes its name into a job's row runs it. If that
worker ends before the job is done, another one runs it again, so running a job twice must do no harm. A job that was
due while no worker was running is run once when a worker starts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from flask import Flask
from sqlalchemy import Engine, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.notices.models import ScheduleRow

log = logging.getLogger(__name__)
DEAD_AFTER = timedelta(seconds=60)
"""A worker without a sign of life for this long counts as ended."""
AGAIN_AFTER = timedelta(minutes=10)
"""When a failed job is tried again."""
_MINUTE = timedelta(minutes=1)
Named = TypeVar("Named")
"""What a job is done for."""
_LONGEST = timedelta(days=32)
"""How far back to look for a missed time."""
WORKER = "worker"
"""The row for workers' signs of life."""


@dataclass(frozen=True)
class Schedule:
    """A scheduled job."""

    name: str
    """At most 64 characters. It is stored."""
    plan: Callable[[datetime], bool]
    """Returns whether the job is due at a minute, like `huey.crontab(minute="0", hour="7", day_of_week="1")`. It gets
    the time in NOTICES_TIME_ZONE."""
    job: Callable[[datetime], None]
    """Runs in an application context. It gets its scheduled time (UTC)."""
    each_hour: bool = False
    """Also due when a clock shows an hour for the second time, in autumn. Other jobs are due the first time only."""

    def last_moment(self, now: datetime, after: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the latest moment of the plan that isn't in the future, None if there's none after `after`.

        What is planned for a time that the clock skips, like 2:30 when summer time begins, is due right after it.
        """
        moment = now.replace(second=0, microsecond=0)
        shown = moment.astimezone(zone)
        while moment > max(after, now - _LONGEST):
            before = (moment - _MINUTE).astimezone(zone)
            repeated = shown.fold and not self.each_hour
            if not repeated and any(map(self.plan, (shown, *_skipped(before, shown)))):
                return moment
            moment, shown = moment - _MINUTE, before
        return None


def _skipped(before: datetime, after: datetime) -> Iterator[datetime]:
    """Yield the minutes that no clock shows between two minutes that follow each other."""
    missing = after.replace(tzinfo=None) - before.replace(tzinfo=None) - _MINUTE
    yield from (before + number * _MINUTE for number in range(1, missing // _MINUTE + 1))


def plan(app: Flask, *schedules: Schedule) -> None:
    """Add jobs for the portal's workers."""
    app.extensions.setdefault("schedules", []).extend(schedules)


def planned(app: Flask) -> list[Schedule]:
    """Return the jobs of the portal's workers."""
    return list(app.extensions.get("schedules", ()))


def ensure_row(engine: Engine, name: str, done_for: datetime | None = None) -> None:
    """Make sure there's a row of this name in `schedules`. done_for: for a new one."""
    try:
        with engine.begin() as connection:
            if connection.execute(select(ScheduleRow.name).where(ScheduleRow.name == name)).first() is None:
                connection.execute(insert(ScheduleRow).values(name=name, lease_by="", used=0, done_for=done_for))
    except IntegrityError:
        pass  # another worker was faster


def for_each(names: Iterable[Named], job: Callable[[Named], None]) -> None:
    """Do something for each, also after one that failed. Raises ExceptionGroup at the end if any did.

    A job may use it in turn: what failed there is in the same group, and logged once.
    """
    errors: list[Exception] = []
    for name in names:
        try:
            job(name)
        except ExceptionGroup as failed:
            errors += failed.exceptions
        except Exception as error:  # raised below: one that fails must not keep others from being done
            log.exception("failed for %s", name)
            errors.append(error)
    if errors:
        raise ExceptionGroup("some of it failed", errors)


class Schedules:
    """Runs the due jobs of one worker."""

    def __init__(self, engine: Engine, worker: str, zone: ZoneInfo, all_of_them: Iterable[Schedule]) -> None:
        self._engine, self._worker, self._zone = engine, worker, zone
        self._all = tuple(all_of_them)
        self._nothing_until: dict[str, datetime] = {}

    def begin(self) -> None:
        """Make a row for each job. A new job first runs at its next time."""
        now = datetime.now(UTC)
        for name in (WORKER, *(each.name for each in self._all)):
            ensure_row(self._engine, name, done_for=now)

    def run(self) -> list[str]:
        """Run the due jobs that no other worker is running. Return the names of those that were done."""
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
        """Store a sign of life of this worker, and of the job it is running."""
        mine = or_(ScheduleRow.name == WORKER, ScheduleRow.lease_by == self._worker)
        with self._engine.begin() as connection:
            connection.execute(update(ScheduleRow).where(mine).values(beat_at=datetime.now(UTC)))
