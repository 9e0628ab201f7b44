"""Condition operators as the IAM User Guide describes them, compiled to functions of a request."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from app.policy.patterns import ArnPattern, Context, Pattern, value_of, variable_key

Test = Callable[[Context], bool]
Comparison = Callable[[str, str], bool]
"""(value of the request, value of the policy) -> does it hold?"""


class UnknownOperator(ValueError):
    """There is no operator of this name."""


@dataclass(frozen=True)
class Condition:
    """One line of a Condition element. key: as written. wanted: its values, any of which may match."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    variables: bool
    """Are there variables in its values?"""
    holds: Test = field(compare=False, repr=False)
    """Of a context with keys in lower case. Raises Absent."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Return every key the condition uses, as written: its own first, then those that variables in its values
        name.
        """
        named = [variable_key(each) for value in self.wanted for each in _VARIABLE.findall(value)]
        inside = [each for each in named if each] if self.variables else []
        return tuple(dict.fromkeys((self.key, *inside)))


def _moment(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(text), UTC)  # epoch seconds are allowed
    except ValueError:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _within(value: str, block: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(block, strict=False)


def _ordered(prefix: str, read: Callable[[str], Any]) -> dict[str, Comparison]:
    return {
        f"{prefix}Equals": lambda value, wanted: bool(read(value) == read(wanted)),
        f"{prefix}LessThan": lambda value, wanted: bool(read(value) < read(wanted)),
        f"{prefix}LessThanEquals": lambda value, wanted: bool(read(value) <= read(wanted)),
        f"{prefix}GreaterThan": lambda value, wanted: bool(read(value) > read(wanted)),
        f"{prefix}GreaterThanEquals": lambda value, wanted: bool(read(value) >= read(wanted)),
    }


def _same(value: str, wanted: str) -> bool:
    return value == wanted


def _same_letters(value: str, wanted: str) -> bool:
    return value.casefold() == wanted.casefold()


# StringLike and the Arn operators match patterns: variables inside them are put in with their wildcards quoted.
LIKE = {"StringLike", "ArnEquals", "ArnLike"}
COMPARISONS: dict[str, Comparison] = {
    "StringEquals": _same,
    "StringEqualsIgnoreCase": _same_letters,
    "Bool": _same_letters,
    "BinaryEquals": _same,
    "IpAddress": _within,
    **_ordered("Numeric", float),
    **_ordered("Date", _moment),
}
NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}
_BY_NAME = {name.lower(): name for name in (*COMPARISONS, *LIKE, *NEGATED)}
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def _resolver(text: str, variables: bool) -> Callable[[Context], str]:
    if not variables or "${" not in text:
        return lambda _: text
    return lambda context: _VARIABLE.sub(lambda found: value_of(found[1], context), text)


def _holds(base: str, wanted: str, variables: bool) -> Callable[[str, Context], bool]:
    """Return whether one value of the request matches one value of the policy. A value that can't be read never
    matches.
    """
    if base == "StringLike":
        pattern = Pattern(wanted, variables=variables)
        return pattern.matches
    if base in LIKE:
        return ArnPattern(wanted, variables=variables).matches
    compare, resolved = COMPARISONS[base], _resolver(wanted, variables)

    def compared(value: str, context: Context) -> bool:
        try:
            return compare(value, resolved(context))
        except (ValueError, OverflowError):
            return False

    return compared


class Operator(NamedTuple):
    """A condition operator in its parts.

    quantifier: "forallvalues", "foranyvalue" or "". base: "StringEquals", or "Null". negated: whether it holds if the
    base doesn't. if_exists: whether it holds if the key is absent.
    """

    quantifier: str
    base: str
    negated: bool
    if_exists: bool


def operator_of(written: str) -> Operator:
    """Split an operator into its parts: "ForAnyValue:StringNotLikeIfExists". Raises UnknownOperator."""
    prefix, colon, name = written.rpartition(":")
    quantifier = prefix.lower()
    if colon and quantifier not in ("foranyvalue", "forallvalues"):
        raise UnknownOperator(written)
    if name.lower() == "null" and not quantifier:
        return Operator("", "Null", negated=False, if_exists=False)
    if_exists = name.lower().endswith("ifexists")
    known = _BY_NAME.get(name[: -len("IfExists")].lower() if if_exists else name.lower(), "")
    if not known:
        raise UnknownOperator(written)
    return Operator(quantifier, NEGATED.get(known, known), known in NEGATED, if_exists)


def compiled_condition(operator: str, key: str, wanted: Sequence[str], variables: bool) -> Condition:
    """Compile one line of a Condition element. wanted: the values as text. Raises UnknownOperator."""
    return Condition(operator, key, tuple(wanted), variables, _test(operator, key.lower(), wanted, variables))


def _test(operator: str, key: str, wanted: Sequence[str], variables: bool) -> Test:
    quantifier, base, negated, if_exists = operator_of(operator)
    if base == "Null":
        return lambda context: any((item.lower() == "true") == (not _values(context, key)) for item in wanted)
    tests = [_holds(base, item, variables) for item in wanted]

    def one(value: str, context: Context) -> bool:
        return any(test(value, context) for test in tests) != negated

    def every(context: Context) -> bool:
        # ForAllValues is true where there is nothing to ask (IAM User Guide).
        return all(one(value, context) for value in _values(context, key))

    def some(context: Context) -> bool:
        values = _values(context, key)
        return any(one(value, context) for value in values) or (if_exists and not values)

    def single(context: Context) -> bool:
        values = context.get(key, ())
        if isinstance(values, str):
            return one(values, context)
        if not values:
            return if_exists or negated
        # A key of several values under a plain operator: any may match, and for a negation none may.
        return (all if negated else any)(one(value, context) for value in values)

    return {"forallvalues": every, "foranyvalue": some, "": single}[quantifier]


def _values(context: Context, key: str) -> Sequence[str]:
    found = context.get(key, ())
    return (found,) if isinstance(found, str) else found
