"""What a call needs permission for: the action itself, and what AWS checks with it.

Sources: Service Authorization Reference (condition keys of each action), IAM User Guide (tagging at creation, passing
a role), IAM API reference (renaming), EC2 User Guide (tagging at creation).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.policy.reference.actions import condition_keys
from app.sandbox.api import Caller
from app.sandbox.auth.resources import Target, by_arn, of_iam, of_sts, renamed, things
from app.sandbox.auth.tags import as_context, from_pairs, requested, tags_of
from app.sandbox.state import State

Values = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Question:
    """One permission that is needed. context: the condition keys of this call. The judge adds those of the caller."""

    action: str
    resource: str = "*"
    context: Values = field(default_factory=dict)


TAGGED_WITH = {
    "user": "iam:TagUser",
    "role": "iam:TagRole",
    "policy": "iam:TagPolicy",
    "mfa": "iam:TagMFADevice",
    "instance-profile": "iam:TagInstanceProfile",
    "server-certificate": "iam:TagServerCertificate",
    "saml-provider": "iam:TagSAMLProvider",
    "oidc-provider": "iam:TagOpenIDConnectProvider",
}
"""Who makes something with tags needs this permission as well (IAM User Guide, "Tags for IAM resources")."""

_FROM_PARAMETERS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "iam:PolicyARN": lambda given: given.get("PolicyArn"),
    "iam:AWSServiceName": lambda given: given.get("AWSServiceName"),
    "iam:OrganizationsPolicyId": lambda given: given.get("OrganizationsPolicyId"),
    "iam:ServiceSpecificCredentialServiceName": lambda given: given.get("ServiceName"),
    "iam:ServiceSpecificCredentialAgeDays": lambda given: given.get("CredentialAgeDays"),
    "iam:DelegationRequestOwner": lambda given: given.get("OwnerId"),
    "iam:NotificationChannel": lambda given: given.get("NotificationChannel"),
    "iam:DelegationDuration": lambda given: given.get("SessionDuration"),
    "iam:TemplateArn": lambda given: (given.get("Permissions") or {}).get("PolicyTemplateArn"),
}
"""Condition keys of IAM's own whose value the request carries."""

SUPPLIED = {
    "iam": frozenset(key.lower() for key in _FROM_PARAMETERS)
    | {"iam:permissionsboundary", "iam:passedtoservice", "iam:associatedresourcearn", "iam:resourcetag/${tagkey}"},
    "ec2": frozenset({"ec2:createaction", "ec2:region"}),
    "signin": frozenset({"signin:oauthclientid", "signin:oauthredirecturi", "signin:oauthgranttype"}),
    "s3": frozenset({"s3:prefix", "s3:delimiter", "s3:max-keys", "s3:authtype", "s3:signatureversion"})
    | {"s3:resourceaccount", "s3:x-amz-content-sha256", "s3:x-amz-acl", "s3:x-amz-storage-class"},
    "sts": frozenset({"sts:rolesessionname", "sts:externalid", "sts:sourceidentity", "sts:durationseconds"}),
}
"""Services' own condition keys, in lower case, that calls have here when they have them at AWS."""


def of_an_iam_call(state: State, caller: Caller, action: str, parameters: Mapping[str, Any]) -> list[Question]:
    """Return everything that has to be allowed for an IAM call, the action itself first."""
    target = of_iam(state, caller, action, parameters)
    context = {**_of_resource(state, target), **_of_tags(parameters), **_own(state, action, parameters, target)}
    asked = [Question(f"iam:{action}", target.arn, context)]
    if becomes := renamed(state, action, parameters, target):
        asked.append(Question(f"iam:{action}", becomes, context))
    if parameters.get("Tags") and action.startswith(("Create", "Upload")):
        asked.append(Question(TAGGED_WITH[target.resource_type], target.arn, context))
    if action == "AddRoleToInstanceProfile":
        asked += passing(state, [str(parameters["RoleName"])], "ec2.amazonaws.com")
    return asked


def of_an_sts_call(state: State, action: str, parameters: Mapping[str, Any]) -> Question:
    """Return what has to be allowed for an STS call."""
    context: dict[str, str | Sequence[str]] = {
        f"sts:{name}": str(parameters[name])
        for name in ("RoleSessionName", "ExternalId", "SourceIdentity", "DurationSeconds")
        if name in parameters
    }
    target = of_sts(state, action, parameters)
    if target.thing is not None:
        context |= _of_resource(state, target)
    return Question(f"sts:{action}", target.arn, {**context, **_of_tags(parameters)})


def _of_resource(state: State, target: Target) -> dict[str, str]:
    """Return the condition keys that describe the resource of a call."""
    account = target.arn.split(":")[4] if target.arn.startswith("arn:") else state.account_id
    tags = tags_of(state, target)
    found = as_context("aws:ResourceTag/", tags)
    if target.resource_type in ("user", "role"):
        found |= as_context("iam:ResourceTag/", tags)
    return {"aws:ResourceAccount": account, **found}


def _of_tags(parameters: Mapping[str, Any]) -> Values:
    return requested(from_pairs(parameters.get("Tags") or ()), parameters.get("TagKeys") or ())


