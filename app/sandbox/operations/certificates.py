"""X.509 signing certificates: at most two per user, and currently valid."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from moto.iam.models import SigningCertificate

from app.sandbox.api import Call, Refusal, operation
from app.sandbox.auth.users import aware, target
from app.sandbox.operations.access_keys import usable_status
from app.sandbox.operations.quotas import limit
from app.sandbox.state import State

Members = Mapping[str, Any]


def _id_of(body: str, now: datetime) -> str:
    """Return the ID: base32 of SHA-1 of the DER (observed)."""
    try:
        certificate = x509.load_pem_x509_certificate(body.encode())
    except ValueError as error:
        raise Refusal("MalformedCertificate", "Invalid certificate body.", 400) from error
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Refusal("MalformedCertificate", "The certificate is outside its validity.", 400)
    der = certificate.public_bytes(Encoding.DER)
    return base64.b32encode(hashlib.sha1(der, usedforsecurity=False).digest()).decode()


def _members(user: Any, stored: Any) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "CertificateId": stored.id,
        "CertificateBody": stored.body,
        "Status": stored.status,
        "UploadDate": aware(stored.upload_date),
    }


def _find(state: State, call: Call) -> tuple[Any, Any]:
    user, wanted = target(state, call), call.parameters["CertificateId"]
    if wanted not in user.signing_certificates:
        raise Refusal("NoSuchEntity", f"The Certificate with id {wanted} cannot be found.", 404)
    return user, user.signing_certificates[wanted]


@operation("iam", "UploadSigningCertificate")
def upload(state: State, call: Call) -> Members:
    """Upload a certificate. A repeated upload for the same user returns the same ID and date, and Active
    (observed).
    """
    user, body = target(state, call), call.parameters["CertificateBody"]
    certificate_id = _id_of(body, call.now)
    stored = user.signing_certificates.get(certificate_id)
    if stored is None:
        if any(certificate_id in other.signing_certificates for other in state.iam.users.values()):
            raise Refusal("DuplicateCertificate", "Duplicate certificate uploaded.", 409)
        limit(len(user.signing_certificates), 2, "CertificatesPerUser")
        stored = user.signing_certificates[certificate_id] = SigningCertificate(certificate_id, user.name, body)
    return {"Certificate": _members(user, stored) | {"Status": "Active"}}


@operation("iam", "ListSigningCertificates")
def listed(state: State, call: Call) -> Members:
    """List certificates with their whole body."""
    user = target(state, call)
    return {"Certificates": [_members(user, stored) for stored in user.signing_certificates.values()]}


@operation("iam", "UpdateSigningCertificate")
def update(state: State, call: Call) -> Members:
    """Set Active or Inactive."""
    _, stored = _find(state, call)
    stored.status = usable_status(call)
    return {}


@operation("iam", "DeleteSigningCertificate")
def delete(state: State, call: Call) -> Members:
    """Delete a certificate for good."""
    user, stored = _find(state, call)
    del user.signing_certificates[stored.id]
    return {}
