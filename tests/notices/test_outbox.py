"""What is written is sent once, by one of several workers; what fails is tried again, and ends some day."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app.notices import claims
from app.notices.addresses import UserGone
from app.notices.claims import Pace, QuietHours
from app.notices.messages import Message, Outcome, Parts, Refused, Sent, TryLater
from app.notices.models import NoticeRow
from app.notices.notice import CANCELLED, MAIL, Audience, Notice
from app.notices.outbox import Outbox
from app.notices.schedules import ensure_row
from tests.notices.conftest import Office, notice, now
from tests.support.clock import Clock


def test_a_notice_of_a_transaction_that_is_undone_was_never_written(office: Office) -> None:
    with pytest.raises(ZeroDivisionError), office.engine.begin() as connection:
        assert Outbox([MAIL]).enqueue(connection, [notice()]) == 1
        raise ZeroDivisionError
    assert office.states() == []


def test_the_same_key_is_one_notice(office: Office) -> None:
    assert office.write(notice("paula"), notice("paul")) == 2
    assert office.write(notice("paula"), notice("petra")) == 1
    assert len(office.states()) == 3


def test_channels_that_are_not_set_up_get_nothing(office: Office) -> None:
    with office.engine.begin() as connection:
        both = Notice("k", "", "", "key", channels=("slack", "webhook"), audience=Audience.CHANNEL)
        assert Outbox(["slack"]).enqueue(connection, [both]) == 1
        assert Outbox([]).enqueue(connection, [notice()]) == 0


def test_a_worker_sends_each_once_and_records_it(office: Office) -> None:
    office.write(*(notice(f"user-{number:03}") for number in range(120)))
    assert office.worker().is_due()
    assert office.worker().run() == 120
    assert office.channel.received == [f"user-{number:03}@example.com" for number in range(120)]
    assert office.channel.runs == 1, "one connection serves all"
    assert set(office.states()) == {("sent", "")} and len(office.recorded) == 120
    assert not office.worker().is_due() and office.worker().run() == 0


def test_several_workers_share_the_work(office: Office) -> None:
    office.write(*(notice(f"user-{number}") for number in range(400)))
    threads = [threading.Thread(target=office.worker().run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(office.channel.taken) == len(set(office.channel.received)) == 400
    assert set(office.states()) == {("sent", "")}


def test_urgent_ones_go_first_and_early_ones_wait(office: Office, clock: Clock) -> None:
    office.write(notice("later", at=now() + timedelta(hours=1)), notice("first"), notice("urgent", urgent=True))
    office.worker().run()
    assert office.channel.received == ["urgent@example.com", "first@example.com"]
    clock.move(3601)
    office.worker().run()
    assert office.channel.received[2:] == ["later@example.com"]


def test_what_fails_is_tried_again_at_growing_intervals_then_no_more(office: Office, clock: Clock) -> None:
    office.write(notice())
    office.channel.answer = lambda message: TryLater(code="timed-out")
    worker, pauses = office.worker(Pace(attempts=4)), []
    for _ in range(4):
        assert worker.run() == 1
        row = office.row()
        pauses.append((row.not_before - now()).total_seconds())
        assert not worker.is_due()
        clock.move(pauses[-1] + 1)
    assert [15 * 2**n - 1 <= pause <= 45 * 2**n for n, pause in enumerate(pauses)] == [True] * 4
    assert office.states() == [("dead", "timed-out")] and not worker.is_due()
    assert len({message.message_id for message in office.channel.taken}) == 1, "receivers know it by its ID"


def test_a_receiver_says_when_to_come_again(office: Office, clock: Clock) -> None:
    office.write(notice())
    office.channel.answer = lambda message: TryLater(3600, "http-429")
    worker = office.worker()
    worker.run()
    clock.move(3590)
    assert not worker.is_due() and office.states() == [("failed", "http-429")]
    clock.move(11)
    office.channel.answer = lambda message: Sent()
    assert worker.run() == 1
    assert office.states() == [("sent", "")]


@pytest.mark.parametrize(
    ("answer", "state"),
    [(Refused("recipient-550"), ("dead", "recipient-550")), (TryLater(), ("failed", "try-later"))],
)
def test_one_that_fails_does_not_hold_up_the_others(office: Office, answer: Outcome, state: tuple[str, str]) -> None:
    office.write(notice("gone"), notice("there"))
    office.channel.answer = lambda message: answer if message.to.startswith("gone") else Sent()
    office.worker().run()
    assert office.states() == [state, ("sent", "")]


def test_a_user_without_address_is_listed_not_tried(office: Office) -> None:
    office.write(notice("", "nobody"), notice("there"))
    office.worker().run()
    assert office.states() == [("dead", "no-address"), ("sent", "")]


def _fails(message: Message) -> Outcome:
    raise RuntimeError("a mistake in a channel")


def test_a_mistake_in_a_channel_costs_one_notice_a_try(office: Office) -> None:
    office.write(notice("first"), notice("second"))
    office.channel.answer = lambda message: _fails(message) if message.to.startswith("first") else Sent()
    worker = office.worker()
    worker.run()
    assert office.states() == [("failed", "channel-failed"), ("waiting", "")]
    worker.run()
    assert office.states() == [("failed", "channel-failed"), ("sent", "")]


def test_a_text_that_cannot_be_written_costs_one_notice_a_try(office: Office) -> None:
    office.write(notice("first"), notice("second"))
    worker = office.worker()
    render = worker.render
    worker.render = lambda row: _wrong() if row.user_name == "first" else render(row)
    worker.run()
    assert office.states() == [("failed", "not-written"), ("sent", "")]


def _wrong() -> Parts:
    raise LookupError("no such text")


def test_an_address_that_cannot_be_read_costs_one_notice_a_try(office: Office) -> None:
    office.write(notice("first", urgent=True), notice("second"))
    worker = office.worker()
    address_of = worker.address_of
    worker.address_of = lambda row: _unreadable() if row.user_name == "first" else address_of(row)
    worker.run()
    assert office.states() == [("failed", "address-not-read"), ("sent", "")]


def test_a_notice_to_a_user_who_is_gone_waits_until_it_is_cancelled(office: Office) -> None:
    office.write(notice("gone"), notice("there"))
    worker = office.worker()
    address_of = worker.address_of
    worker.address_of = lambda row: _gone() if row.user_name == "gone" else address_of(row)
    worker.run()
    assert office.states() == [("failed", "user-gone"), ("sent", "")]


def _gone() -> str:
    raise UserGone


def _unreadable() -> str:
    raise OperationalError("select", {}, Exception("the tags are locked"))


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


def _claimed_by_a_worker_that_ends(office: Office) -> None:
    assert claims.claim(office.engine, "ended", MAIL, 50, now(), Pace())


def test_what_a_worker_left_is_sent_once_more_and_one_at_a_time(office: Office, clock: Clock) -> None:
    office.write(notice("first"), notice("second"))
    _claimed_by_a_worker_that_ends(office)
    worker = office.worker()
    clock.move(claims.LEASE.total_seconds() - 1)
    assert not worker.is_due(), "it may be sending them"
    clock.move(2)
    assert worker.is_due()
    assert len(claims.claim(office.engine, "other", MAIL, 50, now(), Pace())) == 1
    worker.run()
    assert office.channel.received == ["second@example.com"]


def test_a_notice_whose_workers_end_twice_is_not_sent_a_third_time(office: Office, clock: Clock) -> None:
    office.write(notice())
    for _ in range(2):
        _claimed_by_a_worker_that_ends(office)
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
    rows = claims.claim(office.engine, "former", MAIL, 50, now(), Pace())
    clock.move(claims.LEASE.total_seconds() + 1)
    assert claims.claim(office.engine, "next", MAIL, 50, now(), Pace())
    with office.engine.begin() as connection:
        ended = [claims.Ended(rows[0], Sent(), "paula@example.com")]
        assert claims.store_outcomes(connection, "former", ended, now(), Pace()) == []
    assert office.row().state == "sending" and office.row().lease_by == "next"


def test_a_minute_sends_only_so_many(office: Office, clock: Clock) -> None:
    clock.move(60 - clock.time() % 60)
    office.write(*(notice(f"user-{number}") for number in range(25)))
    ensure_row(office.engine, claims.RATE)
    pace = Pace(per_minute=10)
    sent = []
    for _ in range(4):
        sent.append(office.worker(pace).run() + office.worker(pace).run())
        clock.move(60)
    assert sent == [10, 10, 5, 0]


@pytest.mark.parametrize("hours", [(20, 7), (0, 23)])
def test_quiet_hours_let_only_urgent_ones_pass(office: Office, clock: Clock, hours: tuple[int, int]) -> None:
    zone = ZoneInfo("Europe/Berlin")
    night = now().astimezone(zone).replace(hour=22, minute=0, second=0, microsecond=0) + timedelta(days=1)
    clock.move(night.timestamp() - clock.time())
    quiet = QuietHours(night.time().replace(hour=hours[0]), night.time().replace(hour=hours[1]), zone)
    office.write(notice("calm"), notice("urgent", urgent=True))
    worker = office.worker(Pace(quiet=quiet))
    worker.run()
    assert office.channel.received == ["urgent@example.com"] and not worker.is_due()
    clock.move((hours[1] + 2) % 24 * 3600 + 1)
    worker.run()
    assert office.channel.received[1:] == ["calm@example.com"]


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
        return outcome

    office.channel.answer = cancelled_meanwhile
    office.worker().run()
    clock.move(86400)
    office.worker().run()
    assert office.states() == [state, ("cancelled", "")]
    assert office.channel.received == ["first@example.com"]


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
    _claimed_by_a_worker_that_ends(office)
    _cancel_all(office)
    clock.move(claims.LEASE.total_seconds() + 1)
    assert office.worker().run() == 0
    assert office.states()[2:] == [("cancelled", "interrupted")]


def test_what_was_left_out_and_is_wanted_again_waits_again(office: Office) -> None:
    office.write(notice())
    [row] = claims.claim(office.engine, "worker", MAIL, 1, now(), Pace())
    left_out = claims.Ended(row, Refused(CANCELLED))
    with office.engine.begin() as connection:
        outbox = Outbox([MAIL])
        outbox.cancel(connection, NoticeRow.id > 0, paused=True)
        outbox.forget_paused(connection, NoticeRow.id > 0)
        claims.store_outcomes(connection, "worker", [left_out], now(), Pace())
    assert office.states() == [("waiting", "")] and office.row().attempts == 0


def test_a_server_that_is_down_for_days_costs_no_try(office: Office, clock: Clock) -> None:
    office.write(notice(urgent=True))
    office.channel.answer = lambda message: TryLater(code="not-reached", channel_down=True)
    worker, pauses = office.worker(Pace(attempts=2)), []
    for _ in range(8):
        assert worker.run() == 1 and office.states() == [("failed", "not-reached")]
        pauses.append((office.row().not_before - now()).total_seconds())
        clock.move(12 * 3600)
    assert 15 <= pauses[0] <= 30 and max(pauses) <= claims.LONGEST_PAUSE_WHILE_DOWN
    office.channel.answer = lambda message: Sent()
    worker.run()
    assert office.states() == [("sent", "")] and office.row().attempts == 1, "after four days"


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
