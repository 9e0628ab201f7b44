"""Assuming a role in another account. Only commands do, with the profile of the user who runs them: no page does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.aws.clients import AwsCredentials, Clients, translate_errors

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef

ASSUME = "sts:AssumeRole"
LASTS = 3600
"""Seconds that a session lasts: what a role allows unless its maximum is raised, and the most for chained roles."""
_NO_GRANT = ("because no identity-based policy allows", "in an identity-based policy", "in a permissions boundary")


class RoleGateway:
    """Assumes roles. Raises PortalErrors only (`translate_errors`)."""

    def __init__(self, clients: Clients) -> None:
        self._reads = clients.sts_reads

    def assume(self, role_arn: str, session_name: str, external_id: str = "") -> AwsCredentials:
        """Return a session of the role, an hour long (AssumeRole). external_id: "" for none. Raises NotAllowed."""
        asked: AssumeRoleRequestTypeDef = {
            "RoleArn": role_arn,
            "RoleSessionName": session_name,
            "DurationSeconds": LASTS,
        }
        if external_id:
            asked["ExternalId"] = external_id
        with translate_errors(ASSUME):
            made = self._reads.assume_role(**asked)["Credentials"]
        return AwsCredentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"], made["Expiration"])


def is_own_denial(aws_message: str) -> bool:
    """Is it the caller's own policies that deny AssumeRole? AWS's words name them, and nothing for a missing role."""
    return any(words in aws_message for words in _NO_GRANT)
