"""The TLS certificates that IAM stores ("server certificates"). Only a command asks for them: no page does.

The portal's allow-list doesn't have the action, and no page can import this module (a contract in pyproject.toml).
"""

from __future__ import annotations

from datetime import datetime

from app.aws.clients import Clients, translate_errors
from app.aws.user_list import Batch

LIST_CERTIFICATES = "iam:ListServerCertificates"
PAGE = 1000


class ServerCertificateGateway:
    """What users with the permissions ask about the whole account. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.iam_reads

    def certificates(self, marker: str = "") -> Batch[tuple[str, datetime]]:
        """Return a page of the account's certificates: name and expiry (ListServerCertificates)."""
        with translate_errors(LIST_CERTIFICATES):
            answer = self._reads.list_server_certificates(MaxItems=PAGE, **({"Marker": marker} if marker else {}))
        found = [
            (each["ServerCertificateName"], each["Expiration"]) for each in answer["ServerCertificateMetadataList"]
        ]
        return Batch(found, answer.get("Marker", "") if answer["IsTruncated"] else "")
