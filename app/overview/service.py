"""What AWS shows of a user's credentials, read in parallel for the first page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from app.access_keys.service import NO_USES, Uses, last_uses
from app.aws.access_keys import AccessKey
from app.aws.certificates import CertificateGateway
from app.aws.clients import start_read
from app.aws.gateways import Gateways
from app.aws.iam import MfaDevice
from app.aws.passwords import LoginProfile
from app.aws.ssh_keys import SshKey, SshKeyGateway
from app.errors import NoResponse, NotAllowed, NotFound, Throttled
from app.public_keys.service import ListedCertificate, listed_certificates
from app.sessions.console_links import alias_beside
from app.sessions.contents import Person

Fact = TypeVar("Fact")


@dataclass(frozen=True)
class Known(Generic[Fact]):
    """What AWS answered."""

    fact: Fact


@dataclass(frozen=True)
class Unknown:
    """What could not be read, and why."""

    action: str
    """ "iam:ListAccessKeys"."""
    denied: bool
    """The policy does not allow it; else AWS did not answer, and another visit will do."""


def known(answer: Known[Fact] | Unknown) -> Fact | None:
    """Return what AWS answered, None if it didn't."""
    return answer.fact if isinstance(answer, Known) else None


@dataclass(frozen=True)
class Credentials:
    """A person's credentials, as far as AWS shows them."""

    devices: Sequence[MfaDevice]
    keys: Known[Sequence[AccessKey]] | Unknown
    password: Known[LoginProfile | None] | Unknown
    ssh_keys: Known[Sequence[SshKey]] | Unknown
    certificates: Known[Sequence[ListedCertificate]] | Unknown
    key_uses: Uses = NO_USES
    """When keys were last used, for a user with more than one."""
    inactive_since: Mapping[str, datetime] = field(default_factory=dict)
    """Since when inactive access keys are inactive, by key ID, as far as that is known."""

    @property
    def unknown(self) -> list[Unknown]:
        """Return what couldn't be read."""
        parts = (self.keys, self.password, self.ssh_keys, self.certificates)
        return [part for part in parts if isinstance(part, Unknown)]


def state_of(access_key_id: str, keys: Known[Sequence[AccessKey]] | Unknown) -> str:
    """Return "deleted" or "inactive" for such a key, "" for an active one, and if AWS didn't answer."""
    if not access_key_id or isinstance(keys, Unknown):
        return ""
    found = next((key for key in keys.fact if key.access_key_id == access_key_id), None)
    return "deleted" if found is None else "" if found.active else "inactive"


def load_inventory(gateways: Gateways, person: Person, *, key_uses: bool = False) -> tuple[Credentials, str | None]:
    """A person's credentials and the account's alias, asked side by side.

    key_uses: may AWS be asked when keys were last used? It is only where there are two, since one of them is to go.
    Raises what asking for the MFA devices raises; what else is denied, throttled or unanswered is `Unknown`.
    """
    name = person.user_name
    alias = alias_beside(gateways.iam, person)
    keys = start_read(lambda: gateways.keys.list_for(name))
    password = start_read(lambda: gateways.passwords.profile(name))
    ssh_keys = start_read(lambda: gateways.of_type(SshKeyGateway).list_for(name))
    certificates = start_read(lambda: listed_certificates(gateways.of_type(CertificateGateway), name))
    devices = gateways.iam.mfa_devices(name)
    listed: Known[Sequence[AccessKey]] | Unknown = _known("iam:ListAccessKeys", keys)
    several = listed.fact if key_uses and isinstance(listed, Known) and len(listed.fact) > 1 else ()
    uses = last_uses(gateways.keys, several)
    return Credentials(
        devices,
        listed,
        _known("iam:GetLoginProfile", password),
        _known("iam:ListSSHPublicKeys", ssh_keys),
        _known("iam:ListSigningCertificates", certificates),
        uses(),
    ), alias()


def _known(action: str, answer: Callable[[], Fact]) -> Known[Fact] | Unknown:
    try:
        return Known(answer())
    except NotAllowed:
        return Unknown(action, denied=True)
    except (Throttled, NoResponse, NotFound):
        return Unknown(action, denied=False)


@dataclass(frozen=True)
class Limits:
    """When something is due."""

    key_age: timedelta
    """Age at which an access key is to be replaced."""

    @property
    def warning(self) -> timedelta:
        """How long before the due date the page says so."""
        return min(timedelta(days=14), self.key_age / 3)
