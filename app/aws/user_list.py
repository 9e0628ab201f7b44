"""The lists of a whole account, a page at a time: its users, and the virtual MFA devices they have."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, NamedTuple, TypeVar

from app.aws.clients import Clients, translate_errors

Item = TypeVar("Item")
PAGE = 1000
"""The most AWS gives at a time; it may give fewer."""
ROOT_DEVICE = ":mfa/root-account-mfa-device"
READS = frozenset(
    f"iam:{name}"
    for name in (
        "ListUsers",
        "ListVirtualMFADevices",
        "GetAccountSummary",
        "GetAccountPasswordPolicy",
        "ListAccountAliases",
    )
)
"""All that a refresh asks of AWS."""


class Batch(NamedTuple, Generic[Item]):
    """Some items, and the marker of the next page ("" after the last)."""

    items: list[Item]
    next: str


class UserListEntry(NamedTuple):
    """A user in the account's list."""

    user_name: str
    arn: str
    path: str
    created_at: datetime
    password_last_used: datetime | None
    """None where it was never used, or not since AWS keeps track."""
    user_id: str
    """AWS's unique id, like AIDA... Renaming the user doesn't change it, and no later user gets it."""


class UserListGateway:
    """What one signed-in person may ask of the whole account. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.iam_reads

    def users(self, marker: str = "") -> Batch[UserListEntry]:
        """A page of users (ListUsers)."""
        with translate_errors("iam:ListUsers"):
            said = self._reads.list_users(MaxItems=PAGE, **({"Marker": marker} if marker else {}))
        found = [
            UserListEntry(
                user["UserName"],
                user["Arn"],
                user["Path"],
                user["CreateDate"],
                user.get("PasswordLastUsed"),
                user["UserId"],
            )
            for user in said["Users"]
        ]
        return Batch(found, said.get("Marker", "") if said["IsTruncated"] else "")

    def virtual_device_owners(self, marker: str = "") -> Batch[str]:
        """Return a page of the users of assigned virtual devices, "" for the root user (ListVirtualMFADevices)."""
        with translate_errors("iam:ListVirtualMFADevices"):
            said = self._reads.list_virtual_mfa_devices(
                AssignmentStatus="Assigned", MaxItems=PAGE, **({"Marker": marker} if marker else {})
            )
        # The root user's device is also listed. Its User has no name.
        owners = [
            "" if device["SerialNumber"].endswith(ROOT_DEVICE) else device.get("User", {}).get("UserName", "")
            for device in said["VirtualMFADevices"]
        ]
        return Batch(owners, said.get("Marker", "") if said["IsTruncated"] else "")
