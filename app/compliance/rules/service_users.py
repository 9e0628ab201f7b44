"""Which users are programs: the patterns of SERVICE_USERS. Pure.

Case makes no difference, because no two IAM users have names that differ by case only, and no user has two tags whose
keys do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from app.compliance.rules.sources import ForcedFacts
from app.compliance.rules.subjects import Subject, Terms
from app.compliance.rules.verdicts import UNKNOWN, Verdict
from app.text.messages import N_

Patterns = tuple[tuple[str, str], ...]
"""As `Terms.service_users` has them."""
_PASSWORD_UNKNOWN = Verdict(
    UNKNOWN, N_("Only a credential report shows whether this service user has a console password.")
)


class Classed(Protocol):
    """What a user's class depends on. A Subject has it."""

    @property
    def user_name(self) -> str:
        """Without the path."""

    @property
    def path(self) -> str:
        """The path in IAM: "/", or like "/service/"."""

    @property
    def forced(self) -> ForcedFacts | None:
        """None where the authorization details don't contain the user."""


def tag_keys(patterns: Patterns) -> list[str]:
    """Return the keys of the tags that the patterns name, in lower case."""
    return sorted({pattern.partition("=")[0].lower() for kind, pattern in patterns if kind == "tag"})


def named_tags(tags: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    """Return those of a user's tags whose keys are among these (`tag_keys`), by key in lower case."""
    by_key = {key.lower(): value for key, value in tags.items()}
    return {key: by_key[key] for key in keys if key in by_key}


def is_service_user(someone: Classed, terms: Terms) -> bool:
    """Return whether a pattern matches the user's name, path or tags. Tags that aren't known match none."""
    return any(_matches(someone, kind, pattern.lower()) for kind, pattern in terms.service_users)


def class_unknown(someone: Classed, terms: Terms) -> bool:
    """Might a tag make a service user of someone who is judged as a person, because their tags aren't known?"""
    return someone.forced is None and bool(tag_keys(terms.service_users)) and not is_service_user(someone, terms)


def _matches(someone: Classed, kind: str, pattern: str) -> bool:
    if kind == "name":
        return fnmatchcase(someone.user_name.lower(), pattern)
    if kind == "path":
        return fnmatchcase(someone.path.lower(), pattern)
    key, _, value = pattern.partition("=")
    tag = someone.forced.get("tags", {}).get(key) if someone.forced else None
    return tag is not None and fnmatchcase(tag.lower(), value)


def exempt(someone: Subject, terms: Terms) -> Verdict | Literal[False] | None:
    """Return False for everyone whom rules about MFA judge as usual.

    None: the rule isn't about service users without a password. A verdict: it isn't known whether they have one.
    """
    if not terms.service_users or someone.password or not is_service_user(someone, terms):
        return False
    return None if someone.password is False else _PASSWORD_UNKNOWN
