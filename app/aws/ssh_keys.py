"""A person's own SSH public keys for CodeCommit, through IAM."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from app.aws.clients import Clients, all_pages, read_concurrently, translate_errors
from app.errors import NotAllowed, NotFound

MOST_SSH_KEYS = 5
"""Per user; inactive ones count (IAM User Guide)."""


@dataclass(frozen=True)
class SshKey:
    """What ListSSHPublicKeys returns, and the key itself once GetSSHPublicKey was asked."""

    id: str
    """"APKA…": the user name at CodeCommit."""
    active: bool
    uploaded_at: datetime
    body: str = ""
    """"ssh-rsa AAAA…"; "" where AWS does not tell."""


class SshKeyGateway:
    """What one signed-in person may ask about SSH keys. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.iam_reads
        self._changes = clients.iam_changes

    def list_for(self, user_name: str) -> list[SshKey]:
        """The user's keys without their bodies, oldest first (ListSSHPublicKeys)."""
        with translate_errors("iam:ListSSHPublicKeys"):
            pages = all_pages(self._reads, "list_ssh_public_keys", UserName=user_name)
            found = [key for page in pages for key in page["SSHPublicKeys"]]
        keys = [SshKey(key["SSHPublicKeyId"], key["Status"] == "Active", key["UploadDate"]) for key in found]
        return sorted(keys, key=lambda key: (key.uploaded_at, key.id))

    def with_bodies(self, user_name: str) -> list[SshKey]:
        """Return the same with bodies, read in parallel (GetSSHPublicKey). "" for a key that can't be read."""
        keys = self.list_for(user_name)
        reads: list[Callable[[], str]] = [partial(self._body, user_name, key.id) for key in keys]
        return [replace(key, body=body) for key, body in zip(keys, read_concurrently(reads), strict=True)]

    def _body(self, user_name: str, key_id: str) -> str:
        with suppress(NotFound, NotAllowed), translate_errors("iam:GetSSHPublicKey"):
            answer = self._reads.get_ssh_public_key(UserName=user_name, SSHPublicKeyId=key_id, Encoding="SSH")
            return answer["SSHPublicKey"]["SSHPublicKeyBody"]
        return ""

    def upload(self, user_name: str, body: str) -> str:
        """Upload a key, return its ID (UploadSSHPublicKey).

        body: an OpenSSH line. Raises QuotaExceeded, DuplicateSshKey, PublicKeyRefused.
        """
        with translate_errors("iam:UploadSSHPublicKey"):
            made = self._changes.upload_ssh_public_key(UserName=user_name, SSHPublicKeyBody=body)
        return made["SSHPublicKey"]["SSHPublicKeyId"]

    def set_active(self, user_name: str, key_id: str, *, active: bool) -> None:
        """Activate or deactivate (UpdateSSHPublicKey). Raises NotFound."""
        status = "Active" if active else "Inactive"
        with translate_errors("iam:UpdateSSHPublicKey"):
            self._changes.update_ssh_public_key(UserName=user_name, SSHPublicKeyId=key_id, Status=status)  # type: ignore[arg-type]  # one of the two literals

    def delete(self, user_name: str, key_id: str) -> None:
        """Delete a key (DeleteSSHPublicKey). Raises NotFound."""
        with translate_errors("iam:DeleteSSHPublicKey"):
            self._changes.delete_ssh_public_key(UserName=user_name, SSHPublicKeyId=key_id)
