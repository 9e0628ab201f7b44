"""Addresses at AWS."""

from __future__ import annotations

from datetime import timedelta
from threading import Lock

from cachetools import TTLCache, cached

from app.aws.clients import SIGN_IN_HOSTS
from app.aws.iam import IamGateway
from app.errors import NotAllowed, Throttled, Unanswered
from app.records import Person

KEPT = timedelta(minutes=5)
"""An alias changes once in years, and the pages one opens most show it."""


def readable_alias(iam: IamGateway, person: Person) -> str | None:
    """The account's alias, at most `KEPT` old; None where it has none or AWS does not tell: no page depends on it."""
    try:
        return _alias(iam, person)
    except (NotAllowed, Throttled, Unanswered):
        return None  # not kept: the next page asks again


# By person, because what AWS shows to one it may keep from another.
@cached(TTLCache(maxsize=10_000, ttl=KEPT.total_seconds()), key=lambda _, person: person.arn, lock=Lock())
def _alias(iam: IamGateway, _: Person) -> str | None:
    return iam.account_alias()


def console_url(person: Person, alias: str | None) -> str:
    """The account's own console sign-in address (IAM User Guide)."""
    return f"https://{alias or person.account_id}.{SIGN_IN_HOSTS[person.partition]}/console"
