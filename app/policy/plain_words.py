"""Describe a document in plain words, statement by statement."""

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
from app.text.messages import N_, _, ngettext

_RESOURCES = {
    "user/${aws:username}": N_("the user’s own IAM user"),
    "user/*/${aws:username}": N_("the user’s own IAM user under any path"),
    "user/*": N_("every IAM user"),
    "mfa/${aws:username}": N_("the virtual MFA device with the user’s own name"),
    "mfa/${aws:username}/*": N_("virtual MFA devices under the user’s own name"),
    "mfa/*": N_("every virtual MFA device of the account"),
    "oauth2/public-client/localhost": N_("AWS Sign-In for a program on the same machine"),
    "oauth2/public-client/remote": N_("AWS Sign-In for a program on another machine"),
    "oauth2/public-client/*": N_("AWS Sign-In for programs"),
}
_TOGETHER = (
    ("user/${aws:username}", "user/*/${aws:username}", N_("the user’s own IAM user, with or without an IAM path")),
    ("mfa/${aws:username}", "mfa/${aws:username}/*", N_("virtual MFA devices with the user’s own name")),
    ("oauth2/public-client/localhost", "oauth2/public-client/remote", _RESOURCES["oauth2/public-client/*"]),
)
"""Two resources that policies name together, and one phrase for both."""
_CONDITIONS = {
    (
        "boolifexists",
        MFA.lower(),
        "false",
    ): N_("unless the session has MFA (an access key alone has none)"),
    (
        "bool",
        MFA.lower(),
        "false",
    ): N_("if the session says that it has no MFA (which an access key alone never says)"),
    ("bool", MFA.lower(), "true"): N_("if the session has MFA"),
    ("boolifexists", MFA.lower(), "true"): N_(
        "if the session has MFA, or says nothing about it, like an access key alone"
    ),
}


@dataclass(frozen=True)
class Words:
    """A statement in plain words. actions: pairs of a name as written and its meaning, "" for patterns."""

    place: Place
    denies: bool
    sentence: str
    actions: Sequence[tuple[str, str]]


def in_words(policy: ParsedPolicy) -> list[Words]:
    """Describe every statement, in the order of the document."""
    return [_words(each.place(), each.denies, written) for each, written in _pairs(policy)]


def _pairs(policy: ParsedPolicy) -> Iterator[tuple[ParsedStatement, Mapping[str, Any]]]:
    return zip(policy.statements, policy.source_statements, strict=True)


def _words(place: Place, denies: bool, statement: Mapping[str, Any]) -> Words:
    exempts = "NotAction" in statement
    actions = texts_of(statement["NotAction" if exempts else "Action"])
    everything = any(map(is_all, actions))
    conditions = [
        _condition_words(operator, key, texts_of(values))
        for operator, keys in (statement.get("Condition") or {}).items()
        for key, values in keys.items()
    ]
    what = _what(denies=denies, exempts=exempts, everything=everything, number=len(actions))
    where = _resource_words(statement)
    sentence = _("%(what)s %(where)s", what=what, where=where) if where else what
    if conditions:
        joined = _(" and ").join(conditions)
        sentence = _("%(effect)s, %(conditions)s.", effect=sentence, conditions=joined)
    else:
        sentence = _("%(effect)s.", effect=sentence)
    return Words(place, denies, sentence, [] if everything else [(action, _meaning(action)) for action in actions])


def _what(*, denies: bool, exempts: bool, everything: bool, number: int) -> str:
    """Say what a statement does, without its resources and conditions. number: how many actions it names."""
    if exempts and everything:
        if denies:
            return _("Denies nothing: NotAction exempts every action")
        return _("Allows nothing: NotAction exempts every action")
    if exempts and denies:
        return ngettext("Denies everything but this", "Denies everything but these %(num)d actions", number)
    if exempts:
        return ngettext("Allows everything but this", "Allows everything but these %(num)d actions", number)
    if everything:
        return _("Denies everything") if denies else _("Allows everything")
    if denies:
        return ngettext("Denies this", "Denies these %(num)d actions", number)
    return ngettext("Allows this", "Allows these %(num)d actions", number)


def _resource_words(statement: Mapping[str, Any]) -> str:
    unlike = "NotResource" in statement
    named = texts_of(statement["NotResource" if unlike else "Resource"])
    if not unlike and "*" in named:
        return ""
    names = {arn: arn.split(":", 5)[-1] for arn in named}
    known = {**_RESOURCES}
    for one, other, both in _TOGETHER:
        if {one, other} <= set(names.values()):
            known |= {one: both, other: both}
    phrases = dict.fromkeys(_(known[name]) if name in known else arn for arn, name in names.items())
    resources = _(" and ").join(phrases)
    if unlike:
        return _("on everything but %(resources)s", resources=resources)
    return _("on %(resources)s", resources=resources)


def _condition_words(operator: str, key: str, values: Sequence[Any]) -> str:
    wanted = wanted_words(values)
    known = _CONDITIONS.get((operator.lower(), key.lower(), wanted.lower()))
    if known:
        return _(known)
    return _("if %(key)s passes %(operator)s of %(values)s", key=key, operator=operator, values=wanted)


def wanted_words(values: Sequence[Any]) -> str:
    """Return the values of a condition as text: "true or false"."""
    written = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
    return _(" or ").join(written) or _("nothing")


def _meaning(action: str) -> str:
    if "*" not in action and "?" not in action:
        return description(real_name(action) or "")
    matching = covered(action)
    return ngettext("%(num)d action", "%(num)d actions", len(matching)) if matching else ""
