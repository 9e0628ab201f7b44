"""Read an HTTP request in the only possible way, or refuse it.

Whatever two layers could read differently is refused here. What is passed on is built from this reading alone, so no
later layer sees the original request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from app.sandbox.api import Refusal

LARGEST_BODY = 5 * 1024 * 1024
EMULATED = ("iam", "sts", "ec2", "s3", "organizations")
JSON_SERVICES = ("organizations",)
QUERY_SERVICES = ("iam", "sts", "ec2")

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[A-Za-z0-9]{16,128})/(?P<date>\d{8})/(?P<region>[a-z0-9-]+)"
    r"/(?P<service>[a-z0-9-]+)/aws4_request, *SignedHeaders=(?P<headers>[a-z0-9;_-]+)"
    r", *Signature=(?P<signature>[0-9a-f]{64})"
)
_PRESIGNED = re.compile(
    r"x-amz-(algorithm|credential|signature|security-token|date|signedheaders|expires)|awsaccesskeyid|signature", re.I
)


@dataclass(frozen=True)
class Scope:
    """The parts of the Authorization header."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str = field(repr=False)


@dataclass(frozen=True)
class Reading:
    """A request, read once."""

    method: str
    raw_path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str] = field(repr=False)
    """Names in lower case."""
    body: bytes = field(repr=False)
    form: Mapping[str, str] = field(repr=False)
    """Parameters of the query protocol; empty for others."""
    scope: Scope
    address: str

    @property
    def service(self) -> str:
        """Return the signing name."""
        return self.scope.service

    @property
    def speaks_json(self) -> bool:
        """Return whether the service has a JSON protocol. Errors of such services are in JSON even if they
        aren't emulated.
        """
        return self.service in JSON_SERVICES or (self.service not in EMULATED and not _is_form(self.headers))

    @property
    def path(self) -> str:
        """Return the decoded path."""
        return unquote(self.raw_path)


def headers_of(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the request's headers, names in lower case. A header that was sent twice is joined by a comma."""
    headers = {
        key[5:].replace("_", "-").lower(): str(value) for key, value in environ.items() if key.startswith("HTTP_")
    }
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(key):
            headers[key.replace("_", "-").lower()] = str(environ[key])
    return headers


def read(environ: Mapping[str, Any], own_hosts: frozenset[str]) -> Reading:
    """Read the request. Raises Refusal if it is unsigned, ambiguous or not emulated."""
    headers = headers_of(environ)
    if headers.get("host") not in own_hosts:
        raise Refusal("InvalidHost", "The Host header is not this sandbox's address.", 400)
    target = urlsplit(str(environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ.get("PATH_INFO") or "/"))
    raw_path = target.path or "/"
    query = tuple(_pairs(target.query))
    for name, _ in query:
        if _PRESIGNED.fullmatch(name):
            raise Refusal("InvalidRequest", "Presigned requests are not emulated: sign in the header.", 400)
    scope = _scope(headers)
    body = _body(environ, headers)
    form: dict[str, str] = {}
    if scope.service in QUERY_SERVICES or _is_form(headers):
        form = _form(scope.service, str(environ["REQUEST_METHOD"]), raw_path, query, headers, body)
    _consistent(scope, raw_path)
    return Reading(
        str(environ["REQUEST_METHOD"]),
        raw_path,
        query,
        headers,
        body,
        form,
        scope,
        str(environ.get("REMOTE_ADDR", "")),
    )


def _scope(headers: Mapping[str, str]) -> Scope:
    authorization = headers.get("authorization")
    if not authorization:
        raise Refusal("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    found = _AUTHORIZATION.fullmatch(authorization.strip())
    if not found:
        raise Refusal("IncompleteSignature", "The Authorization header is not a complete AWS4-HMAC-SHA256 one.", 400)
    return Scope(
        found["key"],
        found["date"],
        found["region"],
        found["service"],
        tuple(found["headers"].split(";")),
        found["signature"],
    )


def _body(environ: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    if "transfer-encoding" in headers or headers.get("content-encoding", "identity") not in ("identity", ""):
        raise Refusal("NotImplemented", "Chunked and encoded bodies are not emulated.", 501)
    length = headers.get("content-length") or "0"
    if not length.isascii() or not length.isdigit() or int(length) > LARGEST_BODY:
        raise Refusal("RequestEntityTooLarge", "The body's length is missing, wrong or too large.", 413)
    body: bytes = environ["wsgi.input"].read(int(length)) if int(length) else b""
    if len(body) != int(length):
        raise Refusal("IncompleteBody", "The body is shorter than its Content-Length.", 400)
    return body


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=2000)
    except ValueError as error:
        raise Refusal("MalformedQueryString", "The parameters cannot be read.", 400) from error
    return pairs


def _is_form(headers: Mapping[str, str]) -> bool:
    return headers.get("content-type", "").split(";")[0].strip().lower() == "application/x-www-form-urlencoded"


def _form(
    service: str,
    method: str,
    raw_path: str,
    query: tuple[tuple[str, str], ...],
    headers: Mapping[str, str],
    body: bytes,
) -> dict[str, str]:
    if service in QUERY_SERVICES and raw_path != "/":
        raise Refusal("InvalidRequest", f"{service} answers at / only.", 404)
    if method == "GET" and not body:
        pairs = list(query)
    elif method == "POST" and not query and _is_form(headers):
        try:
            pairs = _pairs(body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise Refusal("MalformedQueryString", "The body is not UTF-8.", 400) from error
    else:
        raise Refusal("InvalidRequest", "Parameters come either in the query string or in a form body.", 400)
    form = dict(pairs)
    if len(form) != len(pairs):
        raise Refusal("MalformedQueryString", "A parameter is given twice.", 400)
    return form


def _consistent(scope: Scope, raw_path: str) -> None:
    if raw_path.startswith(("/moto-api", "/latest/", "/_sandbox")):
        raise Refusal("InvalidRequest", "There is no such resource.", 404)
    if scope.service in ("iam",) and scope.region != "us-east-1":
        raise Refusal("SignatureDoesNotMatch", "Credential should be scoped to a valid region.", 403)
