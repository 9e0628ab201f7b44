"""Which action, resource and condition keys an S3 request means, from its method, path and query."""

from __future__ import annotations

from app.policy.reference.actions import condition_keys
from app.sandbox.api import Refusal
from app.sandbox.auth.permission_requests import Question
from app.sandbox.protocol.wire import Reading

_BUCKET = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
_OBJECT = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_PLAIN = {
    "list-type", "prefix", "delimiter", "max-keys", "marker", "continuation-token", "start-after", "encoding-type",
    "fetch-owner", "x-id", "max-buckets",
}  # fmt: skip
_IN_QUERY = ("prefix", "delimiter", "max-keys")


def of_s3(reading: Reading, account_id: str) -> Question:
    """Return what an S3 request needs permission for.

    Raises Refusal: NotImplemented for what method and path don't tell, MethodNotAllowed.
    """
    bucket, _, key = reading.path.lstrip("/").partition("/")
    odd = {name for name, _ in reading.query} - _PLAIN
    # moto reads the path again, as an address, so what it could mistake for something else isn't passed on.
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
    context = {
        "s3:authType": "REST-HEADER",
        "s3:signatureversion": "AWS4-HMAC-SHA256",
        **_said(reading, f"s3:{action}"),
    }
    if bucket:
        context |= {"aws:ResourceAccount": account_id, "s3:ResourceAccount": account_id}
    return Question(f"s3:{action}", resource, context)


def _said(reading: Reading, action: str) -> dict[str, str]:
    """Return the condition keys named like parameters and headers, as far as the action has them."""
    given = {**reading.headers, **{name: value for name, value in reading.query if name in _IN_QUERY}}
    return {key: given[key[3:]] for key in condition_keys(action) if key[3:] in given}
