"""SSH keys and signing certificates at AWS: read, uploaded, missed; the same for both kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from app.audit.events import Event
from app.audit.history import done_without
from app.audit.log import Audit
from app.aws.certificates import MOST_CERTIFICATES, CertificateGateway, SigningCertificate
from app.aws.ssh_keys import MOST_SSH_KEYS, SshKey, SshKeyGateway
from app.credentials import lifecycle
from app.credentials.lifecycle import CredentialType
from app.errors import NoResponse, NotRecorded, PortalError, Refused
from app.public_keys.certificates import Certificate, known_certificate, read_certificate, validity
from app.public_keys.pasted import PrivateKeyPasted
from app.public_keys.ssh import SshPublicKey, known_key, read_ssh_key

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
    """One of either kind, read."""

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
    """One has this very key or certificate."""

    code = "key-already-uploaded"
    field = "pasted"

    def __init__(self, credential_type: CredentialType, held: Listed) -> None:
        state = "" if held.active else " It is inactive: activate it in the list; uploading it again would not."
        super().__init__(
            f"You have this {credential_type.noun} already: it is {held.id}.{state} Nothing was changed.",
            diagnosis="" if held.active else "inactive",
        )


class TooManyPublicKeys(Refused):
    """AWS keeps no more of them."""

    code = "too-many-public-keys"

    def __init__(self, credential_type: CredentialType) -> None:
        super().__init__(
            f"You have {credential_type.most} {credential_type.noun}s: AWS allows no more, and inactive ones count. "
            "Delete one first."
        )


class UploadOutcomeUnknown(NoResponse):
    """An upload without an answer, and without a trace so far."""

    code = "upload-outcome-unknown"

    def __init__(self, credential_type: CredentialType) -> None:
        super().__init__(
            f"AWS did not answer, and does not list the {credential_type.noun} so far. It may still appear: "
            "look at the list in half a minute before you upload it again."
        )


def listed_keys(gateway: SshKeyGateway, user_name: str) -> list[ListedKey]:
    """The user's SSH keys with their fingerprints, oldest first."""
    return [_listed_key(held) for held in gateway.with_bodies(user_name)]


def _listed_key(held: SshKey) -> ListedKey:
    key = known_key(held.body)
    return ListedKey(held.id, held.active, held.uploaded_at, key.sha256 if key else "", key)


def listed_certificates(gateway: CertificateGateway, user_name: str) -> list[ListedCertificate]:
    """The user's certificates, read, oldest first."""
    return [_listed_certificate(held) for held in gateway.list_for(user_name)]


def _listed_certificate(held: SigningCertificate) -> ListedCertificate:
    certificate = known_certificate(held.body)
    fingerprint = certificate.sha256 if certificate else ""
    return ListedCertificate(held.id, held.active, held.uploaded_at, fingerprint, certificate)


def expiring(certificates: Iterable[ListedCertificate], now: datetime) -> list[tuple[ListedCertificate, str]]:
    """Active certificates whose end is past ("expired") or near ("expires soon"), for warnings. Pure."""
    judged = [(each, validity(each.certificate, now)) for each in certificates if each.active and each.certificate]
    return [(each, found) for each, found in judged if found in ("expired", "expires soon")]


def checked_key(audit: Audit, given: str | bytes) -> SshPublicKey:
    """The key in what was pasted; a private one is refused and that is recorded. Raises PastedTextRefused."""
    try:
        return read_ssh_key(given)
    except PrivateKeyPasted as refusal:
        _note(SSH_KEY, audit, refusal)
        raise


def checked_certificate(audit: Audit, given: str | bytes, now: datetime) -> Certificate:
    """The certificate in what was pasted; a private key is refused and that is recorded. Raises PastedTextRefused."""
    try:
        return read_certificate(given, now)
    except PrivateKeyPasted as refusal:
        _note(CERTIFICATE, audit, refusal)
        raise


def _note(credential_type: CredentialType, audit: Audit, refusal: PrivateKeyPasted) -> None:
    with suppress(NotRecorded):  # that the key is exposed is told in any case
        audit.note(credential_type.made, refused=refusal)


def upload_key(gateway: SshKeyGateway, audit: Audit, user_name: str, key: SshPublicKey) -> str:
    """Id of the uploaded key.

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
    """Id of the uploaded certificate. Raises as upload_key does, and DuplicateCertificate."""
    return _upload(
        CERTIFICATE,
        audit,
        certificate.sha256,
        lambda: listed_certificates(gateway, user_name),
        lambda: gateway.upload(user_name, certificate.pem),
    )


def check_room(credential_type: CredentialType, held: Sequence[Listed], fingerprint: str) -> None:
    """Raises KeyAlreadyUploaded or TooManyPublicKeys, before AWS is asked."""
    for each in held:
        if each.fingerprint == fingerprint:
            raise KeyAlreadyUploaded(credential_type, each)
    if len(held) >= credential_type.most:
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


def reconcile(credential_type: CredentialType, held: Sequence[Listed], audit: Audit, now: datetime) -> None:
    """Record what became of attempts without an outcome, as AWS's list tells it.

    An upload is known by its fingerprint; one that cannot be read may be any, so then nothing is said of it.
    """
    by_fingerprint = {each.fingerprint: each.id for each in held if each.fingerprint}
    absent = "" if len(by_fingerprint) == len(held) else None
    lifecycle.reconcile(credential_type, held, audit, now, lambda attempt: by_fingerprint.get(attempt.target, absent))


def missing(credential_type: CredentialType, held: Sequence[Listed], audit: Audit, item_id: str) -> bool:
    """Was this uploaded here and not deleted since, and is it absent from AWS's list?"""
    return (
        bool(item_id)
        and item_id not in {each.id for each in held}
        and item_id in done_without(audit, credential_type.made, credential_type.deleted)
    )
