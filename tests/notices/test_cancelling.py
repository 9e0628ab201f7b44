"""What is cancelled isn't sent, also while a worker has it."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.exc import OperationalError

from app.notices import claims
from app.notices.claims import Pace
from app.notices.delivery import LOOK
from app.notices.messages import Message, Outcome, Refused, Sent, TryLater
from app.notices.models import NoticeRow
from app.notices.notice import CANCELLED, MAIL
from app.notices.outbox import Outbox
from tests.notices.conftest import Office, claimed_by_a_worker_that_ends, notice, now
from tests.support.clock import Clock


def test_what_is_cancelled_is_not_sent(office: Office) -> None:
    office.write(notice("stays"), notice("goes"))
    with office.engine.begin() as connection:
        assert Outbox([MAIL]).cancel(connection, NoticeRow.user_name == "goes") == 1
    office.worker().run()
    assert office.states() == [("sent", ""), ("cancelled", "")]


def _cancel_all(office: Office) -> None:
    with office.engine.begin() as connection:
        Outbox([MAIL]).cancel(connection, NoticeRow.id > 0)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(TryLater(code="timed-out"), ("cancelled", "timed-out")), (Sent(), ("sent", ""))],
)
def test_what_is_cancelled_while_a_worker_has_it_is_left_out_and_not_tried_again(
    office: Office, clock: Clock, outcome: Outcome, state: tuple[str, str]
) -> None:
    office.write(notice("first"), notice("second"))

    def cancelled_meanwhile(message: Message) -> Outcome:
        _cancel_all(office)
        clock.move(LOOK.total_seconds())
        return outcome

    office.channel.answer = cancelled_meanwhile
    office.worker().run()
    clock.move(86400)
    office.worker().run()
    assert office.states() == [state, ("cancelled", "")]
    assert office.channel.received == ["first@example.com"]


def test_what_is_cancelled_at_the_moment_its_outcome_is_stored_stays_cancelled(office: Office, clock: Clock) -> None:
    if office.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL has locks of rows, for which a test of one thread would wait for ever")
    office.write(notice())
    office.channel.answer = lambda message: TryLater(code="timed-out")
    waited: list[bool] = []

    def cancel(connection: object, cursor: object, statement: str, *_: object) -> None:
        if "sent_at=?" in statement and not waited:
            waited.append(True)
            other = create_engine(office.engine.url, connect_args={"timeout": 0})
            with pytest.raises(OperationalError, match="locked"), other.begin() as meanwhile:
                Outbox([MAIL]).cancel(meanwhile, NoticeRow.id > 0)
            other.dispose()

    event.listen(office.engine, "before_cursor_execute", cancel)
    office.worker().run()
    assert waited
    _cancel_all(office)
    clock.move(86400)
    office.worker().run()
    assert office.states() == [("cancelled", "timed-out")] and len(office.channel.taken) == 1


def test_what_is_cancelled_while_its_worker_stops_or_ends_is_not_sent(office: Office, clock: Clock) -> None:
    office.write(notice("first"), notice("second"))
    worker = office.worker()

    def stop(message: Message) -> Outcome:
        worker.stopping.set()
        _cancel_all(office)
        return Sent()

    office.channel.answer = stop
    worker.run()
    assert office.states() == [("sent", ""), ("cancelled", "")]
    office.write(notice("third"))
    claimed_by_a_worker_that_ends(office)
    _cancel_all(office)
    clock.move(claims.LEASE.total_seconds() + 1)
    assert office.worker().run() == 0
    assert office.states()[2:] == [("cancelled", "interrupted")]


def test_what_was_left_out_and_is_wanted_again_waits_again(office: Office) -> None:
    office.write(notice())
    [row] = office.claim("worker")
    left_out = claims.Ended(row, Refused(CANCELLED))
    with office.engine.begin() as connection:
        outbox = Outbox([MAIL])
        outbox.cancel(connection, NoticeRow.id > 0, paused=True)
        outbox.forget_paused(connection, NoticeRow.id > 0)
        claims.store_outcomes(connection, "worker", [left_out], now(), Pace())
    assert office.states() == [("waiting", "")] and office.row().attempts == 0
