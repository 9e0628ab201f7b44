"""Find mistakes in the keys and operators of a Condition element.

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
from app.text.messages import N_, _

_DEPRECATED = {"aws:arn": "aws:PrincipalArn"}
_NAMED = {
    ValueType.ARN: (
        N_("%(operator)s is not for %(key)s, whose value is an ARN."),
        N_("Use an operator for ARNs, like ArnLike."),
    ),
    ValueType.STRING: (
        N_("%(operator)s is not for %(key)s, whose value is text."),
        N_("Use an operator for text, like StringEquals."),
    ),
    ValueType.NUMBER: (
        N_("%(operator)s is not for %(key)s, whose value is a number."),
        N_("Use an operator for numbers, like NumericLessThan."),
    ),
    ValueType.DATE: (
        N_("%(operator)s is not for %(key)s, whose value is a date."),
        N_("Use an operator for dates, like DateLessThan."),
    ),
    ValueType.BOOL: (
        N_("%(operator)s is not for %(key)s, whose value is true or false."),
        N_("Use Bool, the operator for true and false."),
    ),
    ValueType.IP: (
        N_("%(operator)s is not for %(key)s, whose value is an IP address."),
        N_("Use IpAddress, the operator for IP addresses."),
    ),
}
"""What to say of an operator for values of another type, and what to do."""


def empty_or_repeated(place: Place, condition: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield findings for operators without a key, keys without a value, and keys that appear in two spellings."""
    for operator, keys in condition.items():
        if not keys:
            sentence = _("%(operator)s has no key, so it checks nothing.", operator=cut(operator))
            yield Finding("empty-condition", Severity.NOTE, place, sentence, _("Leave it out."))
        spelled: dict[str, str] = {}
        for key, given in keys.items():
            if key.lower() in spelled:
                sentence = _(
                    "%(operator)s has %(spelled)s and %(key)s, which are the same condition key.",
                    operator=cut(operator),
                    spelled=spelled[key.lower()],
                    key=cut(key),
                )
                remedy = _("Write it once, with the values you mean.")
                yield Finding("repeated-key", Severity.ERROR, place, sentence, remedy)
            spelled.setdefault(key.lower(), cut(key))
            if given == []:
                sentence = _("%(key)s has no value to compare with.", key=cut(key))
                yield Finding("empty-condition", Severity.NOTE, place, sentence, _("Add the value you mean."))


def deprecated_or_unknown(line: Line) -> Iterator[Finding]:
    """Yield findings for keys that AWS has replaced, and for keys that the reference doesn't have."""
    if newer := _DEPRECATED.get(line.key.lower()):
        sentence = _("%(key)s is deprecated.", key=cut(line.key))
        yield Finding("deprecated-key", Severity.WARNING, line.place, sentence, _("Write %(newer)s.", newer=newer))
    elif type_of(line.key) is None and line.key.partition(":")[0].lower() in ("aws", *services()):
        yield Finding(
            "unknown-key",
            Severity.WARNING,
            line.place,
            _(
                "The reference that comes with Latchkey has no condition key %(key)s. If AWS has none "
                "either, no request has a value for it.",
                key=cut(line.key),
            ),
            _("Compare its spelling with the IAM User Guide and the Service Authorization Reference."),
        )


def mismatched(line: Line) -> Iterator[Finding]:
    """Yield findings for operators that don't match the type of the key, and for ForAllValues on a key with one value
    at most.
    """
    key_type = type_of(line.key)
    if key_type is None or not line.family:
        return
    value_type, several = key_type
    if line.qualifier == "forallvalues" and not several:
        yield Finding(
            "for-all-values",
            Severity.WARNING,
            line.place,
            _(
                "ForAllValues is for keys with several values. %(key)s has one, and the condition also "
                "holds for requests without it.",
                key=cut(line.key),
            ),
            _(
                "Remove ForAllValues:. In a Deny, add IfExists to the end of the operator, so that it still "
                "applies to requests without the key."
            ),
        )
    seconds = line.family == "numeric" and line.key.lower() == "aws:epochtime"
    if value_type not in FAMILIES[line.family] and not seconds:
        sentence, remedy = _NAMED[value_type]
        yield Finding(
            "operator-mismatch",
            Severity.WARNING,
            line.place,
            _(sentence, operator=cut(line.operator), key=cut(line.key)),
            _(remedy),
        )


def wildcards(line: Line) -> Iterator[Finding]:
    """Yield findings for wildcards with operators that compare them literally."""
    if line.family != "string" or line.base.endswith("Like"):
        return
    if wild := next((value for value in line.values_with("") if re.search(r"[*?]", value)), None):
        yield Finding(
            "wildcard-without-like",
            Severity.WARNING,
            line.place,
            _(
                "%(wild)s has a wildcard, but %(operator)s treats it as a literal character.",
                wild=cut(wild),
                operator=cut(line.operator),
            ),
            _(
                "If it is meant as a wildcard, write %(operator)s.",
                operator="StringNotLike" if line.negated else "StringLike",
            ),
        )
