"""Find the published document that a policy resembles most. Order, Sids and grouping don't count."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.policy.documents import PLACEHOLDER, VARIANTS, read, statements_of, texts_of

Line = tuple[str, str, str, str]
"""(what it does, action, resource, condition)"""
LIKE_ENOUGH = 0.4
"""Below this share of common lines it is a document of its own."""


@dataclass(frozen=True)
class Likeness:
    """The most similar published document. more, less: what this document adds to it and what it leaves out."""

    name: str
    share: float
    """Of lines in common, 0 to 1."""
    more: tuple[str, ...]
    less: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Return whether both say exactly the same."""
        return not self.more and not self.less

    def as_json(self) -> dict[str, Any]:
        """Return the comparison as a JSON object for programs."""
        return {
            "document": self.name,
            "share": round(self.share, 3),
            "more": list(self.more),
            "less": list(self.less),
        }


def likeness(document: Mapping[str, Any]) -> Likeness | None:
    """Return the published document that has the most in common with this one, or None if it resembles none.

    document: one that `evaluation.compiled` accepts.
    """
    lines = frozenset(_lines(document))

    def share(name: str) -> float:
        known = _known(name)
        return len(lines & known) / len(lines | known)

    nearest = max(VARIANTS, key=share)
    if share(nearest) < LIKE_ENOUGH:
        return None
    known = _known(nearest)
    return Likeness(
        nearest,
        share(nearest),
        tuple(_in_words(line) for line in sorted(lines - known)),
        tuple(_in_words(line) for line in sorted(known - lines)),
    )


@cache
def _known(name: str) -> frozenset[Line]:
    return frozenset(_lines(read(name)))


def _lines(document: Mapping[str, Any]) -> Iterator[Line]:
    for statement in statements_of(document):
        condition = json.dumps(_plain(statement.get("Condition") or {}), sort_keys=True)
        effect = "allows" if statement["Effect"] == "Allow" else "denies"
        no_action, no_resource = "NotAction" in statement, "NotResource" in statement
        doing = f"{effect} all but" if no_action else effect
        places = [_anywhere(where) for where in texts_of(statement["NotResource" if no_resource else "Resource"])]
        for action in texts_of(statement["NotAction" if no_action else "Action"]):
            for where in places:
                yield doing, action.lower(), ("all but " if no_resource else "") + where, condition


def _plain(condition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value so that one value and a list of one, text and boolean, compare as equal."""
    return {
        operator: {
            key.lower(): sorted(str(value).lower() for value in texts_of(values)) for key, values in keys.items()
        }
        for operator, keys in condition.items()
    }


def _anywhere(arn: str) -> str:
    """Return a text without its account and partition."""
    parts = arn.split(":", 5)
    if len(parts) == 6:
        parts[1] = "aws"
        if re.fullmatch(r"\d{12}", parts[4]):
            parts[4] = PLACEHOLDER
    return ":".join(parts)


@cache
def _spelling() -> dict[str, str]:
    from app.policy.reference.actions import all_actions  # noqa: PLC0415 # tens of megabytes, only for telling differences

    return {action.lower(): action for service in ("iam", "sts", "signin") for action in all_actions(service)}


def _in_words(line: Line) -> str:
    doing, action, resource, condition = line
    named = _spelling().get(action, action)
    where = "" if resource == "*" else f" on {resource}"
    return f"{doing} {named}{where}" + ("" if condition == "{}" else f" if {condition}")
