"""SSH keys and signing certificates at AWS. Reading, uploading and missing them is the same for both types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from app.audit.events import Event
from app.audit.history import done_without
from app.audit.log import Audit
from app.aws.certificates import MOST_CERTIFICATES, CertificateGateway, SigningCertificate
from app.aws.ssh_keys import MOST_SSH_KEYS, SshKey, SshKeyGateway
from app.credentials import lifecycle
from app.credentials.lifecycle import CredentialType
from app.errors import NoResponse, NotRecorded, PortalError, Refused
from app.public_keys.certificate import Certificate, validity
from app.public_keys.pasted import PrivateKeyPasted
from app.text.messages import _

if TYPE_CHECKING:
    from app.public_keys.ssh import SshPublicKey

SSH_KEY = CredentialType(
    "SSH key",
    MOST_SSH_KEYS,
    Event.SSH_KEY_UPLOADED,
    Event.SSH_KEY_ACTIVATED,
    Event.SSH_KEY_DEACTIVATED,
    Event.SSH_KEY_DELETED,
)
CERTIFICATE = CredentialType(
    "certificate",
    MOST_CERTIFICATES,
    Event.CERTIFICATE_UPLOADED,
    Event.CERTIFICATE_ACTIVATED,
    Event.CERTIFICATE_DEACTIVATED,
    Event.CERTIFICATE_DELETED,
)


@dataclass(frozen=True)
class Listed:
    """One of either type, read."""

    id: str
    active: bool
    uploaded_at: datetime
    fingerprint: str
    """SHA-256 of the key or certificate; "" where it cannot be read."""


@dataclass(frozen=True)
class ListedKey(Listed):
    """An SSH key."""

    key: SshPublicKey | None


@dataclass(frozen=True)
class ListedCertificate(Listed):
    """A signing certificate."""

    certificate: Certificate | None


class KeyAlreadyUploaded(Refused):
    """The user already has this key or certificate."""

    code = "key-already-uploaded"
    diagnoses = frozenset({"inactive"})
    field = "pasted"

    def __init__(self, credential_type: CredentialType, listed: Listed) -> None:
        if credential_type is SSH_KEY and listed.active:
            said = _("You already have this SSH key: %(id)s. Nothing was changed.", id=listed.id)
        elif credential_type is SSH_KEY:
            said = _("You already have this SSH key: %(id)s. It’s inactive. Activate it in the list.", id=listed.id)
        elif listed.active:
            said = _("You already have this certificate: %(id)s. Nothing was changed.", id=listed.id)
        else:
            said = _(
                "You already have this certificate: %(id)s. It’s inactive. Activate it in the list.", id=listed.id
            )
        super().__init__(said, diagnosis="" if listed.active else "inactive")


class TooManyPublicKeys(Refused):
    """AWS allows no more of them."""

    code = "too-many-public-keys"

    def __init__(self, credential_type: CredentialType) -> None:
        if credential_type is SSH_KEY:
            said = _(
                "You have %(num)d SSH keys, including inactive ones. AWS allows no more. Delete one first.",
                num=credential_type.most,
            )
        else:
            said = _(
                "You have %(num)d certificates, including inactive ones. AWS allows no more. Delete one first.",
                num=credential_type.most,
            )
        super().__init__(said)


class UploadOutcomeUnknown(NoResponse):
    """AWS didn't answer an upload, and its list doesn't show it so far."""

    code = "upload-outcome-unknown"

    def __init__(self, credential_type: CredentialType) -> None:
        if credential_type is SSH_KEY:
            said = _(
                "AWS didn’t answer, so we don’t know whether it has your SSH key. Check "
                "the list in half a minute before you upload it again."
            )
        else:
            said = _(
                "AWS didn’t answer, so we don’t know whether it has your certificate. Check "
                "the list in half a minute before you upload it again."
            )
        super().__init__(said)


def listed_keys(gateway: SshKeyGateway, user_name: str) -> list[ListedKey]:
    """Return the user's SSH keys with their fingerprints, oldest first. Raises NotAllowed, Throttled, NoResponse."""
    return [_listed_key(item) for item in gateway.with_bodies(user_name)]


def _listed_key(item: SshKey) -> ListedKey:
    from app.public_keys.ssh import known_key  # noqa: PLC0415 # reading keys takes a library, which few requests need

    key = known_key(item.body)
    return ListedKey(item.id, item.active, item.uploaded_at, key.sha256 if key else "", key)


def listed_certificates(gateway: CertificateGateway, user_name: str) -> list[ListedCertificate]:
    """Return the user's certificates, read, oldest first. Raises NotAllowed, Throttled, NoResponse."""
    return [_listed_certificate(item) for item in gateway.list_for(user_name)]


def _listed_certificate(item: SigningCertificate) -> ListedCertificate:
    from app.public_keys.certificates import known_certificate  # noqa: PLC0415 # as above

    certificate = known_certificate(item.body)
    fingerprint = certificate.sha256 if certificate else ""
    return ListedCertificate(item.id, item.active, item.uploaded_at, fingerprint, certificate)


def expiring(certificates: Iterable[ListedCertificate], now: datetime) -> list[tuple[ListedCertificate, str]]:
    """Return active certificates that have expired ("expired") or will soon ("expires soon"), for warnings. Pure."""
    judged = [(each, validity(each.certificate, now)) for each in certificates if each.active and each.certificate]
    return [(each, found) for each, found in judged if found in ("expired", "expires soon")]


