"""The policy simulator, with the sandbox's own judge, and the condition keys that policies use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.policy.evaluation import Decision, Effect, Request, compiled, decide
from app.sandbox.api import Call, Refusal, operation
from app.sandbox.auth.judge import documents_of, in_force
from app.sandbox.auth.resources import Target, by_arn
from app.sandbox.auth.users import unique_id
from app.sandbox.operations.policies import accepted
from app.sandbox.state import State

Members = Mapping[str, Any]
_DECISION = {
    Effect.ALLOWED: "allowed",
    Effect.EXPLICITLY_DENIED: "explicitDeny",
    Effect.IMPLICITLY_DENIED: "implicitDeny",
}
_VARIABLE = re.compile(r"\$\{\s*([A-Za-z0-9-]+:[^},\s]+)[^}]*\}")
_NOT_EMULATED = ("ResourcePolicy", "ResourceHandlingOption", "OrderedOrganizationPolicyInputList")


def _source(state: State, call: Call) -> Target:
    found = by_arn(state, call.parameters["PolicySourceArn"])
    if found.resource_type not in ("user", "group", "role"):
        raise Refusal("InvalidInput", f"Invalid Entity Arn: {found.arn} does not clearly define entity type", 400)
    if found.thing is None:
        raise Refusal("NoSuchEntity", f"{found.arn} cannot be found.", 404)
    return found


def _policies_of(state: State, source: Target) -> list[str]:
    if source.resource_type == "user":
        return documents_of(state, source.thing)
    return [*map(in_force, source.thing.managed_policies.values()), *source.thing.policies.values()]


def _given(call: Call, name: str) -> list[str]:
    try:
        return [accepted(text) for text in call.parameters.get(name) or ()]
    except Refusal as refusal:
        raise Refusal("InvalidInput", f"Invalid policy in {name}: {refusal.message}", 400) from refusal


@operation("iam", "SimulatePrincipalPolicy")
def principal(state: State, call: Call) -> Members:
    """Simulate the policies of a user, group or role, and further given ones, in the given context."""
    source = _source(state, call)
    if call.parameters.get("PolicyExclusionList"):
        raise Refusal("NotImplemented", "The sandbox does not emulate PolicyExclusionList.", 400)
    documents = [*_policies_of(state, source), *_given(call, "PolicyInputList")]
    known = _of_user(state, source) if source.resource_type == "user" else {}
    boundary = state.boundaries.get(str(source.thing.id)) if source.resource_type == "user" else None
    policy = state.iam.managed_policies.get(boundary) if boundary else None
    boundaries = _given(call, "PermissionsBoundaryPolicyInputList") or ([in_force(policy)] if policy else [])
    return _simulated(call, documents, boundaries, known)


def _of_user(state: State, source: Target) -> dict[str, str]:
    """Return the condition keys that the simulator fills in for the user whose policies are simulated."""
    return {
        "aws:username": source.thing.name,
        "aws:userid": unique_id(source.thing),
        "aws:PrincipalArn": source.arn,
        "aws:PrincipalAccount": state.account_id,
        "aws:PrincipalType": "User",
    }


@operation("iam", "SimulateCustomPolicy")
def custom(state: State, call: Call) -> Members:
    """Simulate the given policies, without a user."""
    documents, boundaries = _given(call, "PolicyInputList"), _given(call, "PermissionsBoundaryPolicyInputList")
    return _simulated(call, documents, boundaries, {})


def _simulated(
    call: Call, documents: Sequence[str], boundaries: Sequence[str], known: Mapping[str, str]
) -> dict[str, Any]:
    for name in _NOT_EMULATED:
        if call.parameters.get(name):
            raise Refusal("NotImplemented", f"The sandbox does not emulate {name}.", 400)
    context = {**{key.lower(): value for key, value in known.items()}, **_context(call)}
    policies = [compiled(json.loads(text)) for text in documents]
    limits = [compiled(json.loads(text)) for text in boundaries]
    results = []
    for action in call.parameters["ActionNames"]:
        if not re.fullmatch(r"[\w-]+:\w+", action):
            raise Refusal("InvalidInput", f"Invalid Action: {action[:64]}", 400)
        for resource in call.parameters.get("ResourceArns") or ["*"]:
            asked = Request(action, resource, context)
            decision = decide(policies, asked)
            bounded = decide(limits, asked) if limits else None
            results.append(_result(asked, decision, bounded, _missing(documents, asked)))
    return {"EvaluationResults": results}


def _result(asked: Request, decision: Decision, bounded: Decision | None, missing: list[str]) -> dict[str, Any]:
    effect = decision.effect
    if bounded is not None and decision.allowed and not bounded.allowed:
        effect = bounded.effect
    found: dict[str, Any] = {
        "EvalActionName": asked.action,
        "EvalResourceName": asked.resource,
        "EvalDecision": _DECISION[effect],
        "MissingContextValues": missing,
    }
    if bounded is not None:
        found["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": bounded.allowed}
    return found


def _context(call: Call) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in call.parameters.get("ContextEntries") or ():
        values = list(entry.get("ContextKeyValues") or ())
        several = str(entry.get("ContextKeyType", "string")).endswith("List")
        if not several and len(values) != 1:
            raise Refusal("InvalidInput", f"{entry.get('ContextKeyName')} needs one value of its type.", 400)
        found[str(entry["ContextKeyName"]).lower()] = values if several else values[0]
    return found


def _missing(documents: Sequence[str], asked: Request) -> list[str]:
    """Return the keys that statements about this action use and that weren't given."""
    keys: dict[str, str] = {}
    for text in documents:
        document = json.loads(text)
        given = document["Statement"]
        for raw, statement in zip(
            [given] if isinstance(given, dict) else given, compiled(document).statements, strict=True
        ):
            if statement.names_action(asked.action):
                keys |= {key.lower(): key for key in keys_in(raw)}
    return sorted(key for lower, key in keys.items() if lower not in asked.context)


def keys_in(statement: Any) -> Iterator[str]:
    """Yield the condition keys of a statement, in its conditions and as variables."""
    for tests in (statement.get("Condition") or {}).values():
        yield from tests
    yield from _VARIABLE.findall(json.dumps(statement))


def _keys(documents: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, str] = {}
    for text in documents:
        given = json.loads(text)["Statement"]
        for statement in [given] if isinstance(given, dict) else given:
            found |= {key.lower(): key for key in keys_in(statement)}
    return {"ContextKeyNames": sorted(found.values())}


@operation("iam", "GetContextKeysForCustomPolicy")
def keys_of_documents(state: State, call: Call) -> Members:
    """Return the condition keys of the given policies."""
    return _keys(_given(call, "PolicyInputList"))


@operation("iam", "GetContextKeysForPrincipalPolicy")
def keys_of_principal(state: State, call: Call) -> Members:
    """Return the condition keys of the policies of a user, group or role, and of further given ones."""
    return _keys([*_policies_of(state, _source(state, call)), *_given(call, "PolicyInputList")])
