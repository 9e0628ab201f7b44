"""Who is signed in, and what their session holds: the only code that knows the session's keys."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from flask import session as flask_session
from flask_login import UserMixin, login_user, logout_user

from app.aws.clients import AwsCredentials
from app.sessions import Session


@dataclass(frozen=True)
class Person(UserMixin):
    """An IAM user of a configured account, signed in."""

    account_id: str
    user_name: str
    path: str
    partition: str
    with_mfa: bool
    """True once STS accepted a code for this very session."""
    signed_in_at: datetime
    access_key_id: str
    """The long-term key this session was opened with."""

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
    return cast("Session", flask_session)


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
    """Drop "pending_sign_in", "enrollment" or "upgrade"."""
    _session().pop(key, None)


def session_was_lost() -> bool:
    """True when the browser came with a session that is over."""
    return _session().lost
