"""Who is signed in, and what their session holds: the only code that knows the session's keys."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from flask import current_app
from flask import session as flask_session
from flask_login import current_user, login_user, logout_user
from werkzeug.local import LocalProxy

from app.aws.clients import AwsCredentials
from app.aws.signin import SignInTokens
from app.records import (
    Confirming,
    Enrollment,
    NewAccessKey,
    PendingAwsSignIn,
    PendingSignIn,
    Person,
    Renewal,
    Upgrade,
)
from app.sessions import Session, StoredSessions
from app.stores import OpenSession


def _session() -> Session:
    # The session itself, not Flask's stand-in for it: it is handed on.
    return cast("LocalProxy[Session]", flask_session)._get_current_object()


def _sessions() -> StoredSessions:
    return cast("StoredSessions", current_app.session_interface)


def _put(key: str, record: Any) -> None:
    _session()[key] = asdict(record)


_OWN_THINGS = ("enrollment", "replacing", "new_key")


def _renew(arn: str) -> None:
    """An empty session under a new id, but for what someone who signs in once more finds again; nobody else does."""
    session = _session()
    taken = _OWN_THINGS if arn in (session.get("owner"), session.get("kept_for")) else ()
    kept = {key: session[key] for key in taken if key in session}
    session.clear()
    session.renew(taken)
    session.update(kept)


def sign_in(person: Person, credentials: AwsCredentials, lasts: timedelta) -> None:
    """Open the person's session under a new id; what was held for anybody else is dropped."""
    session, name = _session(), label()
    _renew(person.arn)
    now = datetime.now(UTC)
    session["ends_at"] = now + lasts
    session.update(owner=person.arn, label=name, began_at=now)
    _put("person", person)
    _put("credentials", credentials)
    login_user(person)


def sign_in_through_aws(person: Person, tokens: SignInTokens, lasts: timedelta) -> None:
    """Open the session of someone AWS Sign-In has let in; forms open in their other tabs stay good."""
    csrf_token = _session().get("csrf_token") if current_user.is_authenticated else None
    sign_in(person, tokens.credentials, lasts)
    _put("renewal", Renewal(tokens.client_id, tokens.refresh_token, tokens.dpop_key))
    if csrf_token:
        _session()["csrf_token"] = csrf_token


def renewal() -> Renewal | None:
    """How to get the next credentials; None for sign-ins that are not through AWS Sign-In."""
    stored = _session().get("renewal")
    return Renewal(**stored) if stored else None


def renewing_until() -> datetime | None:
    """Some request is getting the next credentials, and has until then; UTC."""
    until: datetime | None = _session().get("renewing_until")
    return until


def claim_renewal(until: datetime) -> bool:
    """Take it on to get the next credentials; False where another request was faster, in any process."""
    _session()["renewing_until"] = until
    return _sessions().commit(_session(), if_unchanged=True)


def give_up_renewal() -> None:
    """Leave it to the next request."""
    _session().pop("renewing_until", None)
    _sessions().commit(_session())


def keep_renewed(tokens: SignInTokens) -> None:
    """Store the next credentials before anyone uses them."""
    _put("credentials", tokens.credentials)
    _put("renewal", Renewal(tokens.client_id, tokens.refresh_token, tokens.dpop_key))
    _session().pop("renewing_until", None)
    _sessions().commit(_session())


def look_again() -> None:
    """Read the session anew: another request is changing it."""
    _sessions().reload(_session())


def label() -> str:
    """Short id of this session: names it, in the record and to its owner, and opens nothing."""
    return str(_session().setdefault("label", secrets.token_hex(4)))


def known_label() -> str:
    """The same, "" for a session that has none yet: nothing is begun by asking."""
    return str(_session().get("label", ""))


def sessions_of(person: Person) -> Sequence[OpenSession]:
    """The person's open sessions, latest used first."""
    return _sessions().of(person.arn)


def end_sessions(person: Person, labels: Collection[str]) -> int:
    """End sessions of the person by their short ids; how many there were."""
    return _sessions().end(person.arn, labels)


def sign_out() -> None:
    """Forget everything; the stored session is deleted, and its id with it, whatever is said afterwards."""
    logout_user()
    _session().clear()
    _session().renew()


def load_person(person_id: str) -> Person | None:
    """Flask-Login's loader: the person the session was opened for."""
    stored = _session().get("person")
    person = Person(**stored) if stored else None
    return person if person and person.get_id() == person_id else None


def credentials() -> AwsCredentials | None:
    """What requests of this session are signed with; None when nobody is signed in."""
    stored = _session().get("credentials")
    return AwsCredentials(**stored) if stored else None


def session_ends_at() -> datetime | None:
    """When the session ends whatever the person does; UTC."""
    ends_at: datetime | None = _session().get("ends_at")
    return ends_at


def begin_sign_in(pending: PendingSignIn) -> None:
    """Hold a proven key until the code comes, under a new session id."""
    session = _session()
    arn = pending.person(datetime.now(UTC)).arn
    kept = {"wanted": session.get("wanted"), "label": label(), "kept_for": arn}
    _renew(arn)
    session.update(kept)
    session["ends_at"] = pending.until  # the secret goes with the session, even if nobody comes back
    _put("pending_sign_in", pending)


