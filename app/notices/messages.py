"""What the outbox and the channels agree on: a message, how its sending ended, and what a channel does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol


class Parts(NamedTuple):
    """What a notice says. html: "" for channels that need none."""

    subject: str
    text: str
    html: str = ""


class Message(NamedTuple):
    """A notice, ready to be sent."""

    message_id: str
    """Stays the same when the notice is sent again, so that receivers can drop the second. Hexadecimal digits: a
    channel makes its own form of it, like `<ID@HOST>` or `msg_ID`."""
    to: str
    """Mail address. "" where the channel has one address for everything."""
    subject: str
    text: str
    html: str
    kind: str
    data: Mapping[str, Any]
    """Of the notice, for webhooks. It contains no secret."""
    created_at: datetime


class Sent(NamedTuple):
    """The receiver took the message."""


class TryLater(NamedTuple):
    """It didn't, but may later. after: seconds to wait at least, None if the receiver named none."""

    after: float | None = None
    code: str = "try-later"
    channel_down: bool = False
    """No message could have been sent, to any address. It doesn't count as a try of this one."""


class Refused(NamedTuple):
    """It never will: the address doesn't exist, or the message is refused."""

    code: str = "refused"


Outcome = Sent | TryLater | Refused


class Channel(Protocol):
    """A way to send messages, with its settings."""

    def send_many(self, messages: Iterable[Message]) -> Iterator[Outcome]:
        """Send each message and yield its outcome, in the same order.

        The outcome of a message is yielded before the next is taken from the iterable, because the outbox stores it
        then. One connection may serve all. A message takes 30 seconds at most. What can go wrong between portal and
        receiver is an outcome, not an error, also for the messages after it: without a connection, each ends with
        TryLater.
        """
        ...