def _own(state: State, action: str, parameters: Mapping[str, Any], target: Target) -> dict[str, str]:
    wanted = condition_keys(f"iam:{action}")
    found = {
        key: str(value)
        for key, value_in in _FROM_PARAMETERS.items()
        if key in wanted and (value := value_in(parameters)) is not None
    }
    if "iam:PermissionsBoundary" in wanted:
        boundary = parameters.get("PermissionsBoundary") or boundary_of(state, target)
        found |= {"iam:PermissionsBoundary": str(boundary)} if boundary else {}
    if "iam:ServiceSpecificCredentialServiceName" in wanted and "ServiceSpecificCredentialId" in parameters:
        held = state.service_credentials.get(str(parameters["ServiceSpecificCredentialId"]))
        found |= {"iam:ServiceSpecificCredentialServiceName": held.service_name} if held else {}
    return found


def boundary_of(state: State, target: Target) -> str:
    """Return the ARN of the permissions boundary of a user or role, "" without one."""
    if target.thing is None:
        return ""
    if target.resource_type == "user":
        return state.boundaries.get(str(target.thing.id), "")
    return str(getattr(target.thing, "permissions_boundary_arn", None) or "")


def passing(state: State, role_names: Sequence[str], service: str, to: str = "") -> list[Question]:
    """Return iam:PassRole for roles that a service gets. to: ARN of what gets them, "" if it isn't known."""
    asked = []
    for name in role_names:
        role = next((each for each in things(state, "role") if each.name.lower() == name.lower()), None)
        arn = str(role.arn) if role else f"arn:{state.partition}:iam::{state.account_id}:role/{name}"
        context = {"iam:PassedToService": service, **_of_resource(state, Target(arn, "role", role))}
        asked.append(Question("iam:PassRole", arn, context | ({"iam:AssociatedResourceArn": to} if to else {})))
    return asked


# -- EC2: parameters are read by their names in the form, since only tags and roles matter

_TAG = re.compile(r"(?:TagSpecifications?\.\d+\.)?Tags?\.(\d+)\.(Key|Value)", re.I)
_SPECIFIED = re.compile(r"(?:.+\.)?(TagSpecifications?\.\d+)\.Tags?\.(\d+)\.(Key|Value)", re.I)
_PROFILE = re.compile(r"(?:.+\.)?IamInstanceProfile\.(Arn|Name)", re.I)
_FOR_LATER = "LaunchTemplateData."
"""Of a launch template: what it says is asked for once something is started with it."""
_READS = ("Describe", "Get", "List", "Search")


def of_an_ec2_call(state: State, action: str, region: str, form: Mapping[str, str]) -> list[Question]:
    """Return everything that has to be allowed for an EC2 call. EC2 is evaluated on "*"."""
    here: dict[str, str | Sequence[str]] = {"ec2:Region": region, "aws:ResourceAccount": state.account_id}
    if action.startswith(_READS):
        return [Question(f"ec2:{action}", "*", here)]
    if action in ("CreateTags", "DeleteTags"):
        tags = _tags_in(form, _TAG)
        given = requested(tags) if action == "CreateTags" else requested({}, list(tags))
        return [Question(f"ec2:{action}", "*", {**here, **given})]
    form = {name: value for name, value in form.items() if _FOR_LATER not in name}
    named = {found[1]: "" for name in form if (found := _SPECIFIED.fullmatch(name))}
    asked = []
    for specification in named or [""]:  # each is about another resource, with tags of its own
        tags = _tags_in({name: value for name, value in form.items() if f"{specification}." in name}, _SPECIFIED)
        asked.append(Question(f"ec2:{action}", "*", {**here, **requested(tags)}))
        if tags:
            asked.append(Question("ec2:CreateTags", "*", {**here, **requested(tags), "ec2:CreateAction": action}))
    return [*asked, *_of_roles(state, action, region, form)]


def _of_roles(state: State, action: str, region: str, form: Mapping[str, str]) -> Iterator[Question]:
    """Yield iam:PassRole for every role or instance profile that is named."""
    to = f"arn:{state.partition}:ec2:{region}:{state.account_id}:instance/{form.get('InstanceId', '*')}"
    for name, value in form.items():
        if _PROFILE.fullmatch(name):
            yield from passing(state, _roles_in(state, value), "ec2.amazonaws.com", to)
        elif re.match(r"arn:[\w-]+:iam::\d{12}:role/", value):
            role = by_arn(state, value)
            service = _PASSED_TO.get(action, "ec2.amazonaws.com")
            yield Question("iam:PassRole", role.arn, {"iam:PassedToService": service, **_of_resource(state, role)})


_PASSED_TO = {"CreateFlowLogs": "vpc-flow-logs.amazonaws.com", "RequestSpotFleet": "spotfleet.amazonaws.com"}


def _tags_in(form: Mapping[str, str], pattern: re.Pattern[str]) -> dict[str, str]:
    pairs: dict[tuple[str, ...], dict[str, str]] = {}
    for name, value in form.items():
        if found := pattern.fullmatch(name):
            *where, what = found.groups()
            pairs.setdefault(tuple(where), {})[what.capitalize()] = value
    return from_pairs(pair for pair in pairs.values() if "Key" in pair)


def _roles_in(state: State, profile: str) -> list[str]:
    """Return the names of the roles in an instance profile, given by name or ARN."""
    known: Iterator[Any] = (each for each in things(state, "instance-profile") if profile in (each.arn, each.name))
    return [str(role.name) for each in known for role in each.roles]
