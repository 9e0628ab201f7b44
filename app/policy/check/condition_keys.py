"""Mistakes in the keys and operators of a Condition element.

Source: IAM User Guide, IAM policy validation check reference.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from app.policy.check.condition_lines import FAMILIES, Line
from app.policy.check.findings import Finding, Severity
from app.policy.places import Place, cut
from app.policy.reference.actions import services
from app.policy.reference.key_types import type_of
from app.policy.reference.request_context import ValueType

_DEPRECATED = {"aws:arn": "aws:PrincipalArn"}
_NAMED = {
    ValueType.ARN: ("an ARN", "ARNs, like ArnLike"),
    ValueType.STRING: ("text", "text, like StringEquals"),
    ValueType.NUMBER: ("a number", "numbers, like NumericLessThan"),
    ValueType.DATE: ("a date", "dates, like DateLessThan"),
    ValueType.BOOL: ("true or false", "truth values, Bool"),
    ValueType.IP: ("an IP address", "IP addresses, IpAddress"),
}


def empty_or_repeated(place: Place, condition: Mapping[str, Any]) -> Iterator[Finding]:
    """Operators without a key, keys without a value, and one key in two spellings."""
    for operator, keys in condition.items():
        if not keys:
            sentence = f"{cut(operator)} has no key, so it says nothing."
            yield Finding("empty-condition", Severity.NOTE, place, sentence, "Leave it out.")
        spelled: dict[str, str] = {}
        for key, given in keys.items():
            if key.lower() in spelled:
                sentence = f"{cut(operator)} has {spelled[key.lower()]} and {cut(key)}, which are the same key."
                remedy = "Write it once, with the values that are meant."
                yield Finding("repeated-key", Severity.ERROR, place, sentence, remedy)
            spelled.setdefault(key.lower(), cut(key))
            if given == []:
                sentence = f"{cut(key)} has no value to compare with."
                yield Finding("empty-condition", Severity.NOTE, place, sentence, "Give it the value that is meant.")


def deprecated_or_unknown(line: Line) -> Iterator[Finding]:
    """Keys AWS has replaced, and keys the reference does not know."""
    if newer := _DEPRECATED.get(line.key.lower()):
        sentence = f"{cut(line.key)} is deprecated."
        yield Finding("deprecated-key", Severity.WARNING, line.place, sentence, f"Write {newer}.")
    elif type_of(line.key) is None and line.key.partition(":")[0].lower() in ("aws", *services()):
        yield Finding(
            "unknown-key",
            Severity.WARNING,
            line.place,
            f"The reference that comes with Latchkey has no condition key {cut(line.key)}. If AWS has none either, "
            "no request has a value for it.",
            "Compare its spelling with the IAM User Guide and the Service Authorization Reference.",
        )


def unfitting(line: Line) -> Iterator[Finding]:
    """Operators for values of another kind, and ForAllValues where there is one value at most."""
    told = type_of(line.key)
    if told is None or not line.family:
        return
    value_type, several = told
    if line.qualifier == "forallvalues" and not several:
        yield Finding(
            "for-all-values",
            Severity.WARNING,
            line.place,
            f"ForAllValues is for keys with several values. {cut(line.key)} has one, and the condition also holds "
            "for requests without it.",
            "Leave ForAllValues: out. In a Deny put IfExists at the end of the operator, so that it goes on holding "
            "for requests without the key.",
        )
    seconds = line.family == "numeric" and line.key.lower() == "aws:epochtime"
    if value_type not in FAMILIES[line.family] and not seconds:
        is_a, operators = _NAMED[value_type]
        yield Finding(
            "operator-mismatch",
            Severity.WARNING,
            line.place,
            f"{cut(line.operator)} is not for {cut(line.key)}, whose value is {is_a}.",
            f"Use an operator for {operators}.",
        )


def wildcards(line: Line) -> Iterator[Finding]:
    """Wildcards where an operator takes them letter by letter."""
    if line.family != "string" or line.base.endswith("Like"):
        return
    if wild := next((value for value in line.values_with("") if re.search(r"[*?]", value)), None):
        yield Finding(
            "wildcard-without-like",
            Severity.WARNING,
            line.place,
            f"{cut(wild)} has a wildcard, but {cut(line.operator)} treats it as a literal character.",
            f"Write {'StringNotLike' if line.negated else 'StringLike'} if it is meant as a wildcard.",
        )
