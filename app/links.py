"""Addresses at AWS."""

from __future__ import annotations

from datetime import timedelta
from threading import Lock

from cachetools import TTLCache

from app.aws.clients import SIGN_IN_HOSTS
from app.aws.iam import IamGateway
from app.errors import NotAllowed, Throttled, Unanswered
from app.records import Person

KEPT = timedelta(minutes=5)
"""An alias changes once in years, and the pages one opens most show it."""
_aliases: TTLCache[str, str | None] = TTLCache(maxsize=10_000, ttl=KEPT.total_seconds())
"""By person, because what AWS shows to one it may keep from another."""
_lock = Lock()


def readable_alias(iam: IamGateway, person: Person) -> str | None:
    """The account's alias, at most `KEPT` old; None where it has none or AWS does not tell: no page depends on it."""
    whose = person.arn
    with _lock:
        if whose in _aliases:
            return _aliases[whose]
    try:
        alias = iam.account_alias()
    except (NotAllowed, Throttled, Unanswered):
        return None
    with _lock:
        _aliases[whose] = alias
    return alias


def console_url(person: Person, alias: str | None) -> str:
    """The account's own console sign-in address (IAM User Guide)."""
    return f"https://{alias or person.account_id}.{SIGN_IN_HOSTS[person.partition]}/console"
