"""Verify Signature Version 4 (IAM User Guide, "Create a signed AWS API request")."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from app.sandbox.api import Refusal
from app.sandbox.protocol.wire import Reading

TOLERANCE = timedelta(minutes=15)


def verify(reading: Reading, secret_access_key: str, now: datetime) -> None:
    """Check that this secret signed the request, that all of it is signed, and that it is current.

    Raises Refusal: SignatureDoesNotMatch 403 (wrong secret, changed request, stale or future date),
    IncompleteSignature 400.
    """
    signed_at = _date(reading)
    _fresh(reading, signed_at, now)
    scope = reading.scope
    payload = hashlib.sha256(reading.body).hexdigest()
    if reading.service == "s3" and reading.headers.get("x-amz-content-sha256") != payload:
        raise Refusal(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
            400,
        )
    canonical = "\n".join(
        (
            reading.method,
            reading.raw_path if reading.service == "s3" else quote(reading.raw_path, safe="/-_.~"),
            "&".join(
                sorted(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in reading.query)
            ),
            *(f"{name}:{' '.join(reading.headers.get(name, '').split())}" for name in scope.signed_headers),
            "",
            ";".join(scope.signed_headers),
            payload,
        )
    )
    credential_scope = f"{scope.date}/{scope.region}/{scope.service}/aws4_request"
    to_sign = "\n".join(
        (
            "AWS4-HMAC-SHA256",
            reading.headers["x-amz-date"],
            credential_scope,
            hashlib.sha256(canonical.encode()).hexdigest(),
        )
    )
    key = f"AWS4{secret_access_key}".encode()
    for part in (scope.date, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(key, to_sign.encode(), "sha256").hex(), scope.signature):
        raise Refusal(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
            403,
        )


def _date(reading: Reading) -> datetime:
    needed = {"host", "x-amz-date"}
    # What changes the meaning of a request has to be under the signature where it is sent.
    needed |= {name for name in reading.headers if name.startswith("x-amz-")}
    if reading.service == "s3":
        needed.add("x-amz-content-sha256")
    missing = sorted(needed - set(reading.scope.signed_headers))
    if missing or list(reading.scope.signed_headers) != sorted(set(reading.scope.signed_headers)):
        raise Refusal(
            "IncompleteSignature", f"Headers that must be signed are not: {', '.join(missing) or 'order'}.", 400
        )
    try:
        signed_at = datetime.strptime(reading.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except (ValueError, KeyError) as error:
        raise Refusal("IncompleteSignature", "Date must be in ISO-8601 'basic format'.", 400) from error
    if reading.headers["x-amz-date"][:8] != reading.scope.date:
        raise Refusal("SignatureDoesNotMatch", "Date in Credential scope does not match YYYYMMDD from the date.", 403)
    return signed_at


def _fresh(reading: Reading, signed_at: datetime, now: datetime) -> None:
    if abs(now - signed_at) <= TOLERANCE:
        return
    if reading.service == "s3":
        raise Refusal(
            "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.", 403
        )
    said, current = f"{signed_at:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%dT%H%M%SZ}"
    if signed_at < now:
        earliest = f"{now - TOLERANCE:%Y%m%dT%H%M%SZ}"
        text = f"Signature expired: {said} is now earlier than {earliest} ({current} - 15 min.)"
    else:
        latest = f"{now + TOLERANCE:%Y%m%dT%H%M%SZ}"
        text = f"Signature not yet current: {said} is still later than {latest} ({current} + 15 min.)"
    raise Refusal("SignatureDoesNotMatch", text, 403)
