"""A second judge of policies, written from the IAM User Guide and by other means than the one it is held against.

It works on the JSON itself, turns patterns into regular expressions, and asks the operators one by one.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

Context = Mapping[str, Any]
"""Condition keys, in any letter case, to a text or a list of texts."""
_UNSET = object()


def verdict(documents: Sequence[Mapping[str, Any]], action: str, resource: str, context: Context) -> str:
    """ "Denied", "Allowed" or "Nothing"."""
    here = {key.lower(): value for key, value in context.items()}
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _list(document["Statement"])
        if applies(statement, document.get("Version") == "2012-10-17", action, resource, here)
    }
    return "Denied" if "Deny" in effects else "Allowed" if effects else "Nothing"


def applies(statement: Mapping[str, Any], variables: bool, action: str, resource: str, here: Context) -> bool:
    """Does one statement match? here: keys in lower case."""
    return (
        names(statement, action) and about(statement, variables, resource, here) and holds(statement, variables, here)
    )


def names(statement: Mapping[str, Any], action: str) -> bool:
    """Is it about this action?"""
    if "Action" in statement:
        return any(_like(each, action, fold=True) for each in _list(statement["Action"]))
    return not any(_like(each, action, fold=True) for each in _list(statement["NotAction"]))


def about(statement: Mapping[str, Any], variables: bool, resource: str, here: Context) -> bool:
    """Is it about this resource?"""
    element = "NotResource" if "NotResource" in statement else "Resource"
    try:
        on = any(_arn(each, resource, variables, here) for each in _list(statement[element]))
    except LookupError:
        return False
    return on != (element == "NotResource")


def holds(statement: Mapping[str, Any], variables: bool, here: Context) -> bool:
    """Do all of its conditions hold?"""
    try:
        return all(
            _condition(operator, key, [_said(each) for each in _list(values)], variables, here)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    except LookupError:
        return False


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _said(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


@lru_cache(maxsize=20_000)
def _regex(pattern: str, fold: bool) -> re.Pattern[str]:
    # Private characters stand for what is literal in spite of looking like a wildcard.
    built = "".join(
        {"*": ".*", "?": "."}.get(char) or re.escape({"\ue001": "*", "\ue002": "?"}.get(char, char))
        for char in pattern
    )
    return re.compile(built, re.DOTALL | (re.IGNORECASE if fold else 0))


@lru_cache(maxsize=100_000)
def _like(pattern: str, text: str, fold: bool = False) -> bool:
    return _regex(pattern, fold).fullmatch(text) is not None


def _expanded(text: str, variables: bool, here: Context, quote: bool) -> str:
    """Raises LookupError for a variable without a value."""
    if not variables:
        return text

    def put(found: re.Match[str]) -> str:
        inside = found[1]
        if inside in ("*", "?", "$"):
            value = inside
        else:
            key, comma, rest = inside.partition(",")
            value = here.get(key.strip().lower(), _UNSET)
            if isinstance(value, list):
                value = value[0] if len(value) == 1 else _UNSET
            if value is _UNSET:
                if not comma:
                    raise LookupError(key)
                value = rest.strip().strip("'")
        return str(value).replace("*", "\ue001").replace("?", "\ue002") if quote else str(value)

    return re.sub(r"\$\{([^}]*)\}", put, text)


def _arn(pattern: str, resource: str, variables: bool, here: Context) -> bool:
    full = _expanded(pattern, variables, here, quote=True)
    if _like(full, resource):
        return True
    if not full.startswith("arn:"):
        return False
    short = full.split(":")
    return len(short) < 6 and _like(":".join([*short, *["*"] * (6 - len(short))]), resource)


def _number(text: str) -> float:
    return float(text)


def _when(text: str) -> datetime:
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC)
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def _arns_alike(wanted: str, given: str) -> bool:
    patterns, parts = _split(wanted), given.split(":", 5)
    return len(patterns) == len(parts) and all(map(_like, patterns, parts))


def _split(arn: str) -> list[str]:
    return arn.split(":", 5)


def _address(wanted: str, given: str) -> bool:
    return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)


def _ordering(read: Callable[[str], Any]) -> dict[str, Callable[[str, str], bool]]:
    return {
        "equals": lambda wanted, given: read(given) == read(wanted),
        "lessthan": lambda wanted, given: read(given) < read(wanted),
        "lessthanequals": lambda wanted, given: read(given) <= read(wanted),
        "greaterthan": lambda wanted, given: read(given) > read(wanted),
        "greaterthanequals": lambda wanted, given: read(given) >= read(wanted),
    }


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "stringequals": lambda wanted, given: wanted == given,
    "stringequalsignorecase": lambda wanted, given: wanted.casefold() == given.casefold(),
    "stringlike": _like,
    "bool": lambda wanted, given: wanted.lower() == given.lower(),
    "binaryequals": lambda wanted, given: base64.b64encode(wanted.encode()) == base64.b64encode(given.encode()),
    "ipaddress": _address,
    "arnlike": _arns_alike,
    "arnequals": _arns_alike,
    **{f"numeric{name}": test for name, test in _ordering(_number).items()},
    **{f"date{name}": test for name, test in _ordering(_when).items()},
}
_NOT = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "notipaddress": "ipaddress",
    "arnnotlike": "arnlike",
    "arnnotequals": "arnequals",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}


def _condition(operator: str, key: str, wanted: list[str], variables: bool, here: Context) -> bool:
    name = operator.lower()
    given = here.get(key.lower(), _UNSET)
    if name == "null":
        return any((text.lower() == "true") is (given is _UNSET or given == []) for text in wanted)
    quantifier, _, rest = name.rpartition(":")
    lenient = rest.endswith("ifexists")
    rest = rest.removesuffix("ifexists")
    negated = rest in _NOT
    test = _TESTS[_NOT.get(rest, rest)]
    patterned = _NOT.get(rest, rest) in ("stringlike", "arnlike", "arnequals")

    def one(value: str) -> bool:
        return (
            any(_safely(test, _expanded(text, variables, here, quote=patterned), value) for text in wanted) != negated
        )

    values = [] if given is _UNSET else given if isinstance(given, list) else [given]
    if quantifier == "forallvalues":
        return all(map(one, values))
    if not values:
        return lenient or (negated and quantifier == "")
    if quantifier == "foranyvalue":
        return any(map(one, values))
    return all(map(one, values)) if negated else any(map(one, values))


def _safely(test: Callable[[str, str], bool], wanted: str, given: str) -> bool:
    try:
        return test(wanted, given)
    except (ValueError, OverflowError, OSError):
        return False
