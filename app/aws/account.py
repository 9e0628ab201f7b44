"""What IAM tells every user about the account: numbers, and who else is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.aws.clients import Clients, translate_errors


@dataclass(frozen=True)
class AccountUser:
    """A user as ListUsers returns it: no tags, no credentials."""

    user_name: str
    path: str
    created_at: datetime
    password_last_used: datetime | None
    """None where there is no password, or it was never used (not since 20 October 2014)."""


@dataclass(frozen=True)
class UsersPage:
    """Some of the account's users, in AWS's order."""

    users: list[AccountUser]
    marker: str
    """Where the next page begins, "" after the last."""


class AccountGateway:
    """What one signed-in person may ask about their account. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.iam_reads

    def summary(self) -> Mapping[str, int]:
        """Counts and quotas by AWS's names, "Users", "MFADevicesInUse" (GetAccountSummary)."""
        with translate_errors("iam:GetAccountSummary"):
            return {str(name): number for name, number in self._reads.get_account_summary()["SummaryMap"].items()}

    def users(self, marker: str = "", most: int = 100) -> UsersPage:
        """Return a page of the account's users (ListUsers).

        marker: of the page before. most: 1 to 1000, AWS may return fewer. Raises InvalidValue for an unknown marker.
        """
        more = {"Marker": marker} if marker else {}
        with translate_errors("iam:ListUsers"):
            said = self._reads.list_users(MaxItems=most, **more)
        found = [
            AccountUser(user["UserName"], user["Path"], user["CreateDate"], user.get("PasswordLastUsed"))
            for user in said["Users"]
        ]
        return UsersPage(found, said.get("Marker", "") if said.get("IsTruncated") else "")
