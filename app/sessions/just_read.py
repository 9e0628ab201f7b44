"""The MFA devices that a form's request has just read, for the page it leads to, so that AWS is asked once.

They wait in this process for the next page of the session that shows devices, for at most 3 seconds. A page without
them asks AWS. They are only shown: they decide nothing that is changed, least of all who may sign in, and no page
reports them as facts. A user has one such read at a time. A later one, of any of their sessions, makes it void.
Another process can't know of that, so a page there may be 3 seconds old, as it would be by the time it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from time import time

from cachetools import TTLCache

from app.aws.iam import MfaDevice
from app.sessions import current
from app.sessions.contents import Person

_waiting: TTLCache[str, tuple[str, Sequence[MfaDevice]]] = TTLCache(maxsize=10_000, ttl=3, timer=time)
"""By the owner of sessions: the session that they are for, and the devices. Time is counted as for sessions."""
_lock = Lock()


def pass_on(person: Person, devices: Sequence[MfaDevice]) -> None:
    """Keep the devices of the user who is signed in for the next page."""
    with _lock:
        _waiting[person.owner] = current.label(), devices


def passed_on(person: Person) -> Sequence[MfaDevice] | None:
    """Return the devices that the last form kept, once. None where AWS is to be asked."""
    with _lock:
        session, devices = _waiting.pop(person.owner, ("", ()))
    return devices if session and session == current.known_label() else None


def drop(person: Person) -> None:
    """Drop what waits for any session of the user: it's older than what is known by now, or they sign out."""
    with _lock:
        _waiting.pop(person.owner, None)
