"""Addresses at AWS."""

from __future__ import annotations

from app.aws.clients import SIGN_IN_HOSTS
from app.aws.iam import IamGateway
from app.errors import NotAllowed
from app.records import Person


def readable_alias(iam: IamGateway) -> str | None:
    """The account's alias; None where it has none or the policy does not show it."""
    try:
        return iam.account_alias()
    except NotAllowed:
        return None


def console_url(person: Person, alias: str | None) -> str:
    """The account's own console sign-in address (IAM User Guide)."""
    return f"https://{alias or person.account_id}.{SIGN_IN_HOSTS[person.partition]}/console"
