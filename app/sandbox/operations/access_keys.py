"""Access keys: at most two per user, including inactive ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.policy.reference.request_context import requested_region
from app.sandbox import generated_secrets
from app.sandbox.api import Call, Refusal, operation
from app.sandbox.auth.users import aware, target
from app.sandbox.operations.quotas import limit
from app.sandbox.state import State

Members = Mapping[str, Any]
NOTHING = "N/A"


def named(call: Call) -> None:
    """Check that temporary credentials name the user (IAM API Reference). Raises Refusal ValidationError."""
    if call.caller.is_session and "UserName" not in call.parameters:
        raise Refusal("ValidationError", "Must specify userName when calling with non-User credentials", 400)


def _key(state: State, call: Call) -> tuple[Any, Any]:
    user, key_id = target(state, call), call.parameters["AccessKeyId"]
    for key in user.access_keys:
        if key.access_key_id == key_id:
            return user, key
    raise Refusal("NoSuchEntity", f"The Access Key with id {key_id} cannot be found.", 404)


@operation("iam", "CreateAccessKey")
def create(state: State, call: Call) -> Members:
    """Create a key. The secret is returned only here."""
    user = target(state, call)
    limit(len(user.access_keys), 2, "AccessKeysPerUser")
    key = state.iam.create_access_key(user.name)
    key.secret_access_key = generated_secrets.secret_access_key(state.settings)
    return {
        "AccessKey": {
            "UserName": user.name,
            "AccessKeyId": key.access_key_id,
            "Status": key.status,
            "SecretAccessKey": key.secret_access_key,
            "CreateDate": aware(key.create_date),
        }
    }


@operation("iam", "ListAccessKeys")
def listed(state: State, call: Call) -> Members:
    """List IDs, status and dates, without secret and last use."""
    named(call)
    user = target(state, call)
    return {
        "AccessKeyMetadata": [
            {
                "UserName": user.name,
                "AccessKeyId": key.access_key_id,
                "Status": key.status,
                "CreateDate": aware(key.create_date),
            }
            for key in user.access_keys
        ]
    }


@operation("iam", "GetAccessKeyLastUsed")
def last_use(state: State, call: Call) -> Members:
    """Return whose key it is, and its last use. If it was never used, there is no date, and N/A for the rest (IAM API
    Reference).
    """
    key_id = call.parameters["AccessKeyId"]
    owner = next(
        (user for user in state.iam.users.values() if key_id in {key.access_key_id for key in user.access_keys}), None
    )
    if owner is None:
        raise Refusal("NoSuchEntity", f"The Access Key with id {key_id} cannot be found.", 404)
    at, service = state.key_last_used.get(key_id, (None, NOTHING))
    region = requested_region(f"{service}:", state.partition, state.region) if at else NOTHING
    return {
        "UserName": owner.name,
        "AccessKeyLastUsed": {"LastUsedDate": at, "ServiceName": service, "Region": region},
    }


@operation("iam", "UpdateAccessKey")
def update(state: State, call: Call) -> Members:
    """Set Active or Inactive, also for the key that signs the request."""
    named(call)
    _, key = _key(state, call)
    key.status = usable_status(call)
    return {}


def usable_status(call: Call) -> str:
    """Return the status. Raises Refusal InvalidInput for Expired, which the model has and no operation accepts."""
    status = str(call.parameters["Status"])
    if status == "Expired":
        raise Refusal("InvalidInput", "Operation does not support status Expired", 400)
    return status


@operation("iam", "DeleteAccessKey")
def delete(state: State, call: Call) -> Members:
    """Delete a key for good, active or not."""
    user, key = _key(state, call)
    user.access_keys.remove(key)
    state.iam.access_keys.pop(key.access_key_id, None)
    return {}
