"""Decide whether a role's trust policy lets a caller assume it (IAM User Guide, policy evaluation).

Within an account, either the trust policy names the caller, or it names the account and the caller's own policies
allow it. Across accounts, both policies have to allow it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import lru_cache
from typing import Any

from app.policy.evaluation import Policy, Request, compiled
from app.sandbox.api import Caller
from app.sandbox.auth.resources import things
from app.sandbox.state import State

ASSUME = "sts:AssumeRole"
ROLE_ARN = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)


class Trust(Enum):
    """What the trust policy says about a caller."""

    NO = "no"
    ACCOUNT = "account"
    """It trusts the caller's account, which decides by its own policies."""
    CALLER = "caller"
    """It names the caller."""


def role_of(state: State, arn: str) -> tuple[State, Any] | None:
    """Return the role with an ARN and its account, or None."""
    account = state.accounts.get(arn.split(":")[4] if arn.count(":") >= 5 else "")
    if account is None:
        return None
    found = next((role for role in things(account, "role") if str(role.arn) == arn), None)
    return (account, found) if found is not None else None


def trust_in(state: State, caller: Caller, request: Request) -> Trust:
    """Return what the role that a request names says about the caller. request: with the caller's condition keys."""
    found = role_of(state, request.resource)
    if found is None or not _is_open(found[0]):
        return Trust.NO
    context = {key.lower(): value for key, value in request.context.items()}
    if state.organization:
        context["aws:principalorgid"] = state.organization.id
    names = _names(state, caller)
    answer = Trust.NO
    for principal, statement in _statements(found[1].assume_role_policy_document):
        fits = _trust_of(principal, names)
        if fits is Trust.NO or not any(each.covers(request, context) for each in statement.statements):
            continue
        if statement.statements[0].denies:
            return Trust.NO
        answer = Trust.CALLER if Trust.CALLER in (answer, fits) else Trust.ACCOUNT
    return answer


def _is_open(account: State) -> bool:
    """Return whether the account is open. Nobody can sign in to one that its organization closed."""
    organization = account.organization
    member = organization.members.get(account.account_id) if organization else None
    return member is None or member.status == "ACTIVE"


def _names(state: State, caller: Caller) -> dict[str, Trust]:
    """Return the principals that match the caller."""
    named = {
        f"arn:{state.partition}:iam::{caller.account_id}:root": Trust.ACCOUNT,
        caller.account_id: Trust.ACCOUNT,
        "*": Trust.ACCOUNT,
        caller.arn: Trust.CALLER,
    }
    if caller.role_id:
        named[str(state.iam.roles[caller.role_id].arn)] = Trust.CALLER
    return named


def _trust_of(principal: Any, names: Mapping[str, Trust]) -> Trust:
    listed = principal.get("AWS", []) if isinstance(principal, Mapping) else principal
    found = [names.get(str(each), Trust.NO) for each in ([listed] if isinstance(listed, str) else listed)]
    return max(found, key=list(Trust).index, default=Trust.NO)


@lru_cache(maxsize=512)
def _read(document: str) -> tuple[tuple[str, Policy], ...]:
    parsed = json.loads(document)
    given = parsed["Statement"]
    found = []
    for each in [given] if isinstance(given, Mapping) else given:
        statement = {name: value for name, value in each.items() if name not in ("Principal", "NotPrincipal")}
        whole = {"Version": parsed.get("Version", "2008-10-17"), "Statement": [{**statement, "Resource": "*"}]}
        found.append((json.dumps(each.get("Principal", {})), compiled(whole)))
    return tuple(found)


def _statements(document: str) -> Iterator[tuple[Any, Policy]]:
    """Yield each statement's principal, and the statement as a policy of its own. NotPrincipal matches nobody."""
    for principal, policy in _read(document):
        yield json.loads(principal), policy
