"""Decide whether a caller may do something. Policies are read from moto's IAM state, `app.policy` decides."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from app.policy.evaluation import Decision, Effect, Policy, PolicyError, Request, compiled, decide
from app.policy.reference.request_context import Circumstances, IamUser, Session, request_context
from app.sandbox.api import Caller, Refusal
from app.sandbox.auth.not_evaluated import doubts
from app.sandbox.auth.permission_requests import Question
from app.sandbox.auth.resources import Target, printed
from app.sandbox.auth.tags import as_context, tags_of
from app.sandbox.auth.trust import ASSUME, ROLE_ARN, Trust, trust_in
from app.sandbox.protocol.wire import JSON_SERVICES
from app.sandbox.state import State

UNTOUCHABLE = ("sts:GetCallerIdentity", "sts:GetSessionToken")
"""No policy reaches these, not even a deny (IAM User Guide; observed)."""


@dataclass(frozen=True)
class Verdict:
    """What was requested, in policy terms, and the decision."""

    action: str
    resource: str
    decision: Decision
    not_evaluated: Sequence[str] = ()
    """Condition keys on which the decision hangs, and which the sandbox does not know."""
    by_boundary: bool = False
    """Denied by the permissions boundary, though identity policies allow it."""
    by_trust: bool = False
    """The role doesn't trust the caller, or there is none. AWS answers the same to both."""


@lru_cache(maxsize=512)
def _compiled(document: str) -> Policy:
    return compiled(json.loads(document))


def documents_of(state: State, user: Any) -> list[str]:
    """Return the identity policies of a user and its groups, managed and inline."""
    documents = list(documents_of_holder(user))
    for group in state.iam.get_groups_for_user(user.name):
        documents += documents_of_holder(group)
    return documents


def documents_of_holder(holder: Any) -> Iterator[str]:
    """Yield the policies of a user, group or role itself, managed and inline."""
    yield from map(in_force, holder.managed_policies.values())
    yield from holder.policies.values()


def in_force(managed: Any) -> str:
    """Return the document of a managed policy's default version."""
    version = next(item for item in managed.versions if item.version_id == managed.default_version_id)
    return str(version.document)


@dataclass(frozen=True)
class Origin:
    """Where a request comes from, as far as condition keys say."""

    address: str
    region: str
    user_agent: str | None


def context_of(state: State, caller: Caller, origin: Origin, action: str, now: datetime) -> dict[str, Any]:
    """Return the condition keys of the caller and the request. SecureTransport is true, because http
    replaces https here.
    """
    role = state.iam.roles[caller.role_id] if caller.role_id else None
    arn = str(role.arn) if role else caller.arn
    user = IamUser(caller.account_id, caller.user_name or "", arn, caller.unique_id)
    session = Session(
        caller.mfa_present,
        mfa_age=int((now - caller.mfa_at).total_seconds()) if caller.mfa_at else 0,
        token_age=int((now - caller.issued_at).total_seconds()) if caller.issued_at else None,
        signed_in=caller.signed_in,
    )
    here = Circumstances(now, origin.address, origin.region, origin.user_agent)
    stored = Target(arn, "role", role) if role else Target(arn, "user", state.iam.users.get(caller.user_name))
    known: dict[str, Any] = request_context(user, session, action, here)
    if role:  # a session of a role has no user name
        del known["aws:username"]
        known["aws:PrincipalType"] = "AssumedRole"
    return {
        **known,
        **as_context("aws:PrincipalTag/", tags_of(state, stored)),
        **state.settings.assumed,
    }


