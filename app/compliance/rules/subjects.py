"""What the rules judge: a user, or the account, as far as it is known. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from app.compliance.rules.sources import ForcedFacts, PermissionFacts


class Source(StrEnum):
    """Where a fact comes from."""

    USER_LIST = "roster"
    """The account's lists, read with an admin's session."""
    REPORT = "report"
    """AWS's credential report."""
    SELF = "self"
    """The user's own visit to the portal."""
    DETAILS = "details"
    """The account's authorization details."""


class Seen(NamedTuple):
    """Where a fact comes from, and when it was collected."""

    source: Source
    at: datetime


class Key(NamedTuple):
    """An access key."""

    active: bool
    created_at: datetime | None
    used_at: datetime | None
    """None: never used, or not known."""
    use_known: bool
    """Only the credential report tells the last use."""


class Credential(NamedTuple):
    """An SSH public key or a signing certificate."""

    active: bool
    created_at: datetime | None
    expires_at: datetime | None = None


class Subject(NamedTuple):
    """An IAM user. None: not known, unless it says otherwise."""

    user_name: str
    path: str
    created_at: datetime | None
    mfa: bool | None
    """Has an MFA device of any kind."""
    no_virtual_device: bool
    """The lists show none. Where `mfa` isn't known, the user may have a device of another kind."""
    password: bool | None
    """Has a console password."""
    password_last_used: datetime | None
    """None: never used, or not known."""
    password_use_known: bool
    password_changed_at: datetime | None
    keys: tuple[Key, ...] | None
    certificates: tuple[Credential, ...] | None
    ssh_keys: tuple[Credential, ...] | None
    seen: Mapping[str, Seen]
    """By name of the fact: "user", "mfa", "password", "password_last_used", "keys", "key_use", "certificates",
    "ssh_keys", "policies".
    """
    mfa_doubt: str = ""
    """Why `mfa` isn't known although a source reported it. A sentence."""
    forced: ForcedFacts | None = None
    """Whether the user's policies force MFA. None: the details don't contain this user, or there are none."""


class Account(NamedTuple):
    """An account as a whole. None: not known."""

    root_keys: bool | None
    root_mfa: bool | None
    root_virtual_mfa: bool | None
    """One of the root user's devices is virtual."""
    root_used_at: datetime | None
    root_use_known: bool
    password_length: int | None
    password_reuse: int | None
    """How many earlier passwords can't be reused."""
    why_no_summary: str
    """Why the facts that only the account's summary tells aren't known. A sentence."""
    why_no_password_policy: str
    """Why the two aren't known. A sentence."""
    seen: Mapping[str, Seen]
    """By name of the fact: "root_keys", "root_mfa", "root_virtual_mfa", "root_password", "root_used_at",
    "password_policy", "policies", "tls_number", "tls_certificates".
    """
    root_password: bool | None = None
    """False: the root user has no password. Under central root access it can't sign in."""
    permissions: PermissionFacts | None = None
    """None: no authorization details yet."""
    password_classes: tuple[str, ...] | None = None
    """What every password needs: "uppercase", "lowercase", "digits", "symbols", or "3 of 4" by AWS's default."""
    password_expiry: int | None = None
    """Days after which a password expires, 0 for never."""
    tls_number: int | None = None
    """How many TLS certificates IAM stores."""
    tls_certificates: tuple[tuple[str, datetime], ...] | None = None
    """Those, by name, each with the time at which it expires."""
    why_no_tls: str = ""
    """Why `tls_certificates` aren't known. A sentence, "" where nobody asked."""


Numbers = tuple[tuple[str, int], ...]
"""Numbers by name in Terms."""


class Terms(NamedTuple):
    """The time, the numbers and the circumstances by which the rules judge. Durations are days."""

    now: datetime
    key_days: int = 90
    unused_days: int = 45
    certificate_days: int = 365
    ssh_days: int = 365
    first_sign_in_days: int = 30
    root_days: int = 30
    password_length: int = 14
    password_reuse: int = 24
    path_blind: bool = False
    """The configured policy doesn't match users with an IAM path."""
    others_at_most: int | None = None
    """MFA devices in use in the account that aren't virtual ones of users, at most. None: not known."""
    evidence_days: int = 90
    """Evidence older than this counts as unknown."""
    partition: str = "aws"
    variants: tuple[tuple[str, Numbers], ...] = ()
    """Rules that the account's standards judge by other numbers than the account itself: rule id, and the numbers."""
    service_users: tuple[tuple[str, str], ...] = ()
    """Which users are programs: "name", "path" or "tag", and a pattern with * and ?, of a tag "KEY=PATTERN"."""
    password_expiry: int = 90
    tls_days: int = 30
    """How long before it expires a TLS certificate should be replaced."""
    asked: tuple[str, ...] = ()
    """Rules that are judged only where a standard asks for them, and that the account's standards ask for."""
