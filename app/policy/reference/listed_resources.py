"""The ARNs on which AWS evaluates actions that list IAM resources, though its reference gives them none.

AWS's own denials print them (observed): "... to perform: iam:ListGroups on resource:
arn:aws:iam::123456789012:group/". So a policy that names this ARN, or group/*, works. Other actions without a
resource are evaluated on "*".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LISTED_UNDER: Mapping[str, str] = MappingProxyType(
    {
        "iam:ListUsers": "user/",
        "iam:ListGroups": "group/",
        "iam:ListRoles": "role/",
        "iam:ListInstanceProfiles": "instance-profile/",
        "iam:ListServerCertificates": "server-certificate/",
        "iam:ListVirtualMFADevices": "mfa/",
    }
)
"""Action to the end of the ARN, without a PathPrefix."""


def listed_on(action: str, account_id: str, partition: str) -> str | None:
    """Return the ARN that a list action, in AWS's spelling, is authorized on. None for any other action."""
    under = LISTED_UNDER.get(action)
    return under and f"arn:{partition}:iam::{account_id}:{under}"
