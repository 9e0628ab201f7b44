"""Addresses at AWS."""

from __future__ import annotations

from threading import Lock

from cachetools import TTLCache

from app.aws.clients import SIGN_IN_HOSTS
from app.aws.iam import IamGateway
from app.errors import NotAllowed
from app.records import Person

_aliases: TTLCache[str, str | None] = TTLCache(maxsize=10_000, ttl=300)
"""Per account and person, for five minutes: nearly every page shows it, and it changes once in years.

Per person, because what AWS shows to one it may keep from another.
"""
_lock = Lock()


def readable_alias(iam: IamGateway, person: Person) -> str | None:
    """The account's alias, up to five minutes old; None where it has none or the policy does not show it.

    Raises Throttled, Unanswered.
    """
    whose = person.arn
    with _lock:
        if whose in _aliases:
            return _aliases[whose]
    try:
        alias = iam.account_alias()
    except NotAllowed:
        return None
    with _lock:
        _aliases[whose] = alias
    return alias


def console_url(person: Person, alias: str | None) -> str:
    """The account's own console sign-in address (IAM User Guide)."""
    return f"https://{alias or person.account_id}.{SIGN_IN_HOSTS[person.partition]}/console"
