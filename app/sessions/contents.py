"""What the session holds about a user: plain records, stored by `app.sessions.current` and `app.sessions.slots`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import ClassVar

from flask_login import UserMixin

from app.aws.clients import AwsCredentials
from app.aws.iam import MfaDevice
from app.aws.signin import AuthorizationRequest, OAuthClient

SHOWN_FOR = timedelta(minutes=15)
"""The longest that a secret AWS shows only once waits here for its user: of an access key, or the seed of a device.

Before MFA no longer than the session (`config.BEFORE_MFA`).
"""


class Way(StrEnum):
    """How a user signed in."""

    AWS_SIGN_IN = "aws-sign-in"
    ACCESS_KEY = "access-key"
    COMPANY = "company"
    """At the company's OpenID Connect provider. They aren't an IAM user."""


class Confirming(StrEnum):
    """Why a user who is signed in signs in again."""

    WHO = "who"
    """The next change affects who can sign in."""
    NEW_KEY = "new-key"
    """To show that they have the secret of their new key."""


def owner_of(account_id: str, user_id: str) -> str:
    """Return how a session store names a user: account and AWS's unique ID. ARN and name can change or be reused."""
    return f"{account_id}/{user_id}"


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
    user_id: str = field(kw_only=True)
    """AWS's unique id of the user, like AIDA... Renaming the user doesn't change it, and no later user gets it."""
    is_iam_user: ClassVar[bool] = True

    @property
    def recorded_name(self) -> str:
        """As the audit log names them."""
        return self.user_name

    @property
    def owner(self) -> str:
        """What the user's sessions are stored under (`owner_of`)."""
        return owner_of(self.account_id, self.user_id)

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
        """Serial number of the one virtual device that every variant of the policy lets the user create."""
        return f"arn:{self.partition}:iam::{self.account_id}:mfa/{self.user_name}"

    def get_id(self) -> str:
        """Flask-Login's name for the person."""
        return self.owner


@dataclass(frozen=True)
class Colleague(Person):
    """Someone who signed in at the company's OpenID Connect provider. They aren't an IAM user, belong to no account,
    and have no credentials. They read or administer the compliance pages of the accounts that their groups are named
    for.
    """

    issuer: str = field(kw_only=True)
    subject: str = field(kw_only=True)
    """The provider's own id of them. It never changes, and nobody else gets it."""
    groups: list[str] = field(kw_only=True)
    """Those that the settings name."""
    is_iam_user: ClassVar[bool] = False

    @classmethod
    def of(cls, issuer: str, subject: str, name: str, groups: list[str], now: datetime) -> Colleague:
        """Return someone who has signed in, with MFA. name: their e-mail address, if the provider tells it."""
        fields = {"issuer": issuer, "subject": subject, "groups": groups, "user_id": cls.id_of(issuer, subject)}
        return cls("", name, "", "", True, now, **fields)  # type: ignore[arg-type]  # values of several types

    @staticmethod
    def id_of(issuer: str, subject: str) -> str:
        """Return the id of someone in the place of AWS's unique id: "oidc-" and 40 hex digits."""
        known_as = sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:40]
        return f"oidc-{known_as}"

    @staticmethod
    def owner_with(user_id: str) -> str:
        """Return whose sessions those of a user id (`id_of`) are."""
        return owner_of("company", user_id)

    @property
    def recorded_name(self) -> str:
        """As the audit log names them: with a stroke, which no IAM user's name has."""
        return f"company/{self.user_name}"[:128]

    @property
    def owner(self) -> str:
        """Whose sessions theirs are."""
        return self.owner_with(self.user_id)

    @property
    def way(self) -> Way:
        """How they signed in."""
        return Way.COMPANY

    @property
    def arn(self) -> str:
        """How exceptions and refreshes name them, in the place of an ARN. It ends with the name, as an ARN does."""
        return f"{self.issuer}#{self.subject}/{self.user_name}"


@dataclass(frozen=True)
class PendingCompanySignIn:
    """A sign-in under way at the company's provider, and what its answer must match."""

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    until: datetime


