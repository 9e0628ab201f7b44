"""Sending: a worker claims due notices, passes them to the channel and stores the results, until none is due.

The channel takes one message after another, so it can use one connection for many claims.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from app.notices import claims
from app.notices.addresses import AddressBounced, AddressOf, UserGone
from app.notices.claims import Ended, Pace
from app.notices.messages import Channel, Message, Outcome, Parts, Refused, TryLater
from app.notices.models import NoticeRow
from app.notices.notice import BOUNCED, CANCELLED

log = logging.getLogger(__name__)
AT_ONCE = 50
"""Notices in one claim. After a crash, at most this many are sent twice."""
LOOK = timedelta(milliseconds=100)
"""How old the list of cancelled notices may be when a message is sent."""
SIGN_OF_LIFE = timedelta(seconds=20)
"""How often a worker renews its claims while it is sending."""
NO_ADDRESS, NOT_READ, GONE = "no-address", "address-not-read", "user-gone"
NOT_WRITTEN, BROKEN = "not-written", "channel-failed"

Addresses = Callable[[Sequence[NoticeRow]], AddressOf]
"""Called with the notices of a claim. Returns what looks up the address for one of them."""
Render = Callable[[NoticeRow], Parts]
Record = Callable[[Connection, Sequence[NoticeRow], datetime], Callable[[], None]]
"""Called with sent notices, in the transaction that stores them. Returns what to call after the commit."""


@dataclass
class Delivery:
    """Sends due notices. One per process, shared by its threads."""

    engine: Engine
    channels: Mapping[str, Channel]
    pace: Pace
    addresses: Addresses
    render: Render
    record: Record
    stopping: threading.Event = field(default_factory=threading.Event)
    worker: str = field(default_factory=lambda: secrets.token_hex(16))
    """Names the process."""

    def is_due(self) -> bool:
        """Return whether a notice is due."""
        with self.engine.connect() as connection:
            return bool(self._due(connection))

    def _due(self, connection: Connection) -> list[str]:
        return claims.due_channels(connection, self.channels, datetime.now(UTC), self.pace)

    def run(self) -> int:
        """Send everything that is due, and return how many were tried. It ends early once `stopping` is set."""
        with self.engine.connect() as connection:
            due = self._due(connection)
        return sum(_Run(self, name).run() for name in due if not self.stopping.is_set())


class _Run:
    """One run over what is due in one channel."""

    def __init__(self, delivery: Delivery, channel: str) -> None:
        self._all, self._channel = delivery, channel
        # Its claims are its own: another thread of the process that renewed them would keep a claim nobody works on.
        self._worker = secrets.token_hex(16)
        self._claimed: deque[NoticeRow] = deque()
        self._ready: deque[tuple[NoticeRow, Message]] = deque()
        self._ended: list[Ended] = []
        self._under_way: tuple[NoticeRow, str] | None = None
        self._tried = 0
        self._renewed = self._looked = datetime.now(UTC)
        self._cancelled: Collection[int] = ()

    def run(self) -> int:
        try:
            for outcome in self._all.channels[self._channel].send_many(self._messages()):
                self._end(outcome)
        except Exception:  # one notice that a channel can't deal with must not hold up the others
            log.exception("channel %s failed", self._channel)
            if not self._under_way:
                raise
            self._end(TryLater(code=BROKEN))
        finally:
            try:
                self._store()
            finally:
                self._release()
        return self._tried

    def _release(self) -> None:
        if rows := [*(row for row, _ in self._ready), *self._claimed]:
            with self._all.engine.begin() as connection:
                claims.release(connection, self._worker, rows)

    def _messages(self) -> Iterator[Message]:
        while self._has_next():
            row, message = self._ready.popleft()
            if self._is_cancelled(row):
                self._ended.append(Ended(row, Refused(CANCELLED)))
            elif self._under_way:
                raise RuntimeError(
                    f"channel {self._channel} took a message before it reported the outcome of the last"
                )
            else:
                self._under_way = row, message.to
                yield message
            self._stay_alive()

    def _has_next(self) -> bool:
        """Return whether there's another message, and have it ready."""
        while not self._all.stopping.is_set():
            if self._ready:
                return True
            if not self._claim():
                return False
        return False

    def _claim(self) -> bool:
        """Claim the next notices and write their messages. Return whether there are any."""
        # One transaction with the outcomes of the last ones: the disk takes as long as sending several.
        with self._storing() as connection:
            self._renewed = self._looked = now = datetime.now(UTC)
            rows = claims.claim(connection, self._worker, self._channel, AT_ONCE, now, self._all.pace)
            self._claimed, self._cancelled = deque(rows), ()
        # All of them now: what a processor has just done, it does again in half the time.
        address_of = self._all.addresses(rows)
        while self._claimed and not self._all.stopping.is_set():
            row = self._claimed.popleft()
            if message := self._message(row, address_of):
                self._ready.append((row, message))
            self._stay_alive()
        return bool(rows)

    def _is_cancelled(self, row: NoticeRow) -> bool:
        now = datetime.now(UTC)
        if abs(now - self._looked) >= LOOK:
            with self._all.engine.connect() as connection:
                self._cancelled = claims.cancelled(connection, self._worker)
            self._looked = now
        return row.id in self._cancelled

    def _message(self, row: NoticeRow, address_of: AddressOf) -> Message | None:
        """Return the message for a notice. None if it can't be made, with the reason in `_ended`."""
        try:
            address = address_of(row)
        except UserGone:  # not for good: compliance may not have heard yet of the user whom the notice is for
            self._ended.append(Ended(row, TryLater(code=GONE)))
            return None
        except AddressBounced:
            self._ended.append(Ended(row, Refused(BOUNCED)))
            return None
        except (SQLAlchemyError, LookupError, ValueError):  # of one user: must not hold up the others
            log.exception("the address of notice %s could not be read", row.id)
            self._ended.append(Ended(row, TryLater(code=NOT_READ)))
            return None
        if address is None:
            self._ended.append(Ended(row, Refused(NO_ADDRESS)))
            return None
        try:
            parts = self._all.render(row)
            message = Message(
                row.message_id, address, *parts, kind=row.kind, data=row.data, created_at=row.created_at
            )
            return self._all.channels[self._channel].prepare(message)
        except Exception:  # a text that can't be written must not hold up the others
            log.exception("notice %s of kind %s could not be written", row.id, row.kind)
            self._ended.append(Ended(row, TryLater(code=NOT_WRITTEN)))
            return None

    def _end(self, outcome: Outcome) -> None:
        if not self._under_way:
            raise RuntimeError(f"channel {self._channel} reported two outcomes for one message")
        (row, address), self._under_way = self._under_way, None
        self._ended.append(Ended(row, outcome, address))
        self._tried += 1

    @contextmanager
    def _storing(self) -> Iterator[Connection]:
        """Store outcomes in a transaction, in which the caller may do more."""
        after: Callable[[], None] | None = None
        with self._all.engine.begin() as connection:
            if self._ended:
                now = datetime.now(UTC)
                sent = claims.store_outcomes(connection, self._worker, self._ended, now, self._all.pace)
                after = self._all.record(connection, sent, now) if sent else None
            yield connection
        self._ended = []  # only now: if the transaction fails, they are stored with the next one
        if after:
            after()

    def _store(self) -> None:
        if self._ended:
            with self._storing():
                pass

    def _stay_alive(self) -> None:
        now = datetime.now(UTC)
        if now - self._renewed > SIGN_OF_LIFE:
            self._renewed = now
            self._store()
            claims.renew(self._all.engine, self._worker, now)
