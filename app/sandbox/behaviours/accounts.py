"""The account and its users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.sandbox.behaviours.users import aware, target, unique_id
from app.sandbox.operations import PASS_ON, Call, PassOn, Refusal, operation
from app.sandbox.world import World

Members = Mapping[str, Any]


def _user(world: World, user: Any) -> dict[str, Any]:
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": unique_id(user),
        "Arn": user.arn,
        "CreateDate": aware(user.create_date),
        "PasswordLastUsed": world.password_last_used.get(user.name),
    }


@operation("iam", "ListUsers")
def users(world: World, call: Call) -> Members:
    """Everyone under a path; with PasswordLastUsed, without tags and boundary."""
    prefix = call.parameters.get("PathPrefix", "/")
    found = sorted(world.iam.users.values(), key=lambda user: user.name)
    return {"Users": [_user(world, user) for user in found if user.path.startswith(prefix)]}


@operation("iam", "GetUser")
def user_of(world: World, call: Call) -> Members:
    """One user."""
    return {"User": _user(world, target(world, call))}


@operation("iam", "DeleteUser")
def delete_user(world: World, call: Call) -> Members | PassOn:
    """A user with anything left is not deleted; moto overlooks devices and passwords."""
    user = target(world, call)
    if user.mfa_devices or user.password or user.access_keys or user.ssh_public_keys or user.signing_certificates:
        raise Refusal(
            "DeleteConflict", "Cannot delete entity, must remove login profile, keys and devices first.", 409
        )
    return PASS_ON


@operation("iam", "GetAccountSummary")
def summary(world: World, call: Call) -> Members:
    """Integers only; the root user has MFA and no key here."""
    iam = world.iam
    assigned = {serial for user in iam.users.values() for serial in user.mfa_devices}
    unassigned = [serial for serial in iam.virtual_mfa_devices if serial not in assigned]
    customer = [policy for arn, policy in iam.managed_policies.items() if ":aws:policy/" not in arn]
    return {
        "SummaryMap": {
            "Users": len(iam.users),
            "UsersQuota": 5000,
            "Groups": len(iam.groups),
            "GroupsQuota": 300,
            "Roles": len(iam.roles),
            "RolesQuota": 1000,
            "Policies": len(customer),
            "PoliciesQuota": 1500,
            "PolicySizeQuota": 6144,
            "InstanceProfiles": len(iam.instance_profiles),
            "ServerCertificates": len(iam.certificates),
            "Providers": len(iam.saml_providers) + len(iam.open_id_providers),
            "MFADevices": len(assigned) + len(unassigned),
            "MFADevicesInUse": len(assigned),
            "AccountMFAEnabled": 1,
            "AccountAccessKeysPresent": 0,
            "AccountPasswordPresent": 1,
            "AccountSigningCertificatesPresent": 0,
            "AccessKeysPerUserQuota": 2,
            "SigningCertificatesPerUserQuota": 2,
            "GroupsPerUserQuota": 10,
            "AttachedPoliciesPerUserQuota": 10,
            "AttachedPoliciesPerGroupQuota": 10,
            "AttachedPoliciesPerRoleQuota": 10,
            "VersionsPerPolicyQuota": 5,
            "UserPolicySizeQuota": 2048,
            "GroupPolicySizeQuota": 5120,
            "RolePolicySizeQuota": 10240,
            "AssumeRolePolicySizeQuota": 2048,
            "GlobalEndpointTokenVersion": 1,
        }
    }
