"""Addresses at AWS."""

from __future__ import annotations

from app.aws.iam import IamGateway
from app.errors import NotAllowed
from app.people import Person

_CONSOLE = {
    "aws": "signin.aws.amazon.com",
    "aws-cn": "signin.amazonaws.cn",
    "aws-us-gov": "signin.amazonaws-us-gov.com",
    "aws-eusc": "signin.amazonaws-eusc.eu",
}


def readable_alias(iam: IamGateway) -> str | None:
    """The account's alias; None where it has none or the policy does not show it."""
    try:
        return iam.account_alias()
    except NotAllowed:
        return None


def console_url(person: Person, alias: str | None) -> str:
    """The account's own console sign-in address (IAM User Guide)."""
    return f"https://{alias or person.account_id}.{_CONSOLE[person.partition]}/console"