def judge(state: State, caller: Caller, origin: Origin, asked: Question, now: datetime) -> Verdict:
    """Decide one question."""
    action, resource = asked.action, asked.resource
    if action in UNTOUCHABLE:
        return Verdict(action, resource, Decision(Effect.ALLOWED, None))
    if action == "iam:ListVirtualMFADevices" and state.settings.outcomes["list-virtual-devices"] == "denied":
        return Verdict(action, resource, Decision(Effect.IMPLICITLY_DENIED, None))
    holder = state.iam.roles[caller.role_id] if caller.role_id else state.iam.users[caller.user_name]
    request = Request(action, resource, {**context_of(state, caller, origin, action, now), **asked.context})
    try:
        documents = list(documents_of_holder(holder)) if caller.role_id else documents_of(state, holder)
        decision = decide([_compiled(document) for document in documents], request)
        bounded = _bounded(state, holder, request)
        unsure = doubts(documents, request, stand_in=state.settings.stand_ins, assumed=state.settings.assumed)
    except PolicyError:  # refused at upload, so this is a mistake of ours: fail closed
        return Verdict(action, resource, Decision(Effect.EXPLICITLY_DENIED, None))
    if decision.effect is Effect.IMPLICITLY_DENIED and _by_account_flag(state, caller, action, resource):
        decision = Decision(Effect.ALLOWED, "AllowUsersToChangePassword")
    if bounded is not None and not bounded.allowed and decision.allowed:
        return Verdict(action, resource, bounded, unsure, by_boundary=True)
    if action == ASSUME and decision.effect is not Effect.EXPLICITLY_DENIED:
        return _assuming(state, caller, request, decision)
    return Verdict(action, resource, decision, unsure)


def _assuming(state: State, caller: Caller, request: Request, decision: Decision) -> Verdict:
    """Decide about assuming a role. Its trust policy has to allow it, and is enough if it names a caller of
    its account.
    """
    trust = trust_in(state, caller, request)
    its_own = f":iam::{caller.account_id}:" in request.resource
    if trust is Trust.CALLER and its_own:
        decision = Decision(Effect.ALLOWED, decision.statement)
    if decision.allowed and trust is Trust.NO and ROLE_ARN.fullmatch(request.resource):
        denied = Decision(Effect.IMPLICITLY_DENIED, None)
        return Verdict(request.action, request.resource, denied, by_trust=True)
    return Verdict(request.action, request.resource, decision)


def _bounded(state: State, holder: Any, request: Request) -> Decision | None:
    """Return what the permissions boundary of a user or role says, None without one. It limits what other
    policies allow.
    """
    arn = state.boundaries.get(str(holder.id)) or getattr(holder, "permissions_boundary_arn", None)
    if arn is None:
        return None
    boundary = state.iam.managed_policies.get(arn)
    if boundary is None:  # IAM lets nobody delete one in use
        return Decision(Effect.IMPLICITLY_DENIED, None)
    return decide([_compiled(in_force(boundary))], request)


def _by_account_flag(state: State, caller: Caller, action: str, resource: str) -> bool:
    """Return whether the account's own setting allows these two actions without any policy (IAM User Guide)."""
    return state.users_may_change_password and (
        action == "iam:GetAccountPasswordPolicy" or (action == "iam:ChangePassword" and resource == caller.arn)
    )


def denial(verdict: Verdict, caller: Caller, service: str) -> Refusal:
    """Return AWS's message for a denial. service: the one that was called, whose protocol decides the code."""
    named = printed(verdict.action, verdict.resource)
    policy = "a permissions boundary" if verdict.by_boundary else "an identity-based policy"
    because = (
        f"with an explicit deny in {policy}"
        if verdict.decision.effect is Effect.EXPLICITLY_DENIED
        else f"because no {policy.partition(' ')[2]} allows the {verdict.action} action"
    )
    sentence = f"User: {caller.arn} is not authorized to perform: {verdict.action} on resource: {named}"
    if not verdict.by_trust:
        sentence += f" {because}"
    if service == "ec2":
        return Refusal("UnauthorizedOperation", f"You are not authorized to perform this operation. {sentence}", 403)
    return Refusal("AccessDenied", sentence, 400 if service in JSON_SERVICES else 403)
