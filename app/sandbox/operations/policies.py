"""Save a policy document only if IAM would accept it: grammar, then size (IAM User Guide, quotas, grammar)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from moto.core.exceptions import ServiceException

from app.policy.check.parse import grammar_problems, no_number
from app.policy.documents import statements_of
from app.policy.meaning import resources_of
from app.policy.patterns import Pattern
from app.sandbox.api import PASS_ON, Call, PassOn, Refusal, operation
from app.sandbox.auth.users import aware
from app.sandbox.operations.tagging import there
from app.sandbox.state import State

Members = Mapping[str, Any]
MANAGED = 6144
"""Characters of a managed policy, white space not counted."""
INLINE = {"user": 2048, "group": 5120, "role": 10240}
"""Characters of all inline policies of an entity together, white space not counted."""
TRUST = 2048
"""Characters of a role's trust policy, white space not counted."""
_PLAIN = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "*", "Resource": "*"}})
"""Given to moto instead of the document, because moto refuses some documents that IAM accepts."""


def accepted(text: str) -> str:
    """Return the document, if IAM would accept it. Raises Refusal MalformedPolicyDocument 400 in IAM's words."""
    document = parsed(text)
    if found := grammar_problems(document):
        raise Refusal("MalformedPolicyDocument", found[0].iam, 400)
    for arn in filter(None, (elsewhere(each) for each in statements_of(document))):
        partition = arn.split(":", 2)[1]
        raise Refusal("MalformedPolicyDocument", f'Partition "{partition}" is not valid for resource "{arn}".', 400)
    return text


def elsewhere(statement: Mapping[str, Any]) -> str:
    """Return an ARN of a partition that isn't the sandbox's, which IAM refuses (observed). "" if there is none."""
    arns = [text for text in resources_of(statement) if text.startswith("arn:")]
    return next((arn for arn in arns if not Pattern(arn.split(":")[1], variables=False).matches("aws", {})), "")


def parsed(text: str) -> Any:
    """Parse a document's JSON. Raises Refusal MalformedPolicyDocument if it isn't JSON or an object has a
    name twice.
    """

    def once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("the same name twice in one object")
        return found

    try:
        return json.loads(text, object_pairs_hook=once, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise Refusal("MalformedPolicyDocument", "Syntax errors in policy.", 400) from error


def size_of(text: str) -> int:
    """Return the number of characters as IAM counts them: white space doesn't count (IAM quotas)."""
    return len("".join(text.split()))


def within_limits(text: str) -> str:
    """Return the document of a managed policy, if it is accepted and not too long. Raises Refusal."""
    if size_of(accepted(text)) > MANAGED:
        raise Refusal("LimitExceeded", f"Cannot exceed quota for PolicySize: {MANAGED}", 409)
    return text


def create(state: State, name: str, path: str, text: str, description: str, tags: Iterable[Mapping[str, str]]) -> Any:
    """Return a new managed policy, as moto's object. Raises Refusal."""
    within_limits(text)
    try:
        made = state.iam.create_policy(description, path, _PLAIN, name, list(tags))
    except ServiceException as error:
        status = {"EntityAlreadyExists": 409, "LimitExceeded": 409}.get(error.code, 400)
        raise Refusal(error.code, error.message, status) from error
    made.versions[0].document = text
    return made


@operation("iam", "CreatePolicy")
def create_policy(state: State, call: Call) -> Members:
    """Create a policy. Version v1 is the default one."""
    given = call.parameters
    tags = given.get("Tags") or []
    name, path, text = given["PolicyName"], given.get("Path", "/"), given["PolicyDocument"]
    made = create(state, name, path, text, given.get("Description", ""), tags)
    return {
        "Policy": {
            "PolicyName": made.name,
            "PolicyId": made.id,
            "Arn": made.arn,
            "Path": made.path,
            "DefaultVersionId": made.default_version_id,
            "AttachmentCount": 0,
            "PermissionsBoundaryUsageCount": 0,
            "IsAttachable": True,
            "CreateDate": aware(made.create_date),
            "UpdateDate": aware(made.update_date),
            "Tags": tags or None,
        }
    }


@operation("iam", "CreatePolicyVersion")
def create_version(state: State, call: Call) -> Members:
    """Create a version, at most five."""
    policy, text = there(state, call).thing, within_limits(call.parameters["PolicyDocument"])
    default = bool(call.parameters.get("SetAsDefault", False))
    try:
        made = state.iam.create_policy_version(policy.arn, _PLAIN, default)
    except ServiceException as error:
        raise Refusal(error.code, error.message, 409 if error.code == "LimitExceeded" else 400) from error
    made.document = text
    return {
        "PolicyVersion": {
            "VersionId": made.version_id,
            "IsDefaultVersion": default,
            "CreateDate": aware(made.create_date),
        }
    }


@operation("iam", "PutUserPolicy", "PutGroupPolicy", "PutRolePolicy")
def put(state: State, call: Call) -> Members:
    """Add an inline policy, or replace the one of the same name. All inline policies of an entity share one
    size limit.
    """
    target, name = there(state, call), call.parameters["PolicyName"]
    text = accepted(call.parameters["PolicyDocument"])
    others = (document for other, document in target.thing.policies.items() if other != name)
    most = INLINE[target.resource_type]
    if size_of(text) + sum(map(size_of, others)) > most:
        whose = f"{target.resource_type} {target.thing.name}"
        raise Refusal("LimitExceeded", f"Maximum policy size of {most} bytes exceeded for {whose}", 409)
    target.thing.put_policy(name, text)
    return {}


@operation("iam", "CreateRole", "UpdateAssumeRolePolicy")
def trust(state: State, call: Call) -> Members | PassOn:
    """Set who may assume a role. Moto checks the grammar, which differs from that of identity policies."""
    text = call.parameters.get("AssumeRolePolicyDocument") or call.parameters["PolicyDocument"]
    _of_trust(parsed(text))
    if size_of(text) > TRUST:
        raise Refusal("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {TRUST}", 409)
    return PASS_ON


def _of_trust(document: Any) -> None:
    """Raise Refusal for a document that can't be a trust policy. Moto checks the rest, but only in updates."""
    statements = document.get("Statement") if isinstance(document, dict) else None
    each = [statements] if isinstance(statements, dict) else statements
    if not isinstance(each, list) or not each or not all(isinstance(one, dict) for one in each):
        raise Refusal("MalformedPolicyDocument", "Syntax errors in policy.", 400)
    for one in each:
        if one.get("Effect") not in ("Allow", "Deny") or not {"Action", "NotAction"} & one.keys():
            raise Refusal("MalformedPolicyDocument", "Syntax errors in policy.", 400)
        if {"Resource", "NotResource"} & one.keys():
            raise Refusal("MalformedPolicyDocument", "Has prohibited field Resource", 400)
        if not {"Principal", "NotPrincipal"} & one.keys():
            raise Refusal("MalformedPolicyDocument", "Missing required field Principal", 400)
