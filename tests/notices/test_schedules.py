"""What is planned is done once for each moment, by one of several workers, also after one of them ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from huey import crontab
from sqlalchemy import Engine

from app.notices.schedules import DEAD_AFTER, Schedule, Schedules
from tests.support.clock import Clock

BERLIN = ZoneInfo("Europe/Berlin")


class Job:
    """Counts what it was called for."""

    def __init__(self) -> None:
        self.moments: list[datetime] = []
        self.fails = False

    def __call__(self, moment: datetime) -> None:
        self.moments.append(moment)
        if self.fails:
            raise LookupError("a job that fails")


@pytest.fixture
def job() -> Job:
    return Job()


@pytest.mark.parametrize(
    ("plan", "each_hour", "times"),
    [
        (crontab(minute="30", hour="2"), False, ["02:30+0200"]),
        (crontab(minute="30", hour="3"), False, ["03:30+0100"]),
        (crontab(minute="20"), True, ["01:20+0200", "02:20+0200", "02:20+0100", "03:20+0100"]),
    ],
)
def test_what_is_planned_for_an_hour_that_autumn_repeats_is_done_once_unless_it_is_done_each_hour(
    job: Job, plan: Callable[[datetime], bool], each_hour: bool, times: list[str]
) -> None:
    """On 31 October 2027, Berlin has 2:00 to 3:00 twice. The schedule is asked each minute, as a worker does."""
    schedule = Schedule("job", plan, job, each_hour=each_hour)
    begin, found = datetime(2027, 10, 30, 23, 0, tzinfo=UTC), []
    done_for = begin
    for minute in range(4 * 60):
        moment = schedule.last_moment(begin + timedelta(minutes=minute), done_for, BERLIN)
        if moment:
            done_for = moment
            found.append(f"{moment.astimezone(BERLIN):%H:%M%z}")
    assert found == times


def daily(job: Job) -> Schedule:
    """Each day at 7:30."""
    return Schedule("daily", crontab(minute="30", hour="7"), job)


def worker(engine: Engine, name: str, *schedules: Schedule) -> Schedules:
    made = Schedules(engine, name, BERLIN, schedules)
    made.begin()
    return made


def set_time(clock: Clock, hour: int, minute: int = 0, days: int = 0) -> None:
    """Move the clock to a time in Berlin, today or some days later."""
    now = datetime.now(UTC).astimezone(BERLIN)
    then = (now + timedelta(days=days)).replace(hour=hour, minute=minute, second=10, microsecond=0)
    clock.move(then.timestamp() - clock.time())


def test_each_moment_is_done_once_whatever_the_number_of_workers(engine: Engine, clock: Clock, job: Job) -> None:
    set_time(clock, 6, days=1)
    first, second = worker(engine, "first", daily(job)), worker(engine, "second", daily(job))
    assert first.run() == second.run() == []
    for day in range(3):
        set_time(clock, 7, 30, days=min(day, 1))
        assert [second.run(), first.run(), second.run()] == [["daily"], [], []]
    assert [moment.astimezone(BERLIN).strftime("%H:%M") for moment in job.moments] == ["07:30"] * 3
    assert job.moments[2] - job.moments[0] == timedelta(days=2)


def test_a_new_plan_begins_with_its_next_moment(engine: Engine, clock: Clock, job: Job) -> None:
    set_time(clock, 8, days=1)
    assert worker(engine, "first", daily(job)).run() == []
    set_time(clock, 7, 31, days=1)
    assert worker(engine, "second", daily(job)).run() == ["daily"]


def test_what_was_missed_is_done_once(engine: Engine, clock: Clock, job: Job) -> None:
    set_time(clock, 6, days=1)
    worker(engine, "first", daily(job))
    set_time(clock, 12, days=4)
    assert [worker(engine, "second", daily(job)).run() for _ in range(2)] == [["daily"], []]
    assert len(job.moments) == 1


def test_what_a_worker_left_undone_is_done_by_another(engine: Engine, clock: Clock, job: Job) -> None:
    def ends(moment: datetime) -> None:
        raise KeyboardInterrupt

    set_time(clock, 6, days=1)
    first = worker(engine, "first", Schedule("daily", crontab(minute="30", hour="7"), ends))
    second = worker(engine, "second", daily(job))
    set_time(clock, 7, 30)
    with pytest.raises(KeyboardInterrupt):
        first.run()
    assert second.run() == [], "it may still be doing it"
    clock.move(DEAD_AFTER.total_seconds() - 5)
    first.beat()
    clock.move(10)
    assert second.run() == [], "it says that it is still doing it"
    clock.move(DEAD_AFTER.total_seconds())
    assert second.run() == ["daily"]


def test_a_job_that_fails_is_done_again_after_ten_minutes_and_keeps_no_other_from_being_done(
    engine: Engine, clock: Clock, job: Job
) -> None:
    other = Job()
    set_time(clock, 6, days=1)
    both = worker(engine, "first", daily(job), Schedule("other", crontab(minute="30", hour="7"), other))
    set_time(clock, 7, 30)
    job.fails = True
    assert both.run() == ["other"] and both.run() == []
    job.fails = False
    clock.move(9 * 60)
    assert both.run() == []
    clock.move(61)
    assert both.run() == ["daily"] and len(job.moments) == 2


def test_what_is_planned_for_an_hour_that_summer_time_skips_is_done_right_after_it(job: Job) -> None:
    nightly = Schedule("nightly", crontab(minute="30", hour="2"), job)
    midnights = [datetime(2027, 3, day, tzinfo=BERLIN).astimezone(UTC) for day in range(26, 31)]
    found = [nightly.last_moment(end, start, BERLIN) for start, end in pairwise(midnights)]
    shown = [moment and f"{moment.astimezone(BERLIN):%m-%d %H:%M}" for moment in found]
    assert shown == ["03-26 02:30", "03-27 02:30", "03-28 03:00", "03-29 02:30"]
