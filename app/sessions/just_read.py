"""The MFA devices that a form's request has just read, for the page it leads to, so that AWS is asked once.

They wait in this process for the next page of the session that shows devices, for at most 3 seconds. A page without
them asks AWS. They decide nothing that is changed, and who comes in least of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock

from cachetools import TTLCache

from app.aws.iam import MfaDevice
from app.sessions import current
from app.sessions.contents import Person

_waiting: TTLCache[tuple[str, str], Sequence[MfaDevice]] = TTLCache(maxsize=10_000, ttl=3)
_lock = Lock()


def pass_on(person: Person, devices: Sequence[MfaDevice]) -> None:
    """Keep the devices of the user who is signed in for the next page."""
    with _lock:
        _waiting[person.arn, current.label()] = devices


def passed_on(person: Person) -> Sequence[MfaDevice] | None:
    """Return the devices that the last form kept, once. None where AWS is to be asked."""
    with _lock:
        return _waiting.pop((person.arn, current.label()), None)
