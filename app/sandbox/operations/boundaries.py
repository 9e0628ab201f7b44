"""Permissions boundaries of users. moto has only those of roles, so they are kept here. The judge evaluates them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.sandbox.api import Call, Refusal, operation
from app.sandbox.auth.users import target
from app.sandbox.state import State

Members = Mapping[str, Any]


def policy_for(state: State, arn: str) -> str:
    """Return the ARN, if it is that of a managed policy. Raises Refusal NoSuchEntity."""
    if arn not in state.iam.managed_policies:
        raise Refusal("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", 404)
    return arn


@operation("iam", "PutUserPermissionsBoundary")
def put(state: State, call: Call) -> Members:
    """Set or replace the boundary."""
    user = target(state, call)
    state.boundaries[str(user.id)] = policy_for(state, call.parameters["PermissionsBoundary"])
    return {}


@operation("iam", "DeleteUserPermissionsBoundary")
def delete(state: State, call: Call) -> Members:
    """Remove the boundary. Without one: NoSuchEntity."""
    user = target(state, call)
    if state.boundaries.pop(str(user.id), None) is None:
        raise Refusal("NoSuchEntity", f"User {user.name} has no permissions boundary.", 404)
    return {}
