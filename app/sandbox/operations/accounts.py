"""The account and its users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.sandbox.api import Call, operation
from app.sandbox.auth.resources import Target
from app.sandbox.auth.tags import tags_of
from app.sandbox.auth.users import aware, target, unique_id
from app.sandbox.state import State

Members = Mapping[str, Any]


def _user(state: State, user: Any) -> dict[str, Any]:
    return {
        "Path": user.path,
        "UserName": user.name,
        "UserId": unique_id(user),
        "Arn": user.arn,
        "CreateDate": aware(user.create_date),
        "PasswordLastUsed": state.password_last_used.get(user.name),
    }


@operation("iam", "ListUsers")
def users(state: State, call: Call) -> Members:
    """List all users under a path, with PasswordLastUsed, without tags and boundary."""
    prefix = call.parameters.get("PathPrefix", "/")
    found = sorted(state.iam.users.values(), key=lambda user: user.name)
    return {"Users": [_user(state, user) for user in found if user.path.startswith(prefix)]}


@operation("iam", "GetUser")
def user_of(state: State, call: Call) -> Members:
    """Return one user, with tags and permissions boundary."""
    found = target(state, call)
    return {"User": described(state, found)}


def described(state: State, user: Any) -> dict[str, Any]:
    """Return a user with what lists leave out."""
    tags = tags_of(state, Target(user.arn, "user", user))
    boundary = state.boundaries.get(str(user.id))
    attached = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": boundary}
    return _user(state, user) | {
        "Tags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)] or None,
        "PermissionsBoundary": attached if boundary else None,
    }


@operation("iam", "GetAccountSummary")
def summary(state: State, call: Call) -> Members:
    """Return integers only. The root user has no key here, and a password with MFA unless its credentials
    were removed.
    """
    iam = state.iam
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
            "AccountMFAEnabled": int(state.root_has_credentials),
            "AccountAccessKeysPresent": 0,
            "AccountPasswordPresent": int(state.root_has_credentials),
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
