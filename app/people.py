"""Who is signed in, and what their session holds: the only code that knows the session's keys."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

from flask import current_app
from flask import session as flask_session
from flask_login import UserMixin, current_user, login_user, logout_user
from werkzeug.local import LocalProxy

from app.aws.clients import AwsCredentials
from app.aws.signin import AuthorizationRequest, Device, SignInTokens
from app.sessions import DatabaseSessions, Session


class Way(StrEnum):
    """How someone signed in."""

    AWS_SIGN_IN = "aws-sign-in"
    ACCESS_KEY = "access-key"


@dataclass(frozen=True)
class Person(UserMixin):
    """An IAM user of a configured account, signed in."""

    account_id: str
    user_name: str
    path: str
    partition: str
    with_mfa: bool
    """True once AWS has shown that this very session has it."""
    signed_in_at: datetime
    access_key_id: str = ""
    """The long-term key this session was opened with, if it was."""

    @property
    def way(self) -> Way:
        """How they signed in."""
        return Way.ACCESS_KEY if self.access_key_id else Way.AWS_SIGN_IN

    @property
    def arn(self) -> str:
        """arn:aws:iam::123456789012:user/engineering/alice"""
        return f"arn:{self.partition}:iam::{self.account_id}:user{self.path}{self.user_name}"

    @property
    def own_serial_number(self) -> str:
        """Serial number of the one virtual device every variant of the policy lets the person make."""
        return f"arn:{self.partition}:iam::{self.account_id}:mfa/{self.user_name}"

    def get_id(self) -> str:
        """Flask-Login's name for the person."""
        return self.arn


@dataclass(frozen=True)
class PendingSignIn:
    """Between the key step and the code step: the key is proven, the code is still missing."""

    account_id: str
    user_name: str
    path: str
    partition: str
    serial_numbers: list[str]
    """Devices that give codes, the person chooses one."""
    access_key_id: str
    secret_access_key: str = field(repr=False)
    until: datetime

    @property
    def credentials(self) -> AwsCredentials:
        """The long-term key."""
        return AwsCredentials(self.access_key_id, self.secret_access_key)

    def person(self, now: datetime) -> Person:
        """Who they are once the code is accepted."""
        return Person(self.account_id, self.user_name, self.path, self.partition, True, now, self.access_key_id)


@dataclass(frozen=True)
class PendingAwsSignIn:
    """A sign-in under way at AWS: what its answer must fit."""

    client_id: str
    redirect_uri: str
    state: str
    verifier: str = field(repr=False)
    until: datetime
    sign_out_first: bool
    """The person was led through AWS's sign-out."""
    expected_arn: str = ""
    """Who it must be, where someone signed in goes through AWS once more."""
    back: str = ""
    """Where they go afterwards."""

    @property
    def asked(self) -> AuthorizationRequest:
        """As AWS was asked."""
        return AuthorizationRequest(self.client_id, self.redirect_uri, self.state, self.verifier)

    @property
    def device(self) -> Device:
        """In which browser."""
        return Device(self.client_id)


@dataclass(frozen=True)
class Renewal:
    """What the next credentials of an AWS sign-in are got with."""

    client_id: str
    refresh_token: str = field(repr=False)
    dpop_key: str = field(repr=False)


@dataclass(frozen=True)
class Enrollment:
    """A virtual device that waits for its first two codes. The seed lives here and nowhere else."""

    serial_number: str
    seed: str = field(repr=False)
    attempt_id: str
    """The recorded attempt that made the device: a later one means it was begun anew elsewhere."""


@dataclass(frozen=True)
class Upgrade:
    """After enabling: the way from this session to an MFA session.

    Codes in `used` were given to AWS already. `code` waits until STS knows the device.
    """

    serial_number: str
    enabled_at: datetime
    used: list[str] = field(repr=False)
    code: str = field(repr=False, default="")
    tries: int = 0
    next_try_at: datetime | None = None


def _session() -> Session:
    # The session itself, not Flask's stand-in for it: it is handed on.
    return cast("LocalProxy[Session]", flask_session)._get_current_object()


def _sessions() -> DatabaseSessions:
    return cast("DatabaseSessions", current_app.session_interface)


def _put(key: str, record: Any) -> None:
    _session()[key] = asdict(record)


def sign_in(person: Person, credentials: AwsCredentials, lasts: timedelta) -> None:
    """Open the person's session under a new id; whatever an anonymous session held is dropped."""
    session = _session()
    session.clear()
    session.renew()
    session["ends_at"] = datetime.now(UTC) + lasts
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


def sign_out() -> None:
    """Forget everything; the stored session is deleted."""
    logout_user()
    _session().clear()


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
    wanted = session.get("wanted")
    session.clear()
    session.renew()
    session["wanted"] = wanted
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
    """Remember what AWS was asked; an earlier question of this session is dropped."""
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
    csrf_token = session.get("csrf_token")
    sign_in(person, credentials, lasts)
    session["csrf_token"] = csrf_token  # the form in another tab stays good


def want(path: str) -> None:
    """Remember where an anonymous person was going."""
    _session()["wanted"] = path


def wanted() -> str | None:
    """Where the person was going before the sign-in, told once."""
    path: str | None = _session().pop("wanted", None)
    return path


def forget(key: str) -> None:
    """Drop "pending_sign_in", "pending_aws_sign_in", "enrollment" or "upgrade"."""
    _session().pop(key, None)


def session_was_lost() -> bool:
    """True when the browser came with a session that is over."""
    return _session().lost