def of_two(certificates: Sequence[ListedCertificate]) -> tuple[ListedCertificate | None, ListedCertificate | None]:
    """Return (the one to keep, the one to retire) of two active certificates, (None, None) for fewer. Pure.

    certificates: oldest first. The one that is valid longer is kept, and the newer one if that isn't known or they
    are alike.
    """
    active = [each for each in certificates if each.active]
    if len(active) < 2:
        return None, None
    older, newer = active[0], active[-1]
    if older.certificate and newer.certificate and older.certificate.not_after > newer.certificate.not_after:
        return older, newer
    return newer, older


def outlasting(certificates: Iterable[ListedCertificate], new: Certificate) -> ListedCertificate | None:
    """Return the certificate that is valid longest of those valid longer than the new one, None without any. Pure."""
    longer = [(each.certificate.not_after, each) for each in certificates if each.certificate]
    return max((pair for pair in longer if pair[0] > new.not_after), key=lambda pair: pair[0], default=(None, None))[
        1
    ]


def successor(
    certificates: Iterable[ListedCertificate], ends: ListedCertificate, now: datetime
) -> ListedCertificate | None:
    """Return another active certificate that can take the place of one that ends, valid for a while yet. Pure."""
    for each in certificates:
        if each is not ends and each.active and each.certificate and not validity(each.certificate, now):
            return each
    return None


def checked_key(audit: Audit, given: str | bytes) -> SshPublicKey:
    """Return the key in what was pasted. A private key is refused, and that is recorded.

    Raises PastedTextRefused, PrivateKeyPasted.
    """
    from app.public_keys.ssh import read_ssh_key  # noqa: PLC0415 # as above

    try:
        return read_ssh_key(given)
    except PrivateKeyPasted as refusal:
        _note(SSH_KEY, audit, refusal)
        raise


def checked_certificate(audit: Audit, given: str | bytes, now: datetime) -> Certificate:
    """Return the certificate in what was pasted. A private key is refused, and that is recorded.

    now: UTC. Raises PastedTextRefused, PrivateKeyPasted.
    """
    from app.public_keys.certificates import read_certificate  # noqa: PLC0415 # as above

    try:
        return read_certificate(given, now)
    except PrivateKeyPasted as refusal:
        _note(CERTIFICATE, audit, refusal)
        raise


def _note(credential_type: CredentialType, audit: Audit, refusal: PrivateKeyPasted) -> None:
    with suppress(NotRecorded):  # the user learns that the key is exposed in any case
        audit.note(credential_type.made, refused=refusal)


def upload_key(gateway: SshKeyGateway, audit: Audit, user_name: str, key: SshPublicKey) -> str:
    """Upload a key and return its ID.

    Raises KeyAlreadyUploaded, TooManyPublicKeys, UploadOutcomeUnknown, NotAllowed, Throttled, PublicKeyRefused.
    """
    return _upload(
        SSH_KEY,
        audit,
        key.sha256,
        lambda: listed_keys(gateway, user_name),
        lambda: gateway.upload(user_name, key.line),
    )


def upload_certificate(gateway: CertificateGateway, audit: Audit, user_name: str, certificate: Certificate) -> str:
    """Upload a certificate and return its ID. Raises as `upload_key` does, and DuplicateCertificate."""
    return _upload(
        CERTIFICATE,
        audit,
        certificate.sha256,
        lambda: listed_certificates(gateway, user_name),
        lambda: gateway.upload(user_name, certificate.pem),
    )


def check_room(credential_type: CredentialType, listed: Sequence[Listed], fingerprint: str) -> None:
    """Check before AWS is asked that there is room. Raises KeyAlreadyUploaded or TooManyPublicKeys.

    fingerprint: SHA-256 of what is to be uploaded.
    """
    for each in listed:
        if each.fingerprint == fingerprint:
            raise KeyAlreadyUploaded(credential_type, each)
    if len(listed) >= credential_type.most:
        raise TooManyPublicKeys(credential_type)


def _upload(
    credential_type: CredentialType,
    audit: Audit,
    fingerprint: str,
    read: Callable[[], Sequence[Listed]],
    upload: Callable[[], str],
) -> str:
    check_room(credential_type, read(), fingerprint)
    try:
        # Until AWS has named it, it is known by its fingerprint: that is how a lost answer is settled.
        with audit.attempt(credential_type.made, fingerprint) as attempt:
            attempt.target = upload()
            return attempt.target
    except NoResponse as silence:
        with suppress(PortalError):
            for each in read():
                if each.fingerprint == fingerprint:
                    return each.id
        raise UploadOutcomeUnknown(credential_type) from silence


def reconcile(credential_type: CredentialType, listed: Sequence[Listed], audit: Audit, now: datetime) -> None:
    """Record the outcome of attempts whose outcome was unknown, as far as AWS's list shows it.

    An upload is recognized by its fingerprint. One that can't be read may be any, so then nothing is recorded. now:
    UTC.
    """
    by_fingerprint = {each.fingerprint: each.id for each in listed if each.fingerprint}
    absent = "" if len(by_fingerprint) == len(listed) else None
    lifecycle.reconcile(
        credential_type, listed, audit, now, lambda attempt: by_fingerprint.get(attempt.target, absent)
    )


def missing(credential_type: CredentialType, listed: Sequence[Listed], audit: Audit, item_id: str) -> bool:
    """Was this uploaded here and not deleted since, and is it absent from AWS's list?"""
    return (
        bool(item_id)
        and item_id not in {each.id for each in listed}
        and item_id in done_without(audit, credential_type.made, credential_type.deleted)
    )
