"""What standards ask of an account's policies, read off its authorization details. Pure.

Permissions boundaries grant nothing, so a policy that is only a boundary isn't attached here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from app.compliance.data.details_rows import Details, DetailsGroup, DetailsUser, ManagedPolicy
from app.compliance.rules.sources import PermissionFacts
from app.policy.documents import texts_of

SUPPORT = "AWSSupportAccess"
CLOUDSHELL = "AWSCloudShellFullAccess"
_EVERY_ACTION = re.compile(r"\*+(:\*+)?")
_EVERY_ACTION_OF_A_SERVICE = re.compile(r"[^:]+:\*+")
_SERVICES = "/aws-service-role/"


def direct_policies(user: DetailsUser) -> list[str]:
    """Return the names of the policies that a user has without a group, in order."""
    return sorted({*(each.name for each in user.inline), *(arn.rsplit("/", 1)[-1] for arn in user.attached)})


def permissions_of(details: Details) -> PermissionFacts:
    """Return what the rules about policies judge."""
    attached: dict[str, list[str]] = {}
    for holder, arns in _attachments(details):
        for arn in arns:
            attached.setdefault(arn, []).append(holder)
    boundaries = {user.boundary for user in details.users.values()} - attached.keys()
    known = {arn: policy for arn, policy in details.policies.items() if policy.document}
    full = {arn for arn, policy in known.items() if allows_everything(_document(details, policy))}
    found: PermissionFacts = {
        "full_access": sorted(_name(arn) for arn in full & attached.keys()),
        "full_access_own": sorted(_name(arn) for arn in full - boundaries if not known[arn].by_aws),
        "support_roles": sorted(
            role.name for role in details.roles.values() if any(_is(arn, SUPPORT) for arn in role.attached)
        ),
        "cloudshell": sorted(
            holder for arn, holders in attached.items() if _is(arn, CLOUDSHELL) for holder in holders
        ),
        "missing": sorted(_name(arn) for arn in attached if arn not in known),
        "full_service_own": sorted(
            _name(arn)
            for arn, policy in known.items()
            if not policy.by_aws and arn not in boundaries and allows_a_service(_document(details, policy))
        ),
    }
    if all(role.tagged is not None for role in details.roles.values()):
        found["untagged_roles"] = sorted(
            role.name for role in details.roles.values() if not role.tagged and _SERVICES not in role.arn
        )
    return found


def _attachments(details: Details) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield who has which managed policies attached: "user alice", "group dev", "role ci"."""
    kinds: tuple[tuple[str, Mapping[str, DetailsUser | DetailsGroup]], ...] = (
        ("user", details.users), ("group", details.groups), ("role", details.roles),
    )  # fmt: skip
    for kind, holders in kinds:
        for name, holder in holders.items():
            yield f"{kind} {name}", holder.attached


def allows_everything(document: Any) -> bool:
    """Does a statement allow every action on every resource? As in the benchmark, whatever its Condition says."""
    return any(
        "*" in texts_of(statement.get("Resource", [])) and _names_one(statement.get("Action", []), _EVERY_ACTION)
        for statement in _allowing(document)
    )


def allows_a_service(document: Any) -> bool:
    """Does a statement allow every action of a service, or all but those of a service, on whatever resource?

    As AWS Security Hub judges it (IAM.21). A policy that allows everything does.
    """
    return any(
        _names_one(statement.get("Action", []), _EVERY_ACTION)
        or _names_one(statement.get("Action", []), _EVERY_ACTION_OF_A_SERVICE)
        or _names_one(statement.get("NotAction", []), _EVERY_ACTION_OF_A_SERVICE)
        for statement in _allowing(document)
    )


def _allowing(document: Any) -> Iterator[Mapping[str, Any]]:
    statements = document.get("Statement", []) if isinstance(document, Mapping) else []
    for statement in statements if isinstance(statements, list) else [statements]:
        if isinstance(statement, Mapping) and statement.get("Effect") == "Allow":
            yield statement


def _names_one(actions: Any, pattern: re.Pattern[str]) -> bool:
    return any(isinstance(each, str) and pattern.fullmatch(each) for each in texts_of(actions))


def _document(details: Details, policy: ManagedPolicy) -> Any:
    return json.loads(details.documents[policy.document])


def _is(arn: str, name: str) -> bool:
    """Is this AWS's own policy of that name, in whichever partition and path?"""
    return arn.split(":", 5)[4] == "aws" and _name(arn) == name


def _name(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]
