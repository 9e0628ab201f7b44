"""What waits in a session for the next page: unfinished sign-ins, devices and keys, with their secrets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from flask_login import current_user

from app.errors import PortalError
from app.sessions.contents import (
    Enrollment,
    NewAccessKey,
    PendingAwsSignIn,
    PendingCompanySignIn,
    PendingSignIn,
    ReplacedDevice,
    Upgrade,
    owner_of,
)
from app.sessions.current import (
    current_session,
    drop_what_is_nobodys,
    keep,
    label,
    make_way_for,
    read,
    renew,
    session_unavailable,
    session_was_lost,
    stored_sessions,
)
from app.sessions.stores import StoreDown

log = logging.getLogger(__name__)


class _Timed(Protocol):
    @property
    def until(self) -> datetime: ...


Timed = TypeVar("Timed", bound=_Timed)


def _in_time(key: str, slot_type: type[Timed], now: datetime) -> Timed | None:
    """What waits under this key, unless its time is up: then it is dropped, with its secret."""
    found = read(slot_type, current_session().get(key))
    if found and found.until <= now:
        forget(key)
        return None
    return found


def drop_what_is_over() -> None:
    """Drop everything in the session whose time is up, whichever page is opened."""
    if session_unavailable():
        return
    now = datetime.now(UTC)
    for key in ("pending_sign_in", "pending_aws_sign_in", "pending_company_sign_in", "enrollment", "new_key"):
        stored = current_session().get(key)
        if stored and stored["until"] <= now:
            forget(key)


def begin_sign_in(pending: PendingSignIn) -> None:
    """Keep a proven key until the code comes, under a new session ID."""
    session, owner = current_session(), owner_of(pending.account_id, pending.user_id)
    make_way_for(owner)
    renew(owner)
    session.update(label=label(), kept_for=owner)
    session["ends_at"] = pending.until  # the secret goes with the session, even if nobody comes back
    keep("pending_sign_in", pending)


def pending_sign_in(now: datetime) -> PendingSignIn | None:
    """Return the sign-in that waits for its code. If its time is up, drop its secret and return None. now: UTC."""
    return _in_time("pending_sign_in", PendingSignIn, now)


def begin_aws_sign_in(pending: PendingAwsSignIn) -> None:
    """Remember what AWS was asked, and drop an earlier question of this session.

    Before anyone is signed in, the session gets a new ID: an attacker who planted or kept the old one doesn't see the
    answer, and nothing they planted comes along.
    """
    if not current_user.is_authenticated:
        drop_what_is_nobodys()
        current_session().renew()
    keep("pending_aws_sign_in", pending)


def pending_aws_sign_in(now: datetime) -> PendingAwsSignIn | None:
    """Return the sign-in under way at AWS, None if its time is up. now: UTC."""
    pending = read(PendingAwsSignIn, current_session().get("pending_aws_sign_in"))
    return pending if pending and pending.until > now else None


def take_aws_sign_in(now: datetime) -> PendingAwsSignIn | None:
    """Return the sign-in under way to the one request that may finish it, None to others. Raises StoreDown."""
    while pending := pending_aws_sign_in(now):
        forget("pending_aws_sign_in")
        if stored_sessions().commit(current_session(), if_unchanged=True):
            return pending
    return None


def begin_company_sign_in(pending: PendingCompanySignIn) -> None:
    """Remember what the company's provider was asked, under a new session id, for the same reason."""
    drop_what_is_nobodys()
    current_session().renew()
    keep("pending_company_sign_in", pending)


def pending_company_sign_in(now: datetime) -> PendingCompanySignIn | None:
    """The sign-in under way at the company's provider, unless its time is up."""
    pending = read(PendingCompanySignIn, current_session().get("pending_company_sign_in"))
    return pending if pending and pending.until > now else None


def take_company_sign_in(now: datetime) -> PendingCompanySignIn | None:
    """The sign-in under way, for the one request that may finish it."""
    while pending := pending_company_sign_in(now):
        forget("pending_company_sign_in")
        if stored_sessions().commit(current_session(), if_unchanged=True):
            return pending
    return None


def remember_at_aws(user_name: str) -> None:
    """Remember whom AWS named as signed in there, for the page that explains why the sign-in stopped."""
    current_session()["at_aws"] = user_name


