"""Tags of what moto keeps none for: MFA devices, SAML providers, server certificates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.sandbox.api import PASS_ON, Call, PassOn, Refusal, operation
from app.sandbox.auth.resources import Target, arn_of, of_iam
from app.sandbox.auth.tags import from_pairs, tags_of
from app.sandbox.operations.quotas import limit
from app.sandbox.operations.server_certificates import certificate_of
from app.sandbox.state import State

Members = Mapping[str, Any]
MOST = 50


def there(state: State, call: Call) -> Target:
    """Return the resource of a call. Raises Refusal NoSuchEntity if it doesn't exist."""
    target = of_iam(state, call.caller, call.action, call.parameters)
    if target.thing is None:
        raise Refusal("NoSuchEntity", f"{target.arn} does not exist.", 404)
    return target


def give(state: State, arn: str, given: Any) -> None:
    """Add tags. given: AWS's list of Key and Value. Raises Refusal InvalidInput, LimitExceeded."""
    tags = from_pairs(given or ())
    if len({key.lower() for key in tags}) < len(given or ()):
        raise Refusal("InvalidInput", "Duplicate tag keys found. Tag keys are case insensitive.", 400)
    if any(key.lower().startswith("aws:") for key in tags):
        raise Refusal("InvalidInput", "Tag keys with the prefix aws: are reserved for system use.", 400)
    tags_now = state.tags.get(arn, {}) | tags
    limit(len(tags_now) - 1, MOST, "TagsPerResource")
    state.tags[arn] = tags_now


@operation("iam", "TagMFADevice", "TagSAMLProvider", "TagServerCertificate")
def tag(state: State, call: Call) -> Members:
    """Add tags. One with the same key is replaced."""
    give(state, arn_of(there(state, call).thing), call.parameters["Tags"])
    return {}


@operation("iam", "UntagMFADevice", "UntagSAMLProvider", "UntagServerCertificate")
def untag(state: State, call: Call) -> Members:
    """Remove tags. Keys that don't exist are ignored."""
    tags_now = state.tags.get(arn_of(there(state, call).thing), {})
    for key in call.parameters["TagKeys"]:
        tags_now.pop(key, None)
    return {}


@operation("iam", "ListMFADeviceTags", "ListSAMLProviderTags", "ListServerCertificateTags", "ListInstanceProfileTags")
def listed(state: State, call: Call) -> Members:
    """List all tags, sorted by key."""
    found = tags_of(state, there(state, call))
    return {"Tags": [{"Key": key, "Value": found[key]} for key in sorted(found)]}


@operation("iam", "CreateSAMLProvider", "UploadServerCertificate")
def create(state: State, call: Call) -> Members | PassOn:
    """Let moto create the resource, and keep its tags here. Both answer EntityAlreadyExists if the name is in use."""
    target = of_iam(state, call.caller, call.action, call.parameters)
    if body := call.parameters.get("CertificateBody"):
        certificate_of(body)
    if target.arn in state.tags:
        raise Refusal("EntityAlreadyExists", f"{target.arn} already exists.", 409)
    give(state, target.arn, call.parameters.get("Tags"))
    return PASS_ON
