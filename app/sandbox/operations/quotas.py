"""Quotas that moto doesn't enforce (IAM User Guide, IAM and AWS STS quotas)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.sandbox.api import PASS_ON, Call, PassOn, Refusal, operation
from app.sandbox.auth.users import target
from app.sandbox.operations.accounts import described
from app.sandbox.operations.boundaries import policy_for
from app.sandbox.state import State


def limit(count: int, most: int, name: str) -> None:
    """Check that one more is allowed. count: how many there are. Raises Refusal LimitExceeded 409."""
    if count >= most:
        raise Refusal("LimitExceeded", f"Cannot exceed quota for {name}: {most}", 409)


@operation("iam", "AddUserToGroup")
def add_to_group(state: State, call: Call) -> Mapping[str, Any] | PassOn:
    """Add a user to a group, at most ten per user. Adding twice changes nothing."""
    user = target(state, call)
    groups = state.iam.get_groups_for_user(user.name)
    if call.parameters["GroupName"] not in [group.name for group in groups]:
        limit(len(groups), 10, "GroupsPerUser")
    return PASS_ON


@operation("iam", "AttachUserPolicy")
def attach_to_user(state: State, call: Call) -> Mapping[str, Any] | PassOn:
    """Attach a managed policy, at most ten per user."""
    limit(len(target(state, call).managed_policies), 10, "PoliciesPerUser")
    return PASS_ON


@operation("iam", "AttachGroupPolicy")
def attach_to_group(state: State, call: Call) -> Mapping[str, Any] | PassOn:
    """Attach a managed policy, at most ten per group."""
    group = state.iam.groups.get(call.parameters["GroupName"])
    limit(len(group.managed_policies) if group else 0, 10, "PoliciesPerGroup")
    return PASS_ON


@operation("iam", "CreateUser")
def create_user(state: State, call: Call) -> Mapping[str, Any]:
    """Create a user, at most 5,000. Names are unique in any letter case and have at most 64 characters."""
    name = call.parameters["UserName"]
    if len(name) > 64:
        raise Refusal("ValidationError", "The specified value for userName is invalid: at most 64 characters.", 400)
    if any(user.name.lower() == name.lower() for user in state.iam.users.values()):
        raise Refusal("EntityAlreadyExists", f"User with name {name} already exists.", 409)
    limit(len(state.iam.users), 5000, "UsersPerAccount")
    boundary = call.parameters.get("PermissionsBoundary")
    if boundary is not None:
        policy_for(state, boundary)
    tags = call.parameters.get("Tags") or []
    limit(len(tags) - 1, 50, "TagsPerUser")
    user = state.iam.create_user(state.region, name, call.parameters.get("Path", "/"), tags)
    if boundary is not None:
        state.boundaries[str(user.id)] = boundary
    return {"User": described(state, user)}
