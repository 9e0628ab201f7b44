"""Which resource an IAM or STS call is authorized on (Service Authorization Reference, or observed if it differs)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.policy.reference.actions import resource_types
from app.policy.reference.listed_resources import LISTED_UNDER
from app.sandbox.api import Caller
from app.sandbox.auth.users import stored
from app.sandbox.state import State


@dataclass(frozen=True)
class Target:
    """The resource of a call.

    arn: what policies are evaluated on, "*" if the action has no resource. resource_type: as in the reference, ""
    without one. thing: moto's object, None if it doesn't exist (yet).
    """

    arn: str
    resource_type: str = ""
    thing: Any = None


NOTHING = Target("*")

WITHOUT_A_NAME = frozenset({"ListMFADevices"})
"""Their user is optional in the reference, and without UserName AWS judges them on "*" (observed)."""

_NAMES = {
    "user": "UserName",
    "group": "GroupName",
    "role": "RoleName",
    "instance-profile": "InstanceProfileName",
    "server-certificate": "ServerCertificateName",
    "policy": "PolicyName",
    "saml-provider": "Name",
    "oidc-provider": "Url",
    "mfa": "VirtualMFADeviceName",
    "delegation-request": "DelegationRequestId",
    "access-report": "EntityPath",
}
_ARNS = {
    "user": ("Arn", "PolicySourceArn"),
    "group": ("Arn", "PolicySourceArn"),
    "role": ("Arn", "PolicySourceArn"),
    "policy": ("PolicyArn", "Arn"),
    "mfa": ("SerialNumber",),
    "sms-mfa": ("SerialNumber",),
    "oidc-provider": ("OpenIDConnectProviderArn",),
    "saml-provider": ("SAMLProviderArn",),
    "delegation-request": ("EntityArn",),
    "role-template": ("TemplateArn",),
}
NEW_NAMES = {
    "UpdateUser": ("user", "NewUserName"),
    "UpdateGroup": ("group", "NewGroupName"),
    "UpdateServerCertificate": ("server-certificate", "NewServerCertificateName"),
}
"""A new name or path takes the permission on what the ARN becomes, too (IAM API reference)."""


def of_iam(state: State, caller: Caller, action: str, parameters: Mapping[str, Any]) -> Target:
    """Return the resource of an IAM call. action: "EnableMFADevice"."""
    if under := LISTED_UNDER.get(f"iam:{action}"):
        # The path they are asked for follows: AWS's denials print it.
        return Target(f"{_prefix(state)}:{under.removesuffix('/')}{parameters.get('PathPrefix', '/')}")
    if action == "GetAccessKeyLastUsed":
        return _owner(state, str(parameters.get("AccessKeyId", "")))
    if action == "CreateServiceLinkedRole":
        return Target(f"{_prefix(state)}:role{_service_linked(parameters)}", "role")
    if action == "GetServiceLinkedRoleDeletionStatus":
        path = str(parameters["DeletionTaskId"]).removeprefix("task").rpartition("/")[0]
        return Target(f"{_prefix(state)}:role{path}", "role")
    types = sorted(resource_types(f"iam:{action}"))
    if not types:
        return NOTHING
    for resource_type in types:
        for name in _ARNS.get(resource_type, ()):
            if name in parameters:
                return by_arn(state, str(parameters[name]))
    if types == ["user"]:
        return _user(state, caller, action, parameters)
    resource_type = types[0]
    return _named(state, resource_type, str(parameters.get(_NAMES[resource_type], "")), action, parameters)


def renamed(state: State, action: str, parameters: Mapping[str, Any], target: Target) -> str:
    """Return the ARN after an Update with a new name or path, "" if it doesn't change."""
    resource_type, parameter = NEW_NAMES.get(action, ("", ""))
    if not resource_type or target.thing is None or not {"NewPath", parameter} & parameters.keys():
        return ""
    path, name = parameters.get("NewPath", target.thing.path), parameters.get(parameter, name_of(target.thing))
    return f"{_prefix(state)}:{resource_type}{path}{name}"


def by_arn(state: State, arn: str) -> Target:
    """Return the IAM resource with an ARN. It may not exist."""
    resource_type = arn.split(":", 5)[-1].partition("/")[0] if arn.startswith("arn:") else "mfa"
    found = next((thing for thing in things(state, resource_type) if arn_of(thing) == arn), None)
    return Target(arn, resource_type, found)


