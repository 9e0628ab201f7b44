"""May this caller do this? Policies are read live from moto's IAM state, the decision is app.policy's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from app.policy.evaluation import Decision, Effect, Policy, PolicyError, Request, compiled, decide
from app.sandbox.operations import Caller, Refusal
from app.sandbox.world import World

UNTOUCHABLE = ("sts:GetCallerIdentity", "sts:GetSessionToken")
"""No policy reaches these, not even a deny (IAM User Guide; observed)."""


@dataclass(frozen=True)
class Verdict:
    """What was asked, in policy terms, and what was decided."""

    action: str
    resource: str
    decision: Decision


@lru_cache(maxsize=512)
def _compiled(document: str) -> Policy:
    return compiled(json.loads(document))


def policies_of(world: World, user: Any) -> list[Policy]:
    """Identity policies of a user and its groups, managed and inline.

    Raises PolicyError for a document that cannot be judged: then nothing is allowed.
    """
    documents = list(_documents(user))
    for group in world.iam.get_groups_for_user(user.name):
        documents += _documents(group)
    return [_compiled(document) for document in documents]


def _documents(holder: Any) -> Iterator[str]:
    for managed in holder.managed_policies.values():
        version = next(item for item in managed.versions if item.version_id == managed.default_version_id)
        yield version.document
    yield from holder.policies.values()


@dataclass(frozen=True)
class Origin:
    """Where a request comes from, as far as conditions ask."""

    address: str
    region: str
    user_agent: str | None


def context_of(caller: Caller, origin: Origin, now: datetime) -> dict[str, str]:
    """Condition keys of the request; aws:MultiFactorAuthPresent absent, false or true as AWS documents it."""
    context = {
        "aws:username": caller.user_name or "",
        "aws:userid": caller.unique_id,
        "aws:PrincipalArn": caller.arn,
        "aws:PrincipalAccount": caller.account_id,
        "aws:PrincipalType": "User",
        "aws:SourceIp": origin.address,
        "aws:SecureTransport": "false",
        "aws:CurrentTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "aws:EpochTime": str(int(now.timestamp())),
        "aws:RequestedRegion": origin.region,
    }
    if origin.user_agent is not None:
        context["aws:UserAgent"] = origin.user_agent
    if caller.mfa_present is not None:
        context["aws:MultiFactorAuthPresent"] = str(caller.mfa_present).lower()
    if caller.mfa_at:
        context["aws:MultiFactorAuthAge"] = str(int((now - caller.mfa_at).total_seconds()))
    if caller.signed_in:
        context["aws:SignInSessionArn"] = f"arn:aws:signin:::session/{caller.unique_id}"
    if caller.issued_at:
        context["aws:TokenIssueTime"] = f"{caller.issued_at:%Y-%m-%dT%H:%M:%SZ}"
    return context


def judge(world: World, caller: Caller, origin: Origin, action: str, resource: str, now: datetime) -> Verdict:
    """Decide; action "iam:ListUsers", resource an ARN or "*"."""
    if action in UNTOUCHABLE:
        return Verdict(action, resource, Decision(Effect.ALLOWED, None))
    if action == "iam:ListVirtualMFADevices" and world.settings.outcomes["list-virtual-devices"] == "denied":
        return Verdict(action, resource, Decision(Effect.IMPLICITLY_DENIED, None))
    user = world.iam.users[caller.user_name]
    request = Request(action, resource, context_of(caller, origin, now))
    try:
        decision = decide(policies_of(world, user), request)
    except PolicyError:  # refused at upload, so this is a mistake of ours: fail closed
        return Verdict(action, resource, Decision(Effect.EXPLICITLY_DENIED, None))
    if decision.effect is Effect.IMPLICITLY_DENIED and _by_account_flag(world, caller, action, resource):
        decision = Decision(Effect.ALLOWED, "AllowUsersToChangePassword")
    return Verdict(action, resource, decision)


def _by_account_flag(world: World, caller: Caller, action: str, resource: str) -> bool:
    """The account's own setting grants these two without any policy (IAM User Guide)."""
    return world.users_may_change_password and (
        action == "iam:GetAccountPasswordPolicy" or (action == "iam:ChangePassword" and resource == caller.arn)
    )


def denial(verdict: Verdict, caller: Caller, printed: str) -> Refusal:
    """AWS's words for a denial, per protocol."""
    service, _, _ = verdict.action.partition(":")
    because = (
        "with an explicit deny in an identity-based policy"
        if verdict.decision.effect is Effect.EXPLICITLY_DENIED
        else f"because no identity-based policy allows the {verdict.action} action"
    )
    sentence = f"User: {caller.arn} is not authorized to perform: {verdict.action} on resource: {printed} {because}"
    if service == "ec2":
        return Refusal("UnauthorizedOperation", f"You are not authorized to perform this operation. {sentence}", 403)
    return Refusal("AccessDenied", sentence, 403)