def at_aws() -> str:
    """Return whom AWS named as signed in in this browser, or ""."""
    return str(current_session().get("at_aws", ""))


def keep_enrollment(enrollment: Enrollment) -> None:
    """Keep the seed until AWS trusts the device: stored at once, because AWS shows it only once."""
    keep("enrollment", enrollment)
    _kept("seed", enrollment.serial_number)


def enrollment() -> Enrollment | None:
    """Return the enrollment begun in this session. If its time is up, drop its seed and return None."""
    return _in_time("enrollment", Enrollment, datetime.now(UTC))


def claim_new_key(now: datetime, until: datetime) -> bool:
    """Let this request create a key. Return False if another request of this session is doing so, in any process.

    until: when to consider that request dead (UTC). Two at once would create two keys, and one secret would be lost.
    """
    while True:
        claimed: datetime | None = current_session().get("making_key_until")
        if "new_key" in current_session() or (claimed and claimed > now):
            return False
        current_session()["making_key_until"] = until
        if stored_sessions().commit(current_session(), if_unchanged=True):
            return True
        if session_was_lost():
            return False


@contextmanager
def making_key(now: datetime, until: datetime) -> Iterator[Callable[[NewAccessKey], bool | None] | None]:
    """Make a key inside the block; yield what keeps its secret (`keep_new_key`).

    Yield None where another request of this session is making one, in any process. until: when to think that request
    dead. If AWS or the portal refuses, the next request may try.
    """
    claimed = claim_new_key(now, until)
    try:
        yield keep_new_key if claimed else None
    except PortalError:
        discard_new_key()
        raise


def discard_new_key() -> None:
    """Let the next request try: no key was created, or its secret is stored."""
    current_session().pop("making_key_until", None)


def keep_new_key(new: NewAccessKey) -> bool | None:
    """Keep a new secret until it is saved: stored at once, because AWS shows it only once.

    Return False if the session was ended meanwhile, so nothing holds the secret. None: nobody knows.
    """
    keep("new_key", new)
    discard_new_key()
    return _kept("secret", new.access_key_id)


def new_key_meanwhile(now: datetime) -> str:
    """Return the ID of the key whose secret is stored by now, perhaps by another request of this session; or ""."""
    stored = stored_sessions().stored(current_session(), "new_key")
    return str(stored["access_key_id"]) if stored and stored["until"] > now else ""


def mark_proven(access_key_id: str) -> None:
    """Note that AWS accepts the pending key, unless its secret was saved meanwhile: that isn't restored."""
    while (stored := current_session().get("new_key")) and stored["access_key_id"] == access_key_id:
        current_session()["new_key"] = {**stored, "proven": True}
        if stored_sessions().commit(current_session(), if_unchanged=True):
            return


def new_key(now: datetime) -> NewAccessKey | None:
    """Return the key whose secret waits to be saved. If its time is up, drop the secret and return None. now: UTC."""
    return _in_time("new_key", NewAccessKey, now)


def keep_upgrade(upgrade: Upgrade) -> None:
    """Store the step that this session is at on its way to an MFA session."""
    keep("upgrade", upgrade)


def upgrade() -> Upgrade | None:
    """Return the step that this session is at on its way to an MFA session."""
    return read(Upgrade, current_session().get("upgrade"))


def keep_replacing(old: ReplacedDevice) -> None:
    """Remember that the new device is trusted and this one is still to be removed."""
    keep("replacing", old)


def replacing() -> ReplacedDevice | None:
    """Return the device that a new one has replaced, still to be removed when this was stored."""
    return read(ReplacedDevice, current_session().get("replacing"))


def forget_new_key() -> bool:
    """Drop the secret that was saved. Return False if the session was renewed meanwhile, maybe with it, or ended."""
    forget("new_key")
    return _stored()


def _kept(what: str, of: str) -> bool | None:
    """`_stored` for a secret. If the store doesn't answer, return None and leave it to the end of the request."""
    try:
        return _stored()
    except StoreDown:
        log.exception("whether the %s of %s was kept is not known", what, of)
        return None


def _stored() -> bool:
    """Store the changes now; False where the session was ended or renewed meanwhile."""
    return stored_sessions().commit(current_session()) and not session_was_lost()


def forget(key: str) -> None:
    """Drop "pending_sign_in", "pending_aws_sign_in", "enrollment", "replacing" or "new_key"."""
    current_session().pop(key, None)