@dataclass(frozen=True)
class PendingSignIn:
    """A sign-in whose access key is proven and whose code is still missing."""

    account_id: str
    user_name: str
    path: str
    partition: str
    serial_numbers: list[str]
    """Devices that give codes, the person chooses one."""
    access_key_id: str
    secret_access_key: str = field(repr=False)
    until: datetime
    user_id: str
    """AWS's unique id of the user."""

    @property
    def credentials(self) -> AwsCredentials:
        """The long-term key."""
        return AwsCredentials(self.access_key_id, self.secret_access_key)

    def person(self, now: datetime) -> Person:
        """Return who the user is once the code is accepted."""
        who = (self.account_id, self.user_name, self.path, self.partition)
        return Person(*who, True, now, self.access_key_id, user_id=self.user_id)


@dataclass(frozen=True)
class PendingAwsSignIn:
    """A sign-in under way at AWS, and what its answer must match."""

    client_id: str
    redirect_uri: str
    state: str
    verifier: str = field(repr=False)
    until: datetime
    sign_out_first: bool
    """The person was led through AWS's sign-out."""
    expected_user_id: str = ""
    """Unique id that the user must have, if someone who is signed in signs in through AWS again."""
    back: str = ""
    """Where they go afterwards."""

    @property
    def asked(self) -> AuthorizationRequest:
        """What AWS was asked with."""
        return AuthorizationRequest(self.client_id, self.redirect_uri, self.state, self.verifier)

    @property
    def client(self) -> OAuthClient:
        """Return the OAuth client that AWS was asked by: for a browser on this machine, or for one anywhere."""
        return OAuthClient(self.client_id)


@dataclass(frozen=True)
class Renewal:
    """What the next credentials of a sign-in through AWS are requested with."""

    client_id: str
    refresh_token: str = field(repr=False)
    dpop_key: str = field(repr=False)


@dataclass(frozen=True)
class ReplacedDevice:
    """A device that a new one replaces. A later device can get the same serial number, but not the same date."""

    serial_number: str
    enabled_at: datetime

    def is_same(self, device: MfaDevice) -> bool:
        """Is it this device? A session stores times to the second, as AWS does."""
        return (self.serial_number, self.enabled_at.replace(microsecond=0)) == (
            device.serial_number,
            device.enabled_at.replace(microsecond=0),
        )


@dataclass(frozen=True)
class Enrollment:
    """A virtual device that waits for its first two codes. Its seed is nowhere else."""

    serial_number: str
    seed: str = field(repr=False)
    attempt_id: str
    """The recorded attempt that made the device: a later one means it was started again elsewhere."""
    until: datetime
    replaces: str = ""
    """Serial number of the device to remove once this one is trusted."""
    replaces_enabled_at: datetime | None = None
    asked_at: datetime | None = None
    """When two codes were last asked for: as the device was made, or as a pair was refused for its age."""
    last_step: int = 0
    """Step of the second code of that pair."""
    remade: bool = False
    """Its QR code took the place of another, which may be in the app or in another tab."""
    label: str = ""
    """The name the user gave it in advance."""
    backup: bool = False
    """Its QR code is to be printed, as a backup."""

    @property
    def replaced_device(self) -> ReplacedDevice | None:
        """Return the device to remove once this one is trusted, None where it is an additional one."""
        return ReplacedDevice(self.replaces, self.replaces_enabled_at) if self.replaces_enabled_at else None


@dataclass(frozen=True)
class NewAccessKey:
    """A key just created. Its secret is shown until the user has saved it, and is nowhere else."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    until: datetime
    proven: bool = False
    """AWS has been seen to know it."""


@dataclass(frozen=True)
class Upgrade:
    """The steps from this session to an MFA session, after a device was set up.

    Codes in `used` were sent to AWS already. `code` waits until STS recognizes the device.
    """

    serial_number: str
    enabled_at: datetime
    used: list[str] = field(repr=False)
    code: str = field(repr=False, default="")
    tries: int = 0
    next_try_at: datetime | None = None
