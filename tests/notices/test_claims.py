"""Workers claim notices for a time, so that several share the work and none is lost when one ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import OperationalError

from app.notices import claims
from app.notices.claims import Pace
from app.notices.messages import Message, Outcome, Sent
from app.notices.models import NoticeRow
from tests.notices.conftest import Office, claimed_by_a_worker_that_ends, notice, now
from tests.support.clock import Clock


def _plan_of(connection: Connection, statement: str, values: Any) -> str:
    """Return how the database carries out a statement."""
    cursor = connection.connection.cursor()
    cursor.execute("SET LOCAL enable_seqscan = off")  # which is faster for as few rows as a test has
    cursor.execute(f"EXPLAIN {statement}", values)
    return "\n".join(line for (line,) in cursor.fetchall())


def _plan_on_sqlite(connection: Connection, statement: str, values: Any) -> str:
    cursor = connection.connection.cursor()
    cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
    return "\n".join(row[-1] for row in cursor.fetchall())


def test_a_worker_reads_only_the_notices_that_it_takes_however_many_wait(office: Office) -> None:
    office.write(*(notice(f"user-{number}") for number in range(120)))
    plan_of = _plan_on_sqlite if office.engine.dialect.name == "sqlite" else _plan_of
    plans: list[str] = []

    def look(connection: Connection, _: object, statement: str, values: Any, *__: object) -> None:
        if "ORDER BY" in statement:
            plans.append(plan_of(connection, statement, values))

    event.listen(office.engine, "before_cursor_execute", look)
    assert len(office.claim("worker")) == 50
    event.remove(office.engine, "before_cursor_execute", look)
    urgent_and_not = plans[1:]
    assert len(urgent_and_not) == 2
    for plan in urgent_and_not:
        assert "ix_notices_due" in plan and "sort" not in plan.lower() and "order by" not in plan.lower(), plan


def test_a_database_is_not_asked_about_each_of_many_notices(office: Office) -> None:
    office.write(*(notice(f"user-{number}") for number in range(200)))
    asked: list[str] = []
    event.listen(office.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    assert office.worker().run() == 200
    looks = [
        statement for statement in asked if statement.startswith("SELECT notices.id") and "lease_by" in statement
    ]
    assert len(asked) - len(looks) < 50, (
        "about ten for each claim. How often it looks for cancelled ones, time decides"
    )


def test_a_worker_that_stops_returns_what_it_did_not_send(office: Office) -> None:
    office.write(*(notice(f"user-{number}") for number in range(10)))
    worker = office.worker()

    def stop_after_three(message: Message) -> Outcome:
        if len(office.channel.taken) == 3:
            worker.stopping.set()
        return Sent()

    office.channel.answer = stop_after_three
    worker.run()
    assert office.states() == [("sent", "")] * 3 + [("waiting", "")] * 7
    assert office.worker().run() == 7
    assert len(set(office.channel.received)) == len(office.channel.received) == 10


def test_what_a_worker_left_is_sent_once_more_and_one_at_a_time(office: Office, clock: Clock) -> None:
    office.write(notice("first"), notice("second"))
    claimed_by_a_worker_that_ends(office)
    worker = office.worker()
    clock.move(claims.LEASE.total_seconds() - 1)
    assert not worker.is_due(), "it may be sending them"
    clock.move(2)
    assert worker.is_due()
    assert len(office.claim("other")) == 1
    worker.run()
    assert office.channel.received == ["second@example.com"]


def test_a_notice_whose_workers_end_twice_is_not_sent_a_third_time(office: Office, clock: Clock) -> None:
    office.write(notice())
    for _ in range(2):
        claimed_by_a_worker_that_ends(office)
        clock.move(claims.LEASE.total_seconds() + 1)
    assert office.worker().run() == 0
    assert office.states() == [("dead", "interrupted")]


def test_a_slow_worker_keeps_its_claim(office: Office, clock: Clock) -> None:
    office.write(notice("first"), notice("second"), notice("third"))
    other = office.worker()
    tried_by_the_other = []

    def slow(message: Message) -> Outcome:
        clock.move(70)
        tried_by_the_other.append(other.run())
        return Sent()

    office.channel.answer = slow
    office.worker().run()
    assert tried_by_the_other == [0, 0, 0] and office.states() == [("sent", "")] * 3


def test_two_threads_of_a_worker_have_claims_of_their_own(office: Office) -> None:
    office.write(notice("first"))
    worker, claimed_by = office.worker(), []

    def meanwhile(message: Message) -> Outcome:
        if message.to.startswith("first"):
            office.write(notice("second"))
            worker.run()
        with office.engine.connect() as connection:
            sending = select(NoticeRow.lease_by).where(NoticeRow.state == "sending")
            claimed_by.append(set(connection.execute(sending).scalars()))
        return Sent()

    office.channel.answer = meanwhile
    worker.run()
    assert len(claimed_by[0]) == 2, "so that neither keeps the other's alive"


def test_a_claim_that_was_taken_over_is_not_settled_by_its_former_worker(office: Office, clock: Clock) -> None:
    office.write(notice())
    rows = office.claim("former")
    clock.move(claims.LEASE.total_seconds() + 1)
    assert office.claim("next")
    with office.engine.begin() as connection:
        ended = [claims.Ended(rows[0], Sent(), "paula@example.com")]
        assert claims.store_outcomes(connection, "former", ended, now(), Pace()) == []
    assert office.row().state == "sending" and office.row().lease_by == "next"


def test_a_database_that_fails_while_outcomes_are_stored_leaves_them_to_be_sent_once_more(
    office: Office, clock: Clock
) -> None:
    office.write(notice())

    def fails(*_: object) -> Callable[[], None]:
        raise ZeroDivisionError

    worker = office.worker()
    worker.record = fails
    with pytest.raises(ZeroDivisionError):
        worker.run()
    assert office.row().state == "sending"
    clock.move(claims.LEASE.total_seconds() + 1)
    office.worker().run()
    assert office.states() == [("sent", "")] and len(office.channel.taken) == 2


def test_outcomes_that_a_database_refused_once_are_stored_at_the_end_of_the_run(office: Office) -> None:
    office.write(notice("first"), notice("second"))
    worker = office.worker()
    stored: list[int] = []

    def fails_once(*_: object) -> Callable[[], None]:
        stored.append(len(stored))
        return (lambda: None) if stored[1:] else _not_stored()

    worker.record = fails_once
    with pytest.raises(OperationalError):
        worker.run()
    assert office.states() == [("sent", "")] * 2 and len(stored) == 2


def _not_stored() -> Callable[[], None]:
    raise OperationalError("update", {}, Exception("database is locked"))
