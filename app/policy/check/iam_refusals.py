"""Find actions and ARNs for which IAM refuses the whole document, although their form is readable. Pure.

Source: IAM's own messages, as others have reported them (observed). ARNs with a wildcard or variable in the part that
matters are left out, because IAM's answer to those isn't known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.policy.documents import texts_of
from app.policy.places import cut
from app.text.messages import _

_PARTITIONS = frozenset({"aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"})
_UNDER = (
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
)
"""What IAM's message allows an ARN of IAM to have behind the account, beside "*" and root."""
_NEWER = ("assumed-role/", "delegation-request/", "role-template/")
"""Types of the Service Authorization Reference that the message does not name."""


@dataclass(frozen=True)
class Refused:
    """Why IAM refuses a document. element: the statement's element. iam: IAM's message."""

    element: str
    sentence: str
    remedy: str
    iam: str


def refused(statement: Mapping[str, Any]) -> Iterator[Refused]:
    """Return the parts of a statement for which IAM refuses the document. statement: one that `evaluation.compiled`
    accepts.
    """
    for element in ("Action", "NotAction"):
        for action in texts_of(statement.get(element, [])):
            yield from _of_action(element, action)
    for element in ("Resource", "NotResource"):
        for arn in texts_of(statement.get(element, [])):
            if arn != "*":
                yield from _of_arn(element, arn)


def _of_action(element: str, action: str) -> Iterator[Refused]:
    service = action.partition(":")[0]
    if action.count(":") > 1 and action.strip(":"):
        yield Refused(
            element,
            _("%(action)s has more than one colon.", action=cut(action)),
            _("Write service and action, like iam:ListUsers."),
            "Actions/Condition can contain only one colon.",
        )
    elif re.search(r"[^a-zA-Z0-9.*?-]", service):
        yield Refused(
            element,
            _("“%(service)s” can’t be the name of a service.", service=cut(service)),
            _("Write service and action without spaces, like iam:ListUsers."),
            f"Vendor {service} is not valid",
        )


def _of_arn(element: str, arn: str) -> Iterator[Refused]:
    parts = arn.split(":", 5)
    partition, service = parts[1], parts[2]
    region, account = "".join(parts[3:4]), "".join(parts[4:5])
    if partition not in _PARTITIONS and not _open(partition):
        yield Refused(
            element,
            _("“%(partition)s” in %(arn)s isn’t an AWS partition.", partition=cut(partition), arn=cut(arn)),
            _("ARNs begin with arn:aws:, in China with arn:aws-cn:, in GovCloud with arn:aws-us-gov:."),
            f'Partition "{partition}" is not valid for resource "{arn}".',
        )
    elif region and not _open(region) and (service == "iam" or (service == "s3" and not account and len(parts) > 4)):
        yield Refused(
            element,
            _(
                "%(arn)s has a region, but ARNs of %(service)s have none.",
                arn=cut(arn),
                service=service.upper(),
            ),
            _("Leave it empty: arn:%(partition)s:%(service)s::…", partition=partition, service=service),
            f"IAM resource {arn} cannot contain region information."
            if service == "iam"
            else f"Resource {arn} can not contain region information.",
        )
    elif service == "iam" and len(parts) == 6 and not _of_iam(parts[5]):
        yield Refused(
            element,
            _("%(arn)s doesn’t say what it names: a user, a device, a role.", arn=cut(arn)),
            _("Write the type and a slash before the name, like user/alice or mfa/alice."),
            'IAM resource path must either be "*", root, or start with ' + ", ".join(_UNDER) + ".",
        )


def _of_iam(below: str) -> bool:
    known = below in ("", "root") or below.startswith((*_UNDER, *_NEWER))
    return known or ":" in below or _open(below.partition("/")[0])  # a colon: of a placeholder before it


def _open(text: str) -> bool:
    """Return whether a text has wildcards or variables."""
    return re.search(r"[*?]|\$\{", text) is not None
