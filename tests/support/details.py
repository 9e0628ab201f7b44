"""Authorization details as the AWS CLI prints them, entry by entry."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

ACCOUNT = "123456789012"
NOW = datetime(2026, 9, 2, tzinfo=UTC)
IAM = f"arn:aws:iam::{ACCOUNT}"
ALLOW = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Reads", "Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
EDGE = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": f"{IAM}:policy/edge"}


def managed(name: str, document: Any, owner: str = ACCOUNT) -> dict[str, Any]:
    arn = f"arn:aws:iam::{owner}:policy/{name}"
    old = {"Document": {"Version": "2012-10-17", "Statement": []}, "VersionId": "v1", "IsDefaultVersion": False}
    new = {"Document": document, "VersionId": "v2", "IsDefaultVersion": True, "CreateDate": "2026-02-01T10:00:00Z"}
    return {"PolicyName": name, "Arn": arn, "DefaultVersionId": "v2", "PolicyVersionList": [old, new]}


def attached(*names: str, owner: str = ACCOUNT) -> list[dict[str, str]]:
    return [{"PolicyName": name, "PolicyArn": f"arn:aws:iam::{owner}:policy/{name}"} for name in names]


def user(name: str, **more: Any) -> dict[str, Any]:
    made = {"UserName": name, "UserId": f"AIDA{name.upper():0<17}", "Arn": f"{IAM}:user/{name}", "Path": "/"}
    return {**made, "CreateDate": "2026-01-01T10:00:00+00:00", **more}


def group(name: str, *policies: str, **more: Any) -> dict[str, Any]:
    """A group with managed policies of the account."""
    return {
        "GroupName": name,
        "Arn": f"{IAM}:group/{name}",
        "GroupPolicyList": [],
        "AttachedManagedPolicies": attached(*policies),
        **more,
    }
