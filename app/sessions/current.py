"""Who is signed in, with which credentials, until when. What else waits in a session is in `app.sessions.slots`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from flask import current_app
from flask import session as flask_session
from flask_login import current_user, login_user, logout_user
from werkzeug.local import LocalProxy

from app.aws.clients import AwsCredentials
from app.aws.signin import SignInTokens
from app.sessions.contents import Colleague, Confirming, Person, Renewal
from app.sessions.interface import TOUCH_EVERY, StoredSessions
from app.sessions.session import Session
from app.sessions.stores import StoreDown


def current_session() -> Session:
    """Return the browser's session itself, not Flask's proxy for it, because it is passed on."""
    return cast("LocalProxy[Session]", flask_session)._get_current_object()


def stored_sessions() -> StoredSessions:
    """Return the session interface, which has the sessions of all browsers."""
    return cast("StoredSessions", current_app.session_interface)


Kept = TypeVar("Kept")


def read(slot_type: type[Kept], stored: Mapping[str, Any] | None) -> Kept | None:
    """Return a record of the session. None where there is none, or another release wrote it in another shape."""
    if stored is None:
        return None
    try:
        return slot_type(**stored)
    except TypeError:
        return None


def keep(key: str, record: Any) -> None:
    """Store a record of `app.sessions.contents` in the session."""
    current_session()[key] = asdict(record)


_THEIR_OWN = {"enrollment": "attempt_id", "replacing": "", "new_key": "access_key_id"}
"""What is kept for the same user who signs in again in the same browser, and for nobody else.

Each with the field that identifies its record, "" where the value itself does.
"""
_OF_THE_BROWSER = ("label", "wanted")
"""What is kept at a sign-in, unless `make_way_for` dropped it."""


def _whose() -> str | None:
    session = current_session()
    return session.get("owner") or session.get("kept_for")


def drop_what_is_nobodys() -> None:
    """As a sign-in begins, drop what a visitor's session has, because an attacker may have planted it.

    Above all drop its label, which names a session in the audit log. One that is stored keeps where it was going, and
    the token of its forms until a user is signed in: they may be open in another tab.
    """
    session = current_session()
    if _whose() is None:
        same = () if session.of_visitor else ("wanted", "csrf_token")
        kept = {key: session[key] for key in same if key in session}
        session.clear()
        session.update(kept)


def make_way_for(owner: str) -> None:
    """Before a sign-in is recorded: if the session is another user's, or nobody's, drop its label.

    Also drop where another user, or a visitor, was going.
    """
    drop_what_is_nobodys()
    session = current_session()
    if _whose() not in (None, owner):
        session.pop("wanted", None)
        session.pop("label", None)


def renew(owner: str) -> None:
    """Give the session a new ID for this user (`owner_of`), and drop everything but the two kinds above."""
    session = current_session()
    own = _THEIR_OWN if _whose() == owner else {}
    kept = {key: session[key] for key in (*own, *_OF_THE_BROWSER) if key in session}
    session.clear()
    session.renew(own)
    session.update(kept)


def sign_in(person: Person, credentials: AwsCredentials, lasts: timedelta) -> None:
    """Open the user's session under a new ID, and drop what it had for any other user."""
    _open(person, lasts)
    keep("person", person)
    keep("credentials", credentials)
    login_user(person)


def sign_in_colleague(colleague: Colleague, lasts: timedelta) -> None:
    """Open the session of someone who isn't an IAM user, without any credentials."""
    _open(colleague, lasts)
    keep("colleague", colleague)
    login_user(colleague)


def _open(person: Person, lasts: timedelta) -> None:
    session = current_session()
    renew(person.owner)
    now = datetime.now(UTC)
    session["ends_at"] = now + lasts
    session.update(owner=person.owner, label=label(), began_at=now)


def sign_in_through_aws(person: Person, tokens: SignInTokens, lasts: timedelta) -> None:
    """Open the session of a user whom AWS Sign-In let in. Forms open in their other tabs stay valid."""
    csrf_token = current_session().get("csrf_token") if current_user.is_authenticated else None
    sign_in(person, tokens.credentials, lasts)
    keep("renewal", Renewal(tokens.client_id, tokens.refresh_token, tokens.dpop_key))
    if csrf_token:
        current_session()["csrf_token"] = csrf_token


def renewal() -> Renewal | None:
    """Return what the next credentials are requested with, None for sign-ins that aren't through AWS Sign-In."""
    stored = current_session().get("renewal")
    return Renewal(**stored) if stored else None


def renewing_until() -> datetime | None:
    """Return until when (UTC) another request may be getting the next credentials, None where none is."""
    until: datetime | None = current_session().get("renewing_until")
    return until


def claim_renewal(until: datetime) -> bool:
    """Let this request get the next credentials. Return False where another one was faster, in any process.

    until: UTC. Raises StoreDown.
    """
    current_session()["renewing_until"] = until
    return stored_sessions().commit(current_session(), if_unchanged=True)


