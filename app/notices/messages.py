"""The interface of channels: a message, the outcome of sending it, and what a channel does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, Protocol


class Parts(NamedTuple):
    """A notice as text. html: "" for channels that don't need it."""

    subject: str
    text: str
    html: str = ""


class Message(NamedTuple):
    """A notice, ready to be sent."""

    message_id: str
    """The same when the notice is sent again, so that receivers can drop the second. Hexadecimal digits, from which
    each channel makes its own ID, like `<ID@HOST>` or `msg_ID`."""
    to: str
    """Mail address. "" if the channel has only one address."""
    subject: str
    text: str
    html: str
    kind: str
    data: Mapping[str, Any]
    """Of the notice, for webhooks. It contains no secret."""
    created_at: datetime
    prepared: bytes = b""
    """What the channel wrote of it beforehand (`Channel.prepare`)."""


class Sent(NamedTuple):
    """The receiver accepted the message."""


class TryLater(NamedTuple):
    """The message may be accepted later. after: seconds to wait at least, None if the receiver didn't say."""

    after: float | None = None
    code: str = "try-later"
    channel_down: bool = False
    """Any other message would have failed as well.

    The server wasn't reached, a webhook answered with an error, or a mail server refused the sender. This doesn't
    count as a try of the message.
    """
    answered: bool = False
    """The receiver got the message and answered with an error, so the message may be the reason after all."""


class Refused(NamedTuple):
    """The message will never be accepted: the address doesn't exist, or the receiver refused it."""

    code: str = "refused"


Outcome = Sent | TryLater | Refused


class Channel(Protocol):
    """A way to send messages, with its settings."""

    def prepare(self, message: Message) -> Message:
        """Return the message with what the channel can write before it is sent. Several are prepared together."""
        return message

    def send_many(self, messages: Iterable[Message]) -> Iterator[Outcome]:
        """Send each message and yield its outcome, in the same order.

        Yield the outcome of a message before taking the next one from the iterable, because the outbox stores it
        then. All messages may share a connection. A message takes 30 seconds at most. Problems between portal and
        receiver are outcomes, not errors. Without a connection, the outcome of each message is TryLater.
        """
        ...
