"""Find access keys whose secret was never saved. AWS shows a secret once, and the session can end right then.

The audit log answers: a key that was created here counts as saved once its user confirmed that, or signed in with it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.access_keys.service import ACCESS_KEY
from app.audit.events import STILL_RUNNING, Event
from app.audit.history import done_without, last_done_without, without_outcome
from app.audit.log import Audit
from app.aws.access_keys import AccessKey
from app.sessions.contents import SHOWN_FOR

_ENOUGH = (Event.ACCESS_KEY_SAVED, Event.SIGN_IN, Event.ACCESS_KEY_DELETED)


@dataclass(frozen=True)
class Unsaved:
    """A key whose secret nobody is known to have."""

    access_key_id: str
    lost: bool
    """No session has it any more. Otherwise the request that creates the key may still be running, or have failed."""
    elsewhere: bool = False
    """It can still be saved, in another open session of the user."""


def unsaved_keys(
    keys: Sequence[AccessKey],
    audit: Audit,
    now: datetime,
    *,
    in_hand: Callable[[], Collection[str]],
    open_sessions: Callable[[], Collection[str]],
) -> list[Unsaved]:
    """Return the user's keys that were created here and whose secret nobody is known to have, oldest first.

    in_hand: returns the IDs of keys whose secret this session still shows, and of the key it was signed in with.
    open_sessions: returns the short IDs of the user's sessions. Both are called only if a key may have been created
    here.
    """
    made = {each.target: each for each in last_done_without(audit, ACCESS_KEY.made, *_ENOUGH)}
    begun = without_outcome(audit, now, (ACCESS_KEY.made, ACCESS_KEY.deleted), running=True)
    making = [attempt.at for attempt in begun if attempt.event is ACCESS_KEY.made]
    if not making and not made.keys() & {key.access_key_id for key in keys}:
        return []
    ours, found = in_hand(), []
    for key in keys:
        if key.access_key_id in ours:
            continue
        if done := made.get(key.access_key_id):
            other = done.session != audit.session and now - key.created_at < SHOWN_FOR
            elsewhere = other and done.session in open_sessions()
            found.append(Unsaved(key.access_key_id, lost=not elsewhere, elsewhere=elsewhere))
        elif any(abs(key.created_at - at) < STILL_RUNNING for at in making) and not _known(audit, key):
            found.append(Unsaved(key.access_key_id, lost=False))
    return found


def _known(audit: Audit, key: AccessKey) -> bool:
    """True if the audit log names the key: another attempt created it, or its secret was saved."""
    events = (ACCESS_KEY.made, Event.ACCESS_KEY_SAVED, Event.SIGN_IN)
    return any(key.access_key_id in done_without(audit, event) for event in events)


def saved(audit: Audit, access_key_id: str) -> None:
    """Record that the user has the secret. Raises NotRecorded."""
    audit.note(Event.ACCESS_KEY_SAVED, access_key_id)