def things(state: State, resource_type: str) -> list[Any]:
    """Return everything the account has of a resource type, as moto's objects."""
    iam = state.iam
    shelves = {
        "user": iam.users,
        "group": iam.groups,
        "role": iam.roles,
        "policy": iam.managed_policies,
        "instance-profile": iam.instance_profiles,
        "server-certificate": iam.certificates,
        "saml-provider": iam.saml_providers,
        "oidc-provider": iam.open_id_providers,
        "mfa": iam.virtual_mfa_devices,
    }
    return list(shelves.get(resource_type, {}).values())


def arn_of(thing: Any) -> str:
    """Return the ARN of one of moto's objects. For an MFA device it is the serial number."""
    return str(getattr(thing, "serial_number", None) or thing.arn)


def name_of(thing: Any) -> str:
    """Return the name of one of moto's objects. Server certificates spell the attribute differently."""
    return str(getattr(thing, "cert_name", None) or thing.name)


def _prefix(state: State) -> str:
    return f"arn:{state.partition}:iam::{state.account_id}"


def _user(state: State, caller: Caller, action: str, parameters: Mapping[str, Any]) -> Target:
    if "UserName" not in parameters and (action in WITHOUT_A_NAME or parameters.get("AllUsers")):
        return NOTHING
    name = parameters.get("UserName") or caller.user_name or ""
    found = None if action == "CreateUser" else stored(state, name)
    # The stored spelling and path count, not what was typed.
    arn = str(found.arn) if found else f"{_prefix(state)}:user{parameters.get('Path', '/')}{name}"
    return Target(arn, "user", found)


def _named(state: State, resource_type: str, name: str, action: str, parameters: Mapping[str, Any]) -> Target:
    found = None
    if not action.startswith(("Create", "Upload")):
        same = (thing for thing in things(state, resource_type) if name_of(thing).lower() == name.lower())
        found = next(same, None)  # as for users: the stored path counts, and a request does not carry it
    if found is not None:
        return Target(arn_of(found), resource_type, found)
    if resource_type in ("saml-provider", "delegation-request", "access-report"):
        return Target(f"{_prefix(state)}:{resource_type}/{name}", resource_type)
    if resource_type == "oidc-provider":
        return Target(f"{_prefix(state)}:{resource_type}/{name.partition('://')[2]}", resource_type)
    return Target(f"{_prefix(state)}:{resource_type}{parameters.get('Path', '/')}{name}", resource_type)


def _owner(state: State, access_key_id: str) -> Target:
    for user in state.iam.users.values():
        if any(key.access_key_id == access_key_id for key in user.access_keys):
            return Target(str(user.arn), "user", user)
    return Target(f"{_prefix(state)}:user/", "user")


def _service_linked(parameters: Mapping[str, Any]) -> str:
    """Return path and name as moto makes them. The service's own spelling isn't documented."""
    service = str(parameters["AWSServiceName"])
    known = {
        "autoscaling": "AutoScaling",
        "application-autoscaling": "ApplicationAutoScaling",
        "elasticbeanstalk": "ElasticBeanstalk",
    }
    parts = service.split(".")
    name = known.get(parts[-3], parts[-3]) if len(parts) > 2 else service
    if len(parts) > 3:
        name += "_" + "".join(word.capitalize() for word in parts[0].split("-"))
    suffix = f"_{parameters['CustomSuffix']}" if "CustomSuffix" in parameters else ""
    return f"/aws-service-role/{service}/AWSServiceRoleFor{name}{suffix}"


def of_sts(state: State, action: str, parameters: Mapping[str, Any]) -> Target:
    """Return the resource of an STS call: a role, the root user of a member account, or a federated user."""
    if "RoleArn" in parameters:
        return by_arn(state, str(parameters["RoleArn"]))
    if action == "AssumeRoot":
        whose = str(parameters["TargetPrincipal"])
        return Target(whose if ":" in whose else f"arn:{state.partition}:iam::{whose}:root")
    if action == "GetFederationToken":
        return Target(f"arn:{state.partition}:sts::{state.account_id}:federated-user/{parameters['Name']}")
    return NOTHING


def printed(action: str, arn: str) -> str:
    """Return how AWS names the resource in a denial (observed). action: "iam:ListUsers"."""
    if action.startswith("iam:") and ":user/" in arn and not arn.endswith("/"):
        return f"user {arn.rsplit('/', 1)[-1]}"
    return arn
