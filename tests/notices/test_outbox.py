"""What is written is sent once, by one of several workers; what fails is tried again, and ends some day."""

from __future__ import annotations

import threading
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.exc import OperationalError

from app.notices import claims, queries
from app.notices.addresses import UserGone
from app.notices.claims import Pace, QuietHours
from app.notices.messages import Message, Outcome, Parts, Refused, Sent, TryLater
from app.notices.notice import MAIL, Audience, Notice
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
    address_of = worker.addresses([])
    worker.addresses = lambda _: lambda row: _unreadable() if row.user_name == "first" else address_of(row)
    worker.run()
    assert office.states() == [("failed", "address-not-read"), ("sent", "")]


def test_a_notice_to_a_user_who_is_gone_waits_until_it_is_cancelled(office: Office) -> None:
    office.write(notice("gone"), notice("there"))
    worker = office.worker()
    address_of = worker.addresses([])
    worker.addresses = lambda _: lambda row: _gone() if row.user_name == "gone" else address_of(row)
    worker.run()
    assert office.states() == [("failed", "user-gone"), ("sent", "")]


def _gone() -> str:
    raise UserGone


def _unreadable() -> str:
    raise OperationalError("select", {}, Exception("the tags are locked"))


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


def test_a_message_that_a_receiver_refuses_for_days_waits_for_an_administrator_and_holds_up_no_other(
    office: Office, clock: Clock
) -> None:
    office.write(notice("odd"))
    refused: Outcome = TryLater(code="http-500", channel_down=True, answered=True)
    office.channel.answer = lambda message: refused if message.to.startswith("odd") else Sent()
    worker, days = office.worker(Pace(attempts=2)), 0
    while office.states()[0] == ("failed", "http-500") or not days:
        assert worker.run() >= 1 and days < 10
        office.write(notice(f"other-{days}"))
        days += 1
        clock.move(86400)
    assert days == 4 and worker.run() == 1, "the other one"
    assert office.states() == [("dead", "http-500"), *[("sent", "")] * 4]

    with office.engine.begin() as connection:
        assert queries.send_again(connection, now()) == 1
    worker.run()
    assert office.states()[0] == ("failed", "http-500"), "it has its days again"


def test_days_in_which_nobody_answers_are_no_days_of_refusing(office: Office, clock: Clock) -> None:
    office.write(notice())
    refused: Outcome = TryLater(code="http-500", channel_down=True, answered=True)
    for outcome in (refused, TryLater(code="not-reached", channel_down=True), refused):
        office.channel.answer = lambda message, outcome=outcome: outcome  # type: ignore[misc] # of this round
        office.worker().run()
        clock.move(2 * 86400)
    assert office.states() == [("failed", "http-500")], "it has been refusing for 2 days, not for 6"


def test_a_message_waits_as_long_as_nobody_can_be_reached(office: Office, clock: Clock) -> None:
    office.write(notice())
    office.channel.answer = lambda message: TryLater(code="not-reached", channel_down=True)
    for _ in range(5):
        office.worker().run()
        clock.move(86400)
    assert office.states() == [("failed", "not-reached")]
