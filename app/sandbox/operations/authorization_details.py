"""GetAccountAuthorizationDetails: all users, groups, roles and policies, as in IAM's API reference.

moto leaves out permissions boundaries, and its unique IDs differ from ListUsers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from app.sandbox.api import Call, operation
from app.sandbox.auth.resources import Target
from app.sandbox.auth.tags import tags_of
from app.sandbox.auth.users import aware
from app.sandbox.operations.accounts import described
from app.sandbox.state import State

Members = Mapping[str, Any]
EVERYTHING = ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy")


@operation("iam", "GetAccountAuthorizationDetails")
def details(state: State, call: Call) -> Members:
    """Return them. Documents are URL-encoded (RFC 3986). AWS's own policies are listed if they are attached."""
    wanted = call.parameters.get("Filter") or EVERYTHING
    iam = state.iam
    return {
        "UserDetailList": _users(state) if "User" in wanted else [],
        "GroupDetailList": [_group(group) for group in _sorted(iam.groups)] if "Group" in wanted else [],
        "RoleDetailList": [_role(state, role) for role in _sorted(iam.roles)] if "Role" in wanted else [],
        "Policies": [_policy(state, each) for each in _policies(state) if _kind(each) in wanted],
    }


def _sorted(things: Mapping[str, Any]) -> list[Any]:
    return sorted(things.values(), key=lambda thing: str(thing.name))


def _users(state: State) -> list[dict[str, Any]]:
    groups: dict[str, list[str]] = {}
    for group in _sorted(state.iam.groups):
        for user in group.users:
            groups.setdefault(user.name, []).append(group.name)
    return [_user(state, user, groups.get(user.name, [])) for user in _sorted(state.iam.users)]


def _user(state: State, user: Any, groups: list[str]) -> dict[str, Any]:
    found = {name: value for name, value in described(state, user).items() if name != "PasswordLastUsed"}
    return found | {
        "UserPolicyList": _inline(user.policies),
        "GroupList": groups,
        "AttachedManagedPolicies": _attached(user),
    }


def _group(group: Any) -> dict[str, Any]:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": aware(group.create_date),
        "GroupPolicyList": _inline(group.policies),
        "AttachedManagedPolicies": _attached(group),
    }


def _role(state: State, role: Any) -> dict[str, Any]:
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": role.permissions_boundary}
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": aware(role.create_date),
        "AssumeRolePolicyDocument": quote(role.assume_role_policy_document or "{}", safe=""),
        "InstanceProfileList": [],
        "RolePolicyList": _inline(role.policies),
        "AttachedManagedPolicies": _attached(role),
        "PermissionsBoundary": boundary if role.permissions_boundary else None,
        "Tags": _tags(tags_of(state, Target(role.arn, "role", role))),
    }


def _policies(state: State) -> list[Any]:
    """Return the account's own policies, and those of AWS that are attached or a boundary."""
    bounds = set(state.boundaries.values())
    found = state.iam.managed_policies.values()
    return [
        each for each in found if _kind(each) == "LocalManagedPolicy" or each.attachment_count or each.arn in bounds
    ]


def _kind(policy: Any) -> str:
    return "AWSManagedPolicy" if ":iam::aws:" in policy.arn else "LocalManagedPolicy"


def _policy(state: State, policy: Any) -> dict[str, Any]:
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version_id,
        "AttachmentCount": policy.attachment_count,
        "PermissionsBoundaryUsageCount": list(state.boundaries.values()).count(policy.arn),
        "IsAttachable": True,
        "CreateDate": aware(policy.create_date),
        "UpdateDate": aware(policy.update_date),
        "PolicyVersionList": [
            {
                "Document": quote(version.document, safe=""),
                "VersionId": version.version_id,
                "IsDefaultVersion": version.version_id == policy.default_version_id,
                "CreateDate": aware(version.create_date),
            }
            for version in policy.versions
        ],
    }


def _inline(policies: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"PolicyName": name, "PolicyDocument": quote(policies[name], safe="")} for name in sorted(policies)]


def _attached(holder: Any) -> list[dict[str, str]]:
    policies: Iterable[Any] = holder.managed_policies.values()
    return [{"PolicyName": each.name, "PolicyArn": each.arn} for each in policies]


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]] | None:
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)] or None
