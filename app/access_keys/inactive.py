"""Since when access keys are inactive. AWS doesn't say, so the audit log does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from app.audit.events import SPREADING, Event
from app.audit.history import latest, without_outcome
from app.audit.log import Audit
from app.aws.access_keys import AccessKey
from app.errors import NotRecorded

DELETE_AFTER = timedelta(days=7)
"""How long a key is inactive before its deletion is due. By then, jobs that run once a week have run without it."""

_INACTIVE = (Event.ACCESS_KEY_DEACTIVATED, Event.ACCESS_KEY_SEEN_INACTIVE)
_ACTIVE = (Event.ACCESS_KEY_ACTIVATED, Event.ACCESS_KEY_SEEN_ACTIVE)


def inactive_since(keys: Sequence[AccessKey], audit: Audit, now: datetime) -> dict[str, datetime]:
    """Return since when each inactive key has been inactive, as far as the audit log shows, by key ID.

    A key that was deactivated or activated elsewhere is recorded as such when it is first seen, and counts from then.
    While the outcome of an attempt here isn't known, nothing is recorded: it may have been that one.
    """
    recorded = latest(audit, (*_INACTIVE, *_ACTIVE), [key.access_key_id for key in keys])
    since: dict[str, datetime] = {}
    for key in keys:
        event, at = recorded.get(key.access_key_id, (None, now))
        if event and (event in _ACTIVE) is not key.active and now - at < SPREADING:
            continue  # the list may be older than the change
        if key.active and event in _INACTIVE:
            _seen(audit, Event.ACCESS_KEY_SEEN_ACTIVE, key, now)
        elif not key.active and event in _INACTIVE:
            since[key.access_key_id] = at
        elif not key.active:
            _seen(audit, Event.ACCESS_KEY_SEEN_INACTIVE, key, now)
            since[key.access_key_id] = now
    return since


def _seen(audit: Audit, event: Event, key: AccessKey, now: datetime) -> None:
    switched = (Event.ACCESS_KEY_ACTIVATED, Event.ACCESS_KEY_DEACTIVATED)
    if key.access_key_id in {each.target for each in without_outcome(audit, now, switched, running=True)}:
        return
    with suppress(NotRecorded):  # the next visit records it
        audit.note(event, key.access_key_id)
