"""A person's own access keys, through IAM."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from app.aws.clients import AwsCredentials, Clients, all_pages, translate_errors

MOST_KEYS = 2
"""Per user; inactive ones count (IAM User Guide)."""


@dataclass(frozen=True)
class AccessKey:
    """What ListAccessKeys returns: no secret, and no last use (`AccessKeyGateway.last_use`)."""

    access_key_id: str
    active: bool
    created_at: datetime

    @property
    def id(self) -> str:
        """The same ID, by the name that SSH keys and certificates have for it."""
        return self.access_key_id


@dataclass(frozen=True)
class LastUse:
    """What GetAccessKeyLastUsed returns. at: UTC, None where AWS has recorded no use since RECORDED_SINCE.

    service, region: as in ARNs, "s3" and "eu-central-1"; "" where AWS doesn't say.
    """

    at: datetime | None
    service: str = ""
    region: str = ""


RECORDED_SINCE = date(2015, 4, 22)
"""When IAM began to record the last use of access keys (IAM API Reference, AccessKeyLastUsed)."""
NOT_GIVEN = "N/A"
"""What IAM answers for service and region of a key without a recorded use (IAM API Reference)."""


class AccessKeyGateway:
    """What one signed-in person may ask about access keys. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.iam_reads
        self._changes = clients.iam_changes

    def list_for(self, user_name: str) -> list[AccessKey]:
        """The user's keys, oldest first (ListAccessKeys)."""
        with translate_errors("iam:ListAccessKeys"):
            pages = all_pages(self._reads, "list_access_keys", UserName=user_name)
            found = [key for page in pages for key in page["AccessKeyMetadata"]]
        keys = [AccessKey(key["AccessKeyId"], key["Status"] == "Active", key["CreateDate"]) for key in found]
        return sorted(keys, key=lambda key: (key.created_at, key.access_key_id))

    def last_use(self, access_key_id: str) -> LastUse:
        """When, and for what, a key was last used (GetAccessKeyLastUsed). Raises NotAllowed, NotFound, NoResponse."""
        with translate_errors("iam:GetAccessKeyLastUsed"):
            answer = self._reads.get_access_key_last_used(AccessKeyId=access_key_id).get("AccessKeyLastUsed", {})
        service, region = (answer.get(name, NOT_GIVEN) for name in ("ServiceName", "Region"))
        return LastUse(
            answer.get("LastUsedDate"),
            "" if service == NOT_GIVEN else str(service),
            "" if region == NOT_GIVEN else str(region),
        )

    def create(self, user_name: str) -> AwsCredentials:
        """Create an active key (CreateAccessKey). AWS shows its secret only here. Raises QuotaExceeded."""
        with translate_errors("iam:CreateAccessKey"):
            made = self._changes.create_access_key(UserName=user_name)["AccessKey"]
        return AwsCredentials(made["AccessKeyId"], made["SecretAccessKey"])

    def set_active(self, user_name: str, access_key_id: str, *, active: bool) -> None:
        """Activate or deactivate (UpdateAccessKey). Raises NotFound."""
        status = "Active" if active else "Inactive"
        with translate_errors("iam:UpdateAccessKey"):
            self._changes.update_access_key(UserName=user_name, AccessKeyId=access_key_id, Status=status)  # type: ignore[arg-type]  # one of the two literals

    def delete(self, user_name: str, access_key_id: str) -> None:
        """Delete a key (DeleteAccessKey). Raises NotFound."""
        with translate_errors("iam:DeleteAccessKey"):
            self._changes.delete_access_key(UserName=user_name, AccessKeyId=access_key_id)