def pending_sign_in(now: datetime) -> PendingSignIn | None:
    """The sign-in that waits for its code, unless its time is up: then its secret is dropped."""
    stored = _session().get("pending_sign_in")
    pending = PendingSignIn(**stored) if stored else None
    if pending and pending.until <= now:
        forget("pending_sign_in")
        return None
    return pending


def begin_aws_sign_in(pending: PendingAwsSignIn) -> None:
    """Remember what AWS was asked; an earlier question of this session is dropped.

    Before anyone is signed in under a new id: who planted or kept the old one does not see the answer.
    """
    if not current_user.is_authenticated:
        _session().renew()
    _put("pending_aws_sign_in", pending)


def pending_aws_sign_in(now: datetime) -> PendingAwsSignIn | None:
    """The sign-in under way at AWS, unless its time is up."""
    stored = _session().get("pending_aws_sign_in")
    pending = PendingAwsSignIn(**stored) if stored else None
    return pending if pending and pending.until > now else None


def take_aws_sign_in(now: datetime) -> PendingAwsSignIn | None:
    """The sign-in under way, for the one request that may finish it."""
    while pending := pending_aws_sign_in(now):
        forget("pending_aws_sign_in")
        if _sessions().commit(_session(), if_unchanged=True):
            return pending
    return None


def remember_at_aws(user_name: str) -> None:
    """Who AWS said is signed in there, for the page that explains why it went no further."""
    _session()["at_aws"] = user_name


def at_aws() -> str:
    """Who AWS said is signed in in this browser, or ""."""
    return str(_session().get("at_aws", ""))


def keep_enrollment(enrollment: Enrollment) -> None:
    """Hold the seed until AWS trusts the device."""
    _put("enrollment", enrollment)


def enrollment() -> Enrollment | None:
    """The enrollment begun in this session."""
    stored = _session().get("enrollment")
    return Enrollment(**stored) if stored else None


def claim_new_key(now: datetime, until: datetime) -> bool:
    """Take it on to make a key; False where another request of this session is at it, in any process.

    until: when to think that request dead. Two at once would make two keys, and one secret would be lost.
    """
    while True:
        claimed: datetime | None = _session().get("making_key_until")
        if "new_key" in _session() or (claimed and claimed > now):
            return False
        _session()["making_key_until"] = until
        if _sessions().commit(_session(), if_unchanged=True):
            return True
        if session_was_lost():
            return False


def give_up_new_key() -> None:
    """None was made: the next request may try."""
    _session().pop("making_key_until", None)


def keep_new_key(new: NewAccessKey) -> bool:
    """Hold a new secret until it is saved; False where the session was ended meanwhile, and nothing holds it."""
    _put("new_key", new)
    give_up_new_key()
    return _sessions().commit(_session()) and not session_was_lost()


def new_key(now: datetime) -> NewAccessKey | None:
    """The key whose secret waits to be saved, unless its time is up: then the secret is dropped."""
    stored = _session().get("new_key")
    new = NewAccessKey(**stored) if stored else None
    if new and new.until <= now:
        forget("new_key")
        return None
    return new


def keep_upgrade(upgrade: Upgrade) -> None:
    """Remember what the upgrade waits for."""
    _put("upgrade", upgrade)


def upgrade() -> Upgrade | None:
    """The upgrade this session is on the way to."""
    stored = _session().get("upgrade")
    return Upgrade(**stored) if stored else None


def upgrade_in_place(credentials: AwsCredentials, lasts: timedelta) -> None:
    """Go on with an MFA session under a new session id; the long-term secret is no longer held."""
    session = _session()
    person = Person(**{**session["person"], "with_mfa": True})
    same = {key: session.get(key) for key in ("csrf_token", "began_at")}
    sign_in(person, credentials, lasts)
    session.update(same)  # the form in another tab stays good


def confirm_before(path: str, why: Confirming = Confirming.WHO) -> None:
    """The person signs in once more before they go on to `path`."""
    want(path)
    _session()["confirming"] = why.value


def confirming() -> Confirming | None:
    """Why someone signed in is signing in once more; None for everybody else."""
    why = _session().get("confirming")
    return Confirming(why) if why else None


def keep_replacing(serial_number: str) -> None:
    """The new device is trusted; this one is still to be given up."""
    _session()["replacing"] = serial_number


def replacing() -> str:
    """Serial number of the device that a new one has replaced and that is still to be given up, or ""."""
    return str(_session().get("replacing", ""))


def want(path: str) -> None:
    """Remember where an anonymous person was going."""
    _session()["wanted"] = path


def wanted() -> str | None:
    """Where the person was going before the sign-in, told once."""
    path: str | None = _session().pop("wanted", None)
    return path


def forget(key: str) -> None:
    """Drop "pending_sign_in", "pending_aws_sign_in", "enrollment", "replacing" or "new_key"."""
    _session().pop(key, None)


def session_unavailable() -> bool:
    """True when nobody can tell what the browser's session holds: the store does not answer."""
    return _session().unavailable


def leave_session_alone() -> None:
    """Whatever this request changed of its session is not stored."""
    _session().unavailable = True


def session_was_lost() -> bool:
    """True when the browser came with a session that is over."""
    return _session().lost
