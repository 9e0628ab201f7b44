"""A person's own console password, through IAM."""

from __future__ import annotations

from app.aws.clients import Clients, told_plainly
from app.errors import Gone


class PasswordGateway:
    """What one signed-in person may ask about their console password. Raises PortalErrors only (`told_plainly`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.iam_reads
        self._changes = clients.iam_changes

    def exists(self, user_name: str) -> bool:
        """Has the user a console password (GetLoginProfile)?"""
        try:
            with told_plainly("iam:GetLoginProfile"):
                self._reads.get_login_profile(UserName=user_name)
        except Gone:
            return False
        return True
