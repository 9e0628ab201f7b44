"""A signal that AWS returned a user's own credentials. The features send it. Compliance and `app.credentials.pruning`
listen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from blinker import Signal

from app.aws.access_keys import AccessKey
from app.aws.iam import MfaDevice
from app.sessions import just_read
from app.sessions.contents import Person


class UploadedKey(Protocol):
    """An SSH public key or a signing certificate, as AWS lists it."""

    @property
    def active(self) -> bool:
        """False while it is deactivated."""

    @property
    def uploaded_at(self) -> datetime:
        """UTC."""


@dataclass(frozen=True)
class ObservedCredentials:
    """What AWS returned about a user's credentials just now. None: AWS wasn't asked."""

    mfa_devices: Iterable[MfaDevice] | None = None
    access_keys: Iterable[AccessKey] | None = None
    has_password: bool | None = None
    ssh_keys: Iterable[UploadedKey] | None = None
    certificates: Iterable[UploadedKey] | None = None
    read_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When AWS was asked, or later, UTC."""


credentials_observed = Signal()
"""The sender is the user, a Person. The keyword `observed` is an ObservedCredentials. Receivers raise nothing."""


def report_observed(
    person: Person,
    *,
    mfa_devices: Iterable[MfaDevice] | None = None,
    access_keys: Iterable[AccessKey] | None = None,
    has_password: bool | None = None,
    ssh_keys: Iterable[UploadedKey] | None = None,
    certificates: Iterable[UploadedKey] | None = None,
    read_at: datetime | None = None,
) -> None:
    """Tell the receivers what AWS just answered about the person's own credentials. None: AWS wasn't asked.

    A list must be complete: what it lacks is taken to be gone. It must be from this request, never passed on from
    another one. read_at: when AWS was asked (UTC), where more was done since. None: now.
    """
    if mfa_devices is not None:
        just_read.drop(person)
    at = read_at or datetime.now(UTC)
    observed = ObservedCredentials(mfa_devices, access_keys, has_password, ssh_keys, certificates, at)
    credentials_observed.send(person, observed=observed)
