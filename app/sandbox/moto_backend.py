"""moto, behind the judge: it keeps the state, and gets requests rebuilt from what was authorized."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Lock
from traceback import extract_tb
from typing import Any
from urllib.parse import quote, urlencode

import moto
from botocore.model import OperationModel
from botocore.parsers import create_parser
from moto.core.utils import camelcase_to_underscores, method_names_from_class
from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.test import Client

from app.sandbox.api import Caller, Refusal, not_emulated
from app.sandbox.protocol.wire import Reading

_HOSTS = {
    "iam": "iam.amazonaws.com",
    "sts": "sts.amazonaws.com",
    "ec2": "ec2.us-east-1.amazonaws.com",
    "s3": "s3.amazonaws.com",
}
_S3_HEADERS = re.compile(
    r"content-type|content-md5|range|if-.*|x-amz-(acl|meta-.*|content-sha256|storage-class|checksum-.*|sdk-checksum-algorithm)"
)


@dataclass(frozen=True)
class Answer:
    """moto's answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


_THERE_ALREADY: dict[str, dict[str, Any]] = {
    "ec2": {
        "path": "/",
        "method": "POST",
        "data": {
            "Action": "RunInstances",
            "Version": "2016-11-15",
            "ImageId": "ami-12c6146b",
            "MinCount": "1",
            "MaxCount": "1",
        },
    },
    "s3": {"path": "/payroll", "method": "PUT"},
}
"""One instance and one bucket: EC2 has something to show, S3 something to refuse."""
_begun: dict[str, Client] = {}
_beginning = {service: Lock() for service in _HOSTS}


def _moto(service: str) -> Client:
    """Return a service of moto's, loaded on first use: EC2 alone takes as long to load as all others."""
    if service in _begun:
        return _begun[service]
    with _beginning[service]:
        if service not in _begun:
            client = Client(create_backend_app(service))  # type: ignore[arg-type]  # moto lists every name it has
            if service in _THERE_ALREADY:
                _fill(service, client, **_THERE_ALREADY[service])
            _begun[service] = client
    return _begun[service]


def _fill(service: str, client: Client, **asked: Any) -> None:
    scope = f"seed/20000101/us-east-1/{service}/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, Signature=0"}
    said = client.open(headers=headers, base_url=f"http://{_HOSTS[service]}", **asked)
    if said.status_code >= 300:
        raise RuntimeError(f"moto refused what {service} begins with: {said.status}")


class MotoFailed(Exception):
    """moto has the action but failed to perform it. The message says what failed, and in which of its files."""


def forward(reading: Reading, form: Mapping[str, str], caller: Caller) -> Answer:
    """Send an authorized request to moto. form: for query services, the parameters as they were authorized.

    Raises MotoFailed for errors in moto's own code. Errors in ours are raised as they are.
    """
    service, date = reading.service, reading.scope.date
    headers = {
        "Host": _HOSTS[service],
        # moto reads the region off the scope; the signature was checked already.
        "x-moto-account-id": caller.account_id,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={caller.access_key_id}/{date}/us-east-1/{service}"
        "/aws4_request, SignedHeaders=host, Signature=0",
    }
    if service == "s3":
        headers |= {name: value for name, value in reading.headers.items() if _S3_HEADERS.fullmatch(name)}
        asked: dict[str, Any] = {
            "path": quote(reading.path),  # read once, authorized, and written again in one way only
            "query_string": urlencode(reading.query),
            "method": reading.method,
            "data": reading.body,
        }
    else:
        asked = {"path": "/", "method": "POST", "data": dict(form)}
    client = _moto(service)
    try:
        said = client.open(headers=headers, base_url=f"http://{_HOSTS[service]}", **asked)
    except Exception as error:
        # moto has no exception for what it lacks: NotImplementedError here, KeyError or AttributeError there.
        if (place := _place_in_moto(error)) is None:
            raise
        raise MotoFailed(f"{type(error).__name__}: {error} ({place})") from error
    return Answer(said.status_code, tuple(said.headers.items()), said.get_data())


def _place_in_moto(error: Exception) -> str | None:
    """Return file and line of the last call in moto's code, None if the error was raised before moto was reached."""
    package = Path(moto.__file__).parent
    calls = [frame for frame in extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(package)]
    return f"{Path(calls[-1].filename).relative_to(package)}:{calls[-1].lineno}" if calls else None


def knows(service: str, action: str) -> bool:
    """Return whether moto has an action of a query service."""
    module, name = _RESPONSES[service]
    return camelcase_to_underscores(action) in method_names_from_class(getattr(import_module(module), name))


_RESPONSES = {
    "iam": ("moto.iam.responses", "IamResponse"),
    "sts": ("moto.sts.responses", "TokenResponse"),
    "ec2": ("moto.ec2.responses", "EC2Response"),
}


def checked_answer(service: str, action: str, answer: Answer) -> Answer:
    """Return the answer, if it has the service's own form.

    Raises Refusal if moto failed: it has the action, but not what was requested.
    """
    body = answer.body.lstrip()
    xml = not body or (body.startswith(b"<") and not body[:9].lower().startswith((b"<!doctype", b"<html")))
    plain = service == "s3" and answer.status < 300
    if answer.status >= 500 or not (xml or plain):
        raise not_emulated(service, action)
    if answer.status >= 300 and service == "ec2" and b"<Errors>" not in body:
        raise not_emulated(service, action)
    return answer


def members(operation: OperationModel, answer: Answer) -> dict[str, Any]:
    """Return moto's answer of a query service as members of the output shape. Raises Refusal for its errors."""
    parsed: dict[str, Any] = create_parser("query").parse(
        {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body},
        operation.output_shape,  # type: ignore[arg-type]  # None is fine for botocore, not for its stubs
    )
    if answer.status >= 300:
        error = parsed.get("Error", {})
        if "Code" not in error:
            raise not_emulated(operation.service_model.signing_name, operation.name)
        raise Refusal(error["Code"], error.get("Message", ""), answer.status)
    parsed.pop("ResponseMetadata", None)
    return parsed
