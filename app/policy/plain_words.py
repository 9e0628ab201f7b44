"""A document in plain words, statement by statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.policy.documents import texts_of
from app.policy.parsed import ParsedPolicy, ParsedStatement
from app.policy.places import Place
from app.policy.reference.action_patterns import is_all
from app.policy.reference.actions import covered, description, real_name
from app.policy.reference.request_context import MFA_PRESENT as MFA

_RESOURCES = {
    "user/${aws:username}": "one’s own IAM user",
    "user/*/${aws:username}": "one’s own IAM user below any path",
    "user/*": "every IAM user",
    "mfa/${aws:username}": "the virtual MFA device with one’s own name",
    "mfa/${aws:username}/*": "virtual MFA devices below one’s own name",
    "mfa/*": "every virtual MFA device of the account",
    "oauth2/public-client/localhost": "AWS Sign-In for a program on the same machine",
    "oauth2/public-client/remote": "AWS Sign-In for a program on another machine",
    "oauth2/public-client/*": "AWS Sign-In for programs",
}
_CONDITIONS = {
    (
        "boolifexists",
        MFA.lower(),
        "false",
    ): "unless there was MFA (access keys, whose requests do not say, count as without)",
    (
        "bool",
        MFA.lower(),
        "false",
    ): "if the session says that there was no MFA (access keys, which say nothing, escape)",
    ("bool", MFA.lower(), "true"): "if there was MFA",
    ("boolifexists", MFA.lower(), "true"): "if there was MFA, or nothing is said about it (as with access keys)",
}


@dataclass(frozen=True)
class Words:
    """A statement in plain words. actions: pairs of a name as written and what it means, "" for patterns."""

    place: Place
    denies: bool
    sentence: str
    actions: Sequence[tuple[str, str]]


def in_words(policy: ParsedPolicy) -> list[Words]:
    """Every statement in words, in order, as it is written in the document."""
    return [_words(each.place(), each.denies, written) for each, written in _pairs(policy)]


def _pairs(policy: ParsedPolicy) -> Iterator[tuple[ParsedStatement, Mapping[str, Any]]]:
    return zip(policy.statements, policy.source_statements, strict=True)


def _words(place: Place, denies: bool, statement: Mapping[str, Any]) -> Words:
    exempts = "NotAction" in statement
    actions = texts_of(statement["NotAction" if exempts else "Action"])
    everything = any(map(is_all, actions))
    verb = "Denies" if denies else "Allows"
    what = "everything" if exempts or everything else "this" if len(actions) == 1 else f"these {len(actions)} actions"
    if exempts and everything:
        what = "nothing: NotAction spares every action"
    elif exempts:
        what += " but this" if len(actions) == 1 else f" but these {len(actions)} actions"
    conditions = [
        _condition_words(operator, key, texts_of(values))
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, values in keys.items()
    ]
    where = _resource_words(statement)
    sentence = f"{verb} {what}{where}{', ' if conditions else ''}{' and '.join(conditions)}."
    return Words(place, denies, sentence, [] if everything else [(action, _meaning(action)) for action in actions])


def _resource_words(statement: Mapping[str, Any]) -> str:
    unlike = "NotResource" in statement
    named = texts_of(statement["NotResource" if unlike else "Resource"])
    if not unlike and "*" in named:
        return ""
    phrases = dict.fromkeys(_RESOURCES.get(arn.split(":", 5)[-1], arn) for arn in named)
    return f" on {'everything but ' if unlike else ''}{' and '.join(phrases)}"


def _condition_words(operator: str, key: str, values: Sequence[Any]) -> str:
    wanted = wanted_words(values)
    known = _CONDITIONS.get((operator.lower(), key.lower(), wanted.lower()))
    return known or f"if {key} passes {operator} of {wanted}"


def wanted_words(values: Sequence[Any]) -> str:
    """The values of a condition: "true or false"."""
    written = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    return " or ".join(written) or "nothing"


def _meaning(action: str) -> str:
    if "*" not in action and "?" not in action:
        return description(real_name(action) or "")
    matching = covered(action)
    return f"{len(matching)} actions" if matching else ""
