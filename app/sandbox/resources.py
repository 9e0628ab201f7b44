"""Which resource each call is authorized on (Service Authorization Reference; observed where it differs)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.policy.actions import resource_types
from app.sandbox.behaviours.users import stored
from app.sandbox.operations import Caller, Refusal
from app.sandbox.wire import Reading
from app.sandbox.world import World

_NAMED = {
    "group": "GroupName",
    "role": "RoleName",
    "instance-profile": "InstanceProfileName",
    "server-certificate": "ServerCertificateName",
    "policy": "PolicyName",
}
_BY_ARN = {"policy": "PolicyArn", "mfa": "SerialNumber", "oidc-provider": "OpenIDConnectProviderArn"}


def of_iam(world: World, caller: Caller, action: str, parameters: Mapping[str, Any]) -> str:
    """The ARN an IAM call is judged on, "*" where it supports none."""
    prefix = f"arn:{world.partition}:iam::{world.account_id}"
    kinds = resource_types(f"iam:{action}")
    if action == "ListVirtualMFADevices":
        return f"{prefix}:mfa/"  # observed in denials; SAR names no resource
    if action == "ListUsers":
        return f"{prefix}:user/"
    if action == "GetAccessKeyLastUsed":
        owner = next(
            (user for user in world.iam.users.values() if _holds(user, str(parameters.get("AccessKeyId", "")))), None
        )
        return str(owner.arn) if owner else f"{prefix}:user/"
    if "user" in kinds:
        name = parameters.get("UserName") or caller.user_name or ""
        user = None if action == "CreateUser" else stored(world, name)
        # The stored spelling and path count, not what was typed.
        return str(user.arn) if user else f"{prefix}:user{parameters.get('Path', '/')}{name}"
    if "mfa" in kinds:
        if "SerialNumber" in parameters:
            return str(parameters["SerialNumber"])
        return f"{prefix}:mfa{parameters.get('Path', '/')}{parameters.get('VirtualMFADeviceName', '')}"
    for kind in sorted(kinds):
        if kind in _BY_ARN and _BY_ARN[kind] in parameters:
            return str(parameters[_BY_ARN[kind]])
        if kind in _NAMED and _NAMED[kind] in parameters:
            name = str(parameters[_NAMED[kind]])
            # As for users: the stored path counts, and a request does not carry it.
            there = None if action.startswith("Create") else _stored_arn(world, kind, name)
            return there or f"{prefix}:{kind}{parameters.get('Path', '/')}{name}"
    return "*"


def _holds(user: Any, access_key_id: str) -> bool:
    return any(key.access_key_id == access_key_id for key in user.access_keys)


def _stored_arn(world: World, kind: str, name: str) -> str | None:
    shelves = {
        "group": world.iam.groups,
        "role": world.iam.roles,
        "instance-profile": world.iam.instance_profiles,
    }
    known = (thing for thing in shelves.get(kind, {}).values() if thing.name.lower() == name.lower())
    return next((str(thing.arn) for thing in known), None)


def printed(caller: Caller, action: str, resource: str) -> str:
    """How AWS names the resource in a denial (observed)."""
    if action != "ListUsers" and ":user/" in resource:
        return f"user {resource.rsplit('/', 1)[-1]}"
    return resource


_BUCKET = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
_OBJECT = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_PLAIN = {
    "list-type", "prefix", "delimiter", "max-keys", "marker", "continuation-token", "start-after", "encoding-type",
    "fetch-owner", "x-id", "max-buckets",
}  # fmt: skip


def of_s3(reading: Reading) -> tuple[str, str]:
    """(action, ARN) of an S3 request. Raises Refusal NotImplemented for what cannot be judged by method and path."""
    bucket, _, key = reading.path.lstrip("/").partition("/")
    odd = {name for name, _ in reading.query} - _PLAIN
    # moto reads the path once more, as an address: what it might take for something else is not handed on.
    unclear = ".." in reading.path.split("/") or "//" in reading.path or "?" in reading.path
    if odd or unclear or "x-amz-copy-source" in reading.headers:
        raise Refusal("NotImplemented", "The sandbox emulates buckets and objects, not their sub-resources.", 501)
    if not bucket:
        action, resource = ("ListAllMyBuckets" if reading.method == "GET" else ""), "*"
    elif not key:
        action, resource = _BUCKET.get(reading.method, ""), f"arn:aws:s3:::{bucket}"
    else:
        action, resource = _OBJECT.get(reading.method, ""), f"arn:aws:s3:::{bucket}/{key}"
    if not action:
        raise Refusal("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)
    return action, resource
