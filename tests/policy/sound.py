"""A policy that forces MFA, to write things into that people write, and what is found in it."""

from __future__ import annotations

import json
from typing import Any

from app.policy.check.all_checks import check
from app.policy.check.findings import Finding, Severity

Document = dict[str, Any]
ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}:"
SPARED = [
    "iam:ListMFADevices",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:ResyncMFADevice",
    "iam:ChangePassword",
]
FORCED = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}


def sound(*more: dict[str, Any], account: str = ACCOUNT, own: str = "${aws:username}", **deny: Any) -> Document:
    """A policy that forces MFA; statement 2 is the deny, what follows comes beside it."""
    named = f"arn:aws:iam::{account}:"
    statements = [
        {"Effect": "Allow", "Action": [a for a in SPARED if "Create" not in a], "Resource": f"{named}user/{own}"},
        {"Effect": "Allow", "Action": SPARED[1], "Resource": f"{named}mfa/{own}"},
        {"Effect": "Deny", "NotAction": SPARED, "Resource": "*", "Condition": FORCED, **deny},
        *more,
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def findings(document: Document, *codes: str) -> list[Finding]:
    return [each for each in check(json.dumps(document)).findings if not codes or each.code in codes]


def errors(document: Document) -> list[str]:
    return [each.code for each in findings(document) if each.severity is Severity.ERROR]


def allow(action: Any, resource: Any = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}
