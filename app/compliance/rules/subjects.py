"""What the rules judge: a person, or the account, as far as anything is known of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class Source(StrEnum):
    """Who said so."""

    ROSTER = "roster"
    """The account's lists, read with an admin's session."""
    REPORT = "report"
    """AWS's credential report."""
    SELF = "self"
    """The person's own visit to the portal."""


class Seen(NamedTuple):
    """Where a fact is from, and of when it is."""

    source: Source
    at: datetime


class Key(NamedTuple):
    """An access key."""

    active: bool
    created_at: datetime | None
    used_at: datetime | None
    """None where it was never used, or nobody knows."""
    use_known: bool
    """Only the credential report tells last use."""


class Credential(NamedTuple):
    """An SSH public key or a signing certificate."""

    active: bool
    created_at: datetime | None
    expires_at: datetime | None = None


class Subject(NamedTuple):
    """An IAM user. None: not known."""

    user_name: str
    path: str
    created_at: datetime | None
    mfa: bool | None
    """Has an MFA device of any kind."""
    no_virtual_device: bool
    """The roster shows none: what is not known of `mfa` is only whether there is another kind."""
    password: bool | None
    """Has a console password."""
    password_last_used: datetime | None
    """None where it was never used, or nobody knows."""
    password_use_known: bool
    password_changed_at: datetime | None
    keys: tuple[Key, ...] | None
    certificates: tuple[Credential, ...] | None
    ssh_keys: tuple[Credential, ...] | None
    seen: Mapping[str, Seen]
    """By name of the fact: "user", "mfa", "password", "password_last_used", "keys", "key_use", "certificates",
    "ssh_keys".
    """
    mfa_doubt: str = ""
    """Why `mfa` is not known although something told of it; a sentence."""


class Account(NamedTuple):
    """An account as a whole. None: not known."""

    root_keys: bool | None
    root_mfa: bool | None
    root_virtual_mfa: bool | None
    """One of root's devices is virtual."""
    root_used_at: datetime | None
    root_use_known: bool
    password_length: int | None
    password_reuse: int | None
    """Earlier passwords that may not come back; 0 for none."""
    why_no_summary: str
    """Why what only the account's summary tells is not known."""
    why_no_password_policy: str
    """Why the two are not known."""
    seen: Mapping[str, Seen]
    """By name of the fact: "root_keys", "root_mfa", "root_virtual_mfa", "root_password", "root_used_at",
    "password_policy".
    """
    root_password: bool | None = None
    """False where root has no password: under central root access it cannot sign in."""


class Terms(NamedTuple):
    """What the rules go by."""

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
    """The configured policy does not reach users with an IAM path."""
    others_at_most: int | None = None
    """MFA devices in use in the account that are not virtual ones of users, at most; None where not known."""
    evidence_days: int = 90
    """What is older vouches for nothing."""
    partition: str = "aws"
