"""TLS certificates that IAM stores ("server certificates"). moto lists every one of them with the same dates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography import x509

from app.sandbox.api import Call, Refusal, operation
from app.sandbox.auth.resources import arn_of
from app.sandbox.state import State

Members = Mapping[str, Any]


def certificate_of(body: str) -> x509.Certificate:
    """Read a certificate. Raises Refusal."""
    try:
        return x509.load_pem_x509_certificate(body.encode())
    except ValueError as error:
        raise Refusal("MalformedCertificate", "Unable to parse certificate.", 400) from error


@operation("iam", "ListServerCertificates")
def listed(state: State, call: Call) -> Members:
    """Those under a path, without bodies and tags (IAM API reference). The upload times are left out."""
    prefix = call.parameters.get("PathPrefix", "/")
    found = sorted(state.iam.certificates.items(), key=lambda each: str(each[1].cert_name))
    return {
        "ServerCertificateMetadataList": [
            {
                "Path": certificate.path,
                "ServerCertificateName": certificate.cert_name,
                "ServerCertificateId": certificate_id,
                "Arn": arn_of(certificate),
                "Expiration": certificate_of(certificate.cert_body).not_valid_after_utc,
            }
            for certificate_id, certificate in found
            if certificate.path.startswith(prefix)
        ]
    }
