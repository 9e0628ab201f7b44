"""Two workers are killed again and again while they send: no notice is lost, and none arrives three times."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, func, select

from app.notices import claims
from app.notices.models import NoticeRow
from app.notices.notice import TO_BE_SENT, State
from app.notices.outbox import Outbox
from tests.faults.test_killed import time_passes
from tests.notices.post_office import PostOffice, WorkerProcess
from tests.notices.test_worker import sample
from tests.support.clock import Clock
from tests.support.replicas import Replicas
from tests.support.waiting import wait_until

NOTICES, KILLS = 300, 8


@pytest.fixture
def post_office() -> Iterator[PostOffice]:
    with PostOffice().open() as office:
        yield office


def unsettled(engine: Engine) -> int:
    """Notices that wait, or that a worker has."""
    with engine.connect() as connection:
        which = NoticeRow.state.in_((*TO_BE_SENT, State.SENDING))
        return connection.execute(select(func.count()).where(which)).scalar_one()


def arrived(post_office: PostOffice, number: int) -> bool:
    """Have so many mails arrived?"""
    return len(post_office.arrived) >= number


@pytest.mark.timeout(300)
def test_whichever_worker_is_killed_no_notice_is_lost(
    many: Replicas, post_office: PostOffice, tmp_path: Path, clock: Clock, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(int(request.config.getoption("--seed")))
    engine = create_engine(many.first.environment["DATABASE_URL"])
    settings = {name: many.first.environment[name] for name in ("DATABASE_URL", "REDIS_URL")} | post_office.settings
    workers = [WorkerProcess(tmp_path / f"worker-{number}.log", settings) for number in range(2)]
    post_office.takes_seconds = 0.02
    try:
        for worker in workers:
            worker.start()
            worker.wait_until_started()
        for part in range(KILLS):
            with engine.begin() as connection:
                names = [f"user-{number}" for number in range(part, NOTICES, KILLS)]
                Outbox(["mail"]).enqueue(connection, [sample(name) for name in names])
            enough = len(post_office.arrived) + chance.randrange(1, 12)
            wait_until(partial(arrived, post_office, enough), 60)
            victim = chance.choice(workers)
            victim.kill()
            victim.start()
            if chance.random() < 0.5:
                clock.move(claims.LEASE.total_seconds() + 1)
        with time_passes(clock):
            wait_until(lambda: unsettled(engine) == 0, 120, told=lambda: unsettled(engine))
    finally:
        for worker in workers:
            worker.kill()
    with engine.connect() as connection:
        rows = {row.user_name: row for row in connection.execute(select(*NoticeRow.__table__.c))}
    engine.dispose()
    assert len(rows) == NOTICES
    copies = post_office.copies
    for name, row in rows.items():
        told = f"{name} is {row.state} ({row.last_error}), arrived {copies[f'{name}@example.com']} times"
        assert copies[f"{name}@example.com"] <= 2, told
        if row.state == State.SENT:
            assert copies[f"{name}@example.com"] >= 1, told
        else:
            assert (row.state, row.last_error) == (State.DEAD, claims.INTERRUPTED), told
    assert len(set(post_office.arrived)) == len(copies), "both copies have the same message ID"
