"""Refuse to delete what still has something (DeleteConflict, IAM API reference)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.sandbox.api import PASS_ON, Call, PassOn, Refusal, operation
from app.sandbox.auth.resources import arn_of, things
from app.sandbox.auth.users import target
from app.sandbox.operations.tagging import there
from app.sandbox.state import State

Members = Mapping[str, Any]


def _nothing_left(left: Mapping[str, object]) -> None:
    """Raise Refusal if something is left. left: what to do first, to what is left."""
    for first, items in left.items():
        if items:
            raise Refusal("DeleteConflict", f"Cannot delete entity, must {first} first.", 409)


@operation("iam", "DeleteUser")
def user(state: State, call: Call) -> Members:
    """Delete a user, unless they still have something or are in a group."""
    found = target(state, call)
    _nothing_left(
        {
            "remove users from group": state.iam.get_groups_for_user(found.name),
            "detach all policies": found.managed_policies,
            "delete policies": found.policies,
            "delete login profile": found.password,
            "delete access keys": found.access_keys,
            "delete MFA device": found.mfa_devices,
            "delete signing certificates": found.signing_certificates,
            "delete SSH public keys": found.ssh_public_keys,
            "delete service specific credentials": [
                each for each in state.service_credentials.values() if each.user_id == str(found.id)
            ],
        }
    )
    state.boundaries.pop(str(found.id), None)
    state.iam.delete_user(found.name)
    return {}


@operation("iam", "DeleteGroup")
def group(state: State, call: Call) -> Members:
    """Delete a group, unless it has members or policies."""
    found = there(state, call).thing
    _nothing_left(
        {
            "remove users from group": found.users,
            "detach all policies": found.managed_policies,
            "delete policies": found.policies,
        }
    )
    del state.iam.groups[found.name]
    return {}


@operation("iam", "DeletePolicy")
def policy(state: State, call: Call) -> Members | PassOn:
    """Delete a policy, unless it is attached, a boundary, or has more versions."""
    found = there(state, call).thing
    arn = arn_of(found)
    holders = [*things(state, "user"), *things(state, "group"), *things(state, "role")]
    boundaries = [*state.boundaries.values(), *(role.permissions_boundary_arn for role in things(state, "role"))]
    if arn in boundaries or any(arn in holder.managed_policies for holder in holders):
        raise Refusal("DeleteConflict", "Cannot delete a policy attached to entities.", 409)
    if len(found.versions) > 1:
        raise Refusal(
            "DeleteConflict",
            "This policy has more than one version. Before you delete a policy, you must delete the policy's "
            "versions. The default version is deleted with the policy.",
            409,
        )
    return PASS_ON


@operation("iam", "DeleteSAMLProvider", "DeleteServerCertificate")
def tagged(state: State, call: Call) -> Members | PassOn:
    """Delete a resource and its tags."""
    state.tags.pop(arn_of(there(state, call).thing), None)
    return PASS_ON
