"""A person's own X.509 signing certificates, through IAM."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.aws.clients import Clients, all_pages, translate_errors

MOST_CERTIFICATES = 2
"""Per user; inactive ones count (IAM User Guide)."""


@dataclass(frozen=True)
class SigningCertificate:
    """What ListSigningCertificates returns."""

    id: str
    active: bool
    uploaded_at: datetime
    body: str
    """PEM."""


class CertificateGateway:
    """What one signed-in person may ask about signing certificates. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.iam_reads
        self._changes = clients.iam_changes

    def list_for(self, user_name: str) -> list[SigningCertificate]:
        """The user's certificates, oldest first (ListSigningCertificates)."""
        with translate_errors("iam:ListSigningCertificates"):
            pages = all_pages(self._reads, "list_signing_certificates", UserName=user_name)
            found = [each for page in pages for each in page["Certificates"]]
        certificates = [
            SigningCertificate(
                each["CertificateId"], each["Status"] == "Active", each["UploadDate"], each["CertificateBody"]
            )
            for each in found
        ]
        return sorted(certificates, key=lambda each: (each.uploaded_at, each.id))

    def upload(self, user_name: str, body: str) -> str:
        """Upload a certificate in PEM, return its ID (UploadSigningCertificate).

        Raises QuotaExceeded, PublicKeyRefused, DuplicateCertificate. A certificate the user already has is no error.
        Then the answer says "Active" whatever is true, so it isn't read.
        """
        with translate_errors("iam:UploadSigningCertificate"):
            made = self._changes.upload_signing_certificate(UserName=user_name, CertificateBody=body)
        return made["Certificate"]["CertificateId"]

    def set_active(self, user_name: str, certificate_id: str, *, active: bool) -> None:
        """Activate or deactivate (UpdateSigningCertificate). Raises NotFound."""
        status = "Active" if active else "Inactive"
        with translate_errors("iam:UpdateSigningCertificate"):
            self._changes.update_signing_certificate(UserName=user_name, CertificateId=certificate_id, Status=status)  # type: ignore[arg-type]  # one of the two literals

    def delete(self, user_name: str, certificate_id: str) -> None:
        """Delete a certificate (DeleteSigningCertificate). Raises NotFound."""
        with translate_errors("iam:DeleteSigningCertificate"):
            self._changes.delete_signing_certificate(UserName=user_name, CertificateId=certificate_id)
