"""Any request of any AWS service, signed and sent as it is: for requests that policies decide about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import botocore.session
import urllib3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import Shape

from app.policy.reference.actions import real_name

_MODELS = botocore.session.Session()
_OBJECT = {"GetObject": "GET", "PutObject": "PUT", "DeleteObject": "DELETE"}
_BUCKET = {"ListBucket": "GET", "CreateBucket": "PUT", "DeleteBucket": "DELETE"}
_NAMES = {"user": "UserName", "group": "GroupName", "role": "RoleName", "mfa": "VirtualMFADeviceName"}
_ARNS = {"policy": "PolicyArn", "mfa": "SerialNumber"}


@dataclass(frozen=True)
class Written:
    """A request, not yet signed. service: signing name."""

    service: str
    method: str = "POST"
    path: str = "/"
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    region: str = "us-east-1"


@dataclass(frozen=True)
class Answered:
    """status: of HTTP. code: of the error, "" where there is none."""

    status: int
    code: str

    @property
    def denied(self) -> bool:
        """Do policies refuse it, in the words of whichever service?"""
        return self.code in ("AccessDenied", "UnauthorizedOperation", "AccessDeniedException")


def written(action: str, resource: str, context: Mapping[str, Any]) -> Written:
    """A request about a resource, with the condition keys that a client sends. Raises LookupError for others."""
    service, _, name = (real_name(action) or action).partition(":")
    headers = {"User-Agent": str(context["aws:UserAgent"])} if "aws:UserAgent" in context else {}
    region = str(context.get("aws:RequestedRegion", "us-east-1"))
    if service == "s3":
        return _of_s3(name, resource, context, headers, region)
    if service in ("iam", "sts", "ec2"):
        model = _MODELS.get_service_model(service)
        if name not in model.operation_names:
            raise LookupError(action)
        shape = model.operation_model(name).input_shape
        given = {**_about(resource), **_tags(context)}
        form = _form(shape, given) if shape else {}
        version = {"Action": name, "Version": str(model.api_version)}
        return Written(service, form=version | form, headers=headers, region=region)
    return Written(service, headers=headers | {"X-Amz-Target": f"Any.{name}"}, region=region)


def _of_s3(name: str, resource: str, context: Mapping[str, Any], headers: Mapping[str, str], region: str) -> Written:
    query = {key: str(context[f"s3:{key}"]) for key in ("prefix", "max-keys", "delimiter") if f"s3:{key}" in context}
    if name == "ListAllMyBuckets":
        return Written("s3", "GET", query=query, headers=headers, region=region)
    methods = _OBJECT if name in _OBJECT else _BUCKET
    if name not in methods:
        raise LookupError(name)
    path = "/" + quote(resource.split(":", 5)[5], safe="/-_.~")
    return Written("s3", methods[name], path, query, headers=headers, region=region)


def _about(resource: str) -> dict[str, Any]:
    """Parameters that name a resource."""
    if not resource.startswith("arn:"):
        return {}
    kind, _, rest = resource.split(":", 5)[5].partition("/")
    path, _, name = rest.rpartition("/")
    given: dict[str, Any] = {"Path": f"/{path}/" if path else "/"}
    if kind in _NAMES:
        given[_NAMES[kind]] = name
    if kind in _ARNS:
        given[_ARNS[kind]] = resource
    return given | ({"RoleArn": resource} if kind == "role" else {})


def _tags(context: Mapping[str, Any]) -> dict[str, Any]:
    keys = context.get("aws:TagKeys", ())
    listed = [keys] if isinstance(keys, str) else list(keys)
    return {"Tags": [{"Key": key, "Value": "x"} for key in listed], "TagKeys": listed} if listed else {}


def _form(shape: Shape, given: Mapping[str, Any]) -> dict[str, str]:
    """Query parameters: what is given and the operation has, and something valid for what else it requires."""
    found: dict[str, str] = {}
    members: Mapping[str, Shape] = getattr(shape, "members", {})
    for name, member in members.items():
        if name in given:
            found |= _flat(name, given[name])
        elif name in getattr(shape, "required_members", ()):
            found |= _flat(name, _valid(member))
    return found


def _flat(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, list):
        return {
            key: text for at, each in enumerate(value, 1) for key, text in _flat(f"{name}.member.{at}", each).items()
        }
    if isinstance(value, Mapping):
        return {key: text for inner, each in value.items() for key, text in _flat(f"{name}.{inner}", each).items()}
    return {name: str(value)}


def _valid(shape: Shape) -> Any:
    if shape.type_name == "list":
        return [_valid(shape.member)]  # type: ignore[attr-defined]  # botocore-stubs knows only the base class
    if shape.type_name == "structure":
        return {name: _valid(member) for name, member in shape.members.items()}  # type: ignore[attr-defined]  # likewise
    if shape.type_name in ("integer", "long"):
        return shape.metadata.get("min", 1)
    if shape.type_name == "boolean":
        return "true"
    choices = shape.metadata.get("enum")
    digits = r"[\d]" in str(shape.metadata.get("pattern", ""))
    return choices[0] if choices else ("1" if digits else "x") * max(int(shape.metadata.get("min", 1)), 1)


class Sender:
    """Signs and sends to one address."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._pool = urllib3.PoolManager()

    def send(self, request: Written, access_key_id: str, secret: str, token: str | None = None) -> Answered:
        """Send it with these credentials."""
        url = self.url.rstrip("/") + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        headers = dict(request.headers)
        if request.form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        prepared = AWSRequest(request.method, url, headers, urlencode(request.form).encode())
        credentials = Credentials(access_key_id, secret, token)
        signer = S3SigV4Auth if request.service == "s3" else SigV4Auth
        signer(credentials, request.service, request.region).add_auth(prepared)
        answer = self._pool.request(
            request.method, url, body=prepared.body, headers=dict(prepared.headers.items()), redirect=False
        )
        text = answer.data.decode(errors="replace")
        code = re.search(r"<Code>([^<]*)</Code>|\"__type\":\s*\"(?:[^\"#]*#)?([^\"]*)\"", text)
        return Answered(answer.status, (code[1] or code[2]) if code and answer.status >= 300 else "")
