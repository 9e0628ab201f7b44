"""Errors in the form of the request's protocol."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

from app.sandbox.api import Refusal

_FAULT = {True: "Receiver", False: "Sender"}


def error(service: str, refusal: Refusal, request_id: str, *, speaks_json: bool = False) -> tuple[bytes, str]:
    """Return (body, content type): query XML for IAM, STS and unknown services, EC2's and S3's own form, or JSON."""
    code, message = refusal.code, refusal.message
    if speaks_json:
        return json.dumps({"__type": f"{code}Exception", "message": message}).encode(), "application/x-amz-json-1.0"
    code, message = escape(code), escape(message)
    if service == "ec2":
        xml = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        )
    elif service == "s3":
        xml = (
            f"<Error><Code>{code}</Code><Message>{message}</Message>"
            f"<RequestId>{request_id}</RequestId><HostId>sandbox</HostId></Error>"
        )
    else:
        space = "sts.amazonaws.com/doc/2011-06-15" if service == "sts" else "iam.amazonaws.com/doc/2010-05-08"
        xml = (
            f'<ErrorResponse xmlns="https://{space}/"><Error><Type>{_FAULT[refusal.status >= 500]}</Type>'
            f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + xml.encode(), "text/xml"
