"""A worker is killed at each moment of its work: no notice is lost, and each arrives once more at most."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum

import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine

from app.notices import claims
from app.notices.channels.smtp import SmtpChannel, SmtpOptions
from app.notices.claims import Pace
from app.notices.delivery import Delivery
from app.notices.mail_address import mail_address
from app.notices.messages import Channel, Message, Outcome, Parts
from app.notices.models import NoticeRow
from app.notices.notice import MAIL
from tests.notices.conftest import Office, notice
from tests.notices.post_office import PostOffice
from tests.support.clock import Clock

USERS = [f"user-{number}" for number in range(5)]
VICTIM = USERS[2]


class Moment(StrEnum):
    """When the worker is killed, in the order of what it does."""

    CLAIMED = "after the claim"
    BEFORE_SENDING = "before the message is sent"
    SENT = "after the server took the message"
    STORING = "while outcomes are being stored"
    STORED = "after outcomes were stored"


# Not forked from this process: a thread of its mail server may hold a lock, which would then be held for good.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.notices.test_killed"])


def die() -> None:
    """SIGKILL."""
    os.kill(os.getpid(), signal.SIGKILL)


class Mail(Channel):
    """The mail channel of a worker that is killed while it handles the victim's message."""

    def __init__(self, port: int, moment: Moment | None) -> None:
        sender = mail_address("latchkey@example.com")
        assert sender
        self._channel = SmtpChannel(SmtpOptions("127.0.0.1", port, "plain", sender, "Latchkey"))
        self._moment = moment

    def prepare(self, message: Message) -> Message:
        return self._channel.prepare(message)

    def send_many(self, messages: Iterable[Message]) -> Iterator[Outcome]:
        last = Message("", "", "", "", "", "", {}, datetime.min)

        def watched() -> Iterator[Message]:
            nonlocal last
            for last in messages:
                if self._moment is Moment.BEFORE_SENDING and last.to.startswith(VICTIM):
                    die()
                yield last

        for outcome in self._channel.send_many(watched()):
            if self._moment is Moment.SENT and last.to.startswith(VICTIM):
                die()
            yield outcome


def deliver(url: str, port: int, moment: Moment | None) -> None:
    """Be a worker that is killed at a moment, or never."""

    def address_of(row: NoticeRow) -> str:
        if moment is Moment.CLAIMED and row.user_name == VICTIM:
            die()
        return f"{row.user_name}@example.com"

    def record(connection: Connection, sent: Sequence[NoticeRow], at: datetime) -> Callable[[], None]:
        if moment is Moment.STORING:
            die()
        return die if moment is Moment.STORED else lambda: None

    engine = create_engine(url, poolclass=NullPool)
    channels = {MAIL: Mail(port, moment)}
    Delivery(engine, channels, Pace(), lambda _: address_of, lambda row: Parts("Hello", "Hello"), record).run()


def killed_at(url: str, port: int, moment: Moment) -> None:
    """Let a worker run in a process that is killed at a moment."""
    process = FORKS.Process(target=deliver, args=(url, port, moment))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


@pytest.fixture
def post_office() -> Iterator[PostOffice]:
    with PostOffice().open() as office:
        yield office


@pytest.fixture
def url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


ARRIVED_BEFORE = {Moment.CLAIMED: 0, Moment.BEFORE_SENDING: 2, Moment.SENT: 3}


@pytest.mark.parametrize("moment", Moment)
def test_each_notice_arrives_and_once_more_at_most(
    office: Office, url: str, post_office: PostOffice, clock: Clock, moment: Moment
) -> None:
    office.write(*map(notice, USERS))
    killed_at(url, post_office.port, moment)
    assert len(post_office.arrived) == ARRIVED_BEFORE.get(moment, 5)

    deliver(url, post_office.port, None)
    assert len(post_office.arrived) == ARRIVED_BEFORE.get(moment, 5), "nobody may send them before the lease ends"
    clock.move(claims.LEASE.total_seconds() + 1)
    deliver(url, post_office.port, None)
    assert {state for state, _ in office.states()} == {"sent"}
    once_more = 0 if moment is Moment.STORED else ARRIVED_BEFORE.get(moment, 5)
    assert sorted(post_office.copies.values()) == [1] * (5 - once_more) + [2] * once_more
    assert len(set(post_office.arrived)) == 5, "both copies have the same message ID"


@pytest.mark.parametrize("moment", [Moment.BEFORE_SENDING, Moment.SENT])
def test_killed_twice_over_the_same_notice_it_waits_for_an_administrator(
    office: Office, url: str, post_office: PostOffice, clock: Clock, moment: Moment
) -> None:
    office.write(*map(notice, USERS))
    for _ in range(2):
        killed_at(url, post_office.port, moment)
        clock.move(claims.LEASE.total_seconds() + 1)
    deliver(url, post_office.port, None)
    assert office.states() == [("sent", ""), ("sent", ""), ("dead", "interrupted"), ("sent", ""), ("sent", "")]
    assert all(copies <= 2 for copies in post_office.copies.values())
