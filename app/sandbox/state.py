"""What the sandbox keeps besides moto's state, and the access to that state."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from moto.backends import get_backend

from app.sandbox.organization import Organization
from app.sandbox.outcomes import parsed
from app.sandbox.signin.state import SignInState

ACCOUNT_ID = "123456789012"


@dataclass
class Device:
    """A virtual MFA device with its seed, which AWS keeps and never lists."""

    serial_number: str
    seed: str = field(repr=False)
    """Base32 text, 64 characters, no padding."""
    created_at: datetime
    offset_steps: int = 0
    """Drift of the device's clock against ours, found at Enable or Resync, in steps of 30 s."""
    last_step: int | None = None
    """Highest step of the last accepted pair; a later pair must be newer."""
    used_steps: set[int] = field(default_factory=set)
    """Steps whose code was accepted anywhere; none works a second time."""
    tries: list[datetime] = field(default_factory=list)
    """Verifications at STS and the console, good and bad, for the limit of 9 in a 3-minute window."""
    assigned_at: datetime | None = None
    known_to_sts_at: datetime | None = None
    """From when on STS sees the present assignment (consistency delay)."""


@dataclass
class Session:
    """Credentials from STS or AWS Sign-In."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    user_name: str
    user_id: str
    """AWS's unique ID: a user created later under the same name is another user."""
    parent_access_key_id: str | None
    issued_at: datetime
    expires_at: datetime
    mfa_at: datetime | None = None
    """When a code was given, None without MFA."""
    mfa_serial: str | None = None
    signed_in: bool = False
    """From AWS Sign-In, not from GetSessionToken."""


@dataclass
class RoleSession:
    """Credentials of an assumed role."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    role_id: str
    """moto's id, AROA...: a role created later under the same name is another role."""
    name: str
    """RoleSessionName."""
    issued_at: datetime
    expires_at: datetime
    mfa_at: datetime | None = None
    """When a code was given with AssumeRole, None without MFA."""


@dataclass
class ServiceCredential:
    """A service-specific credential: a name and password for one AWS service, or an API key."""

    id: str
    user_id: str
    """moto's id of its user."""
    service_name: str
    alias: str
    """What the service takes as user name; of an API key its id for CloudTrail."""
    created_at: datetime
    expires_at: datetime | None
    status: str = "Active"


@dataclass
class Settings:
    """The options of `latchkey sandbox`."""

    policy: str = "recommended"
    users: int = 0
    accounts: int = 1
    """How many accounts there are. More than one form an organization, which the first manages."""
    users_per_account: int = 5
    """Synthetic employees in each further account, or up to two more."""
    latency: timedelta = timedelta(0)
    consistency_delay: timedelta = timedelta(0)
    marker: str = ""
    """In every secret that is handed out."""
    stand_ins: bool = False
    """In a rehearsal: people stand for others, whose tags nobody knows."""
    assumed: dict[str, str] = field(default_factory=dict)
    """Condition keys every request has with this value, whatever the sandbox would say: names in lower case."""
    outcomes: dict[str, str] = field(default_factory=lambda: parsed(()))
    """Where AWS's behaviour is open: see outcomes.py for names and values."""


@dataclass
class State:
    """One account. Whatever changes it holds `lock`, because moto's backends aren't thread-safe."""

    settings: Settings = field(default_factory=Settings)
    account_id: str = ACCOUNT_ID
    region: str = "us-east-1"
    partition: str = "aws"
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    devices: dict[str, Device] = field(default_factory=dict)
    """By serial number."""
    sessions: dict[str, Session] = field(default_factory=dict)
    """By access key id (ASIA...)."""
    role_sessions: dict[str, RoleSession] = field(default_factory=dict)
    """By access key id (ASIA...), of this account's roles."""
    accounts: dict[str, State] = field(default_factory=dict, repr=False)
    """Every account of this AWS by its id, this one included. All share the dict, and the lock."""
    organization: Organization | None = field(default=None, repr=False)
    """The organization that the account belongs to, if any."""
    passwords: dict[str, list[str]] = field(default_factory=dict, repr=False)
    """Per user name, past console passwords as salted hashes, newest last."""
    unhashed: dict[str, str] = field(default_factory=dict, repr=False)
    """First passwords of synthetic employees, hashed once one is tried: thousands of hashes take a minute."""
    key_last_used: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    """By access key id: when, and of which service."""
    credential_report: tuple[datetime, bytes] | None = field(default=None, repr=False)
    """When it was made, and the CSV."""
    password_last_used: dict[str, datetime] = field(default_factory=dict)
    password_set_at: dict[str, datetime] = field(default_factory=dict)
    login_profiles: dict[str, datetime] = field(default_factory=dict)
    """When a user's console password was first made."""
    signin: SignInState = field(default_factory=SignInState, repr=False)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """By ARN or serial number, of what moto keeps no tags for: MFA devices, SAML providers, server certificates."""
    service_credentials: dict[str, ServiceCredential] = field(default_factory=dict)
    """By id."""
    last_accessed_jobs: dict[str, tuple[datetime, str, str]] = field(default_factory=dict)
    """By job id: when it was asked for, the ARN it is about, its granularity."""
    boundaries: dict[str, str] = field(default_factory=dict)
    """By moto's id of a user: ARN of the permissions boundary."""
    users_may_change_password: bool = False
    """The account flag *Allow users to change their own password*; follows the password policy's field."""

    def __post_init__(self) -> None:
        self.accounts[self.account_id] = self

    def owner_of(self, access_key_id: str) -> State:
        """Return the account of an access key or session, or this one for an unknown ID."""
        for state in self.accounts.values():
            if access_key_id in state.sessions or access_key_id in state.role_sessions:
                return state
            if access_key_id in state.iam.access_keys:
                return state
        return self

    @property
    def root_has_credentials(self) -> bool:
        """Return whether the root user has a password and MFA. Central management of root access removes them."""
        return self.settings.outcomes["root-credentials"] == "present"

    @property
    def iam(self) -> Any:
        """Return moto's IAMBackend of this account: users, groups, policies, keys. Typed Any, because moto
        has no types.
        """
        return get_backend("iam")[self.account_id]["aws"]