def release_renewal() -> None:
    """Leave it to the next request to get credentials. Raises StoreDown."""
    current_session().pop("renewing_until", None)
    stored_sessions().commit(current_session())


def keep_renewed(tokens: SignInTokens) -> None:
    """Store the next credentials before any request uses them. Raises StoreDown."""
    keep("credentials", tokens.credentials)
    keep("renewal", Renewal(tokens.client_id, tokens.refresh_token, tokens.dpop_key))
    current_session().pop("renewing_until", None)
    stored_sessions().commit(current_session())


def look_again() -> None:
    """Read the session from the store again, because another request is changing it. Raises StoreDown."""
    stored_sessions().reload(current_session())


def label() -> str:
    """Return the short ID of this session. It can't be used to sign in.

    It names the session in the audit log and to its owner.
    """
    return str(current_session().setdefault("label", secrets.token_hex(4)))


def name_session(name: str) -> None:
    """Give this session a short ID of the caller's choice, so that it can be found again. At most 16 characters."""
    current_session()["label"] = name


def known_label() -> str:
    """Return the short ID, "" for a session that has none yet. Asking creates none."""
    return str(current_session().get("label", ""))


def sign_out() -> None:
    """Clear the session and delete it from the store, whatever the request says afterwards.

    A sign-in of this browser may be giving it a new ID right now. That session has the same label, and ends as well.
    """
    owner, name = current_session().get("owner"), known_label()
    logout_user()
    current_session().start_over()
    if owner and name:
        stored_sessions().end(owner, [name])


def load_person(person_id: str) -> Person | None:
    """Return the person the session was opened for (Flask-Login's loader), None where that is another.

    Also None for a person whose account, or whose company's provider, the settings no longer name.
    """
    session = current_session()
    person = read(Person, session.get("person")) or read(Colleague, session.get("colleague"))
    return person if person and person.get_id() == person_id and _may_still(person) else None


def _may_still(person: Person) -> bool:
    if isinstance(person, Colleague):
        return bool(person.issuer == current_app.config["OIDC_ISSUER"])
    return person.account_id in current_app.config["ACCOUNTS"]


def credentials() -> AwsCredentials | None:
    """Return what requests of this session are signed with, None when nobody is signed in."""
    stored = current_session().get("credentials")
    return AwsCredentials(**stored) if stored else None


def session_ends_at() -> datetime | None:
    """Return when the session ends even if it is used (UTC), None for a session without an end."""
    ends_at: datetime | None = current_session().get("ends_at")
    return ends_at


@dataclass(frozen=True)
class Left:
    """How long a session lasts, in whole seconds."""

    idle: int
    """If it is not used."""
    ends: int
    """Whatever the person does."""


def session_left() -> Left:
    """Return how long the session lasts from the end of this request on."""
    session, now, idle = current_session(), datetime.now(UTC), current_app.config["SESSION_IDLE"]
    until = now + idle
    if session.last_used_at and now - session.last_used_at <= TOUCH_EVERY and not session.modified:
        until = session.last_used_at + idle  # it was used just now, and that is what is stored
    ends = session_ends_at() or until
    return Left(max(0, int((until - now).total_seconds())), max(0, int((ends - now).total_seconds())))


def upgrade_in_place(credentials: AwsCredentials, lasts: timedelta) -> None:
    """Turn the session into an MFA session under a new ID, without the long-term secret."""
    session = current_session()
    person = Person(**{**session["person"], "with_mfa": True})
    same = {key: session[key] for key in ("csrf_token", "began_at") if key in session}
    sign_in(person, credentials, lasts)
    session.update(same)  # the form in another tab stays good


def confirm_before(path: str, why: Confirming = Confirming.WHO) -> None:
    """Have the user sign in again before they continue to `path`."""
    remember_next(path)
    current_session()["confirming"] = why.value


def confirming() -> Confirming | None:
    """Return why a user who is signed in is signing in again, None for everyone else."""
    why = current_session().get("confirming")
    return Confirming(why) if why else None


def remember_next(path: str) -> None:
    """Remember where the user was going, in their session. A visitor's form has it instead."""
    current_session()["wanted"] = path


def next_page() -> str:
    """Return where the user was going before the sign-in, or ""."""
    return str(current_session().get("wanted", ""))


def pop_next() -> str | None:
    """Return where the user was going before the sign-in, and forget it."""
    path: str | None = current_session().pop("wanted", None)
    return path


def session_unavailable() -> bool:
    """Is it unknown what the browser's session holds, because the store doesn't answer?"""
    return current_session().unavailable


def leave_session_alone() -> None:
    """Don't store what this request changed of its session."""
    current_session().unavailable = True


def store_now() -> bool:
    """Store what this request changed of the session, before its end. Return False where that can't be.

    Then the request leaves the session alone: the store doesn't answer, or the session was ended meanwhile.
    """
    try:
        if stored_sessions().commit(current_session()):
            return True
    except StoreDown:
        pass
    leave_session_alone()
    return False


def session_was_lost() -> bool:
    """Did the browser send a session that has ended?"""
    return current_session().lost
