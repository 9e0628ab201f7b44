"""Addresses at AWS."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from cachetools import TTLCache, cached

from app.aws.clients import SIGN_IN_HOSTS, start_read
from app.aws.iam import IamGateway
from app.errors import NoResponse, NotAllowed, Throttled
from app.sessions.contents import Person

KEPT = timedelta(minutes=5)
"""An alias changes once in years, and the most visited pages show it."""


def readable_alias(iam: IamGateway, person: Person) -> str | None:
    """Return the account's alias, at most `KEPT` old.

    None where it has none, or AWS doesn't say: no page depends on it.
    """
    try:
        return _alias(iam, person)
    except (NotAllowed, Throttled, NoResponse):
        return None  # not kept: the next page asks again


def alias_beside(iam: IamGateway, person: Person) -> Callable[[], str | None]:
    """Start to read `readable_alias` in parallel with other reads. If it is known already, no thread is used."""
    with _known_lock:
        at_hand = person.arn in _known
    return (lambda: readable_alias(iam, person)) if at_hand else start_read(lambda: readable_alias(iam, person))


# By person, because what AWS shows to one it may keep from another.
_known: TTLCache[str, str | None] = TTLCache(maxsize=10_000, ttl=KEPT.total_seconds())
_known_lock = Lock()


@cached(_known, key=lambda _, person: person.arn, lock=_known_lock)
def _alias(iam: IamGateway, _: Person) -> str | None:
    return iam.account_alias()


def console_url(person: Person, alias: str | None) -> str:
    """Return the address of the account's console sign-in (IAM User Guide)."""
    return f"https://{alias or person.account_id}.{SIGN_IN_HOSTS[person.partition]}/console"
