"""A notice for the outbox, and its states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

MAIL = "mail"
"""The channel that needs an address for each recipient."""


class State(StrEnum):
    """The state of a notice in one channel. The values are stored."""

    WAITING = "waiting"
    SENDING = "sending"
    """A worker has claimed it, until its lease ends."""
    SENT = "sent"
    FAILED = "failed"
    """It is tried again at `not_before`."""
    DEAD = "dead"
    """It isn't tried again unless an administrator sends it again."""
    CANCELLED = "cancelled"


TO_BE_SENT = (State.WAITING, State.FAILED)
CANCELLED, PAUSED = MARKS = ("cancelled", "paused")
"""The last error of a notice that was cancelled while a worker had it (State.SENDING), in the second case because its
campaign was paused. PAUSED stays when it is cancelled, because the campaign may be resumed."""

BOUNCED = "address-bounced"
"""The last error of a notice whose mail came back (`sent_to` is its address), and of those not sent there since."""
CAME_BACK = "came-back"
"""The last error of a notice whose mail came back, after another one to the address was sent again."""
SENT_AGAIN = "sent-again"
"""The last error of a notice that was sent and came back, for which another row was sent again."""


class Audience(StrEnum):
    """Who gets a notice. The values are stored."""

    USER = "user"
    MANAGER = "manager"
    """Of the user."""
    ADDRESS = "address"
    """`user_name` is the mail address itself."""
    CHANNEL = "channel"
    """Everyone in the channel, which has an address of its own, like a webhook."""


@dataclass(frozen=True)
class Notice:
    """A notice and its recipient. It contains no secrets."""

    kind: str
    """A key of `app.notices.kinds.KINDS`."""
    account_id: str
    """"" if it isn't about an account."""
    user_name: str
    """The user it is about, or the mail address for Audience.ADDRESS."""
    idempotency_key: str
    """At most 160 characters. Of notices with the same key, only the first is written."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """JSON, for the text."""
    user_id: str = ""
    """AWS's unique ID of the user, "" if it isn't known."""
    audience: Audience = Audience.USER
    channels: tuple[str, ...] = (MAIL,)
    """Names of channels. Those that aren't set up are left out."""
    not_before: datetime | None = None
    """None: at once."""
    urgent: bool = False
    """It goes first and also in quiet hours, like a notice about a credential that changed."""
    campaign_id: int | None = None
