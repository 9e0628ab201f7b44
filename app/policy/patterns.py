"""Wildcards and policy variables, as IAM reads them. Pure text work."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

Context = Mapping[str, str | Sequence[str]]

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}
_WITH_DEFAULT = re.compile(r"\s*([^,\s]+)\s*,\s*'([^']*)'\s*")


class Absent(LookupError):
    """A variable without a default names a key the request does not have."""


def value_of(variable: str, context: Context) -> str:
    """What `${variable}` stands for: literal text, never a wildcard.

    context: condition keys in lower case. Raises Absent.
    """
    if variable in _LITERALS:
        return _LITERALS[variable]
    default = _WITH_DEFAULT.fullmatch(variable)
    key = (default[1] if default else variable.strip()).lower()
    found = context.get(key)
    if isinstance(found, str):
        return found
    if found is not None and len(found) == 1:
        return found[0]
    if default:
        return default[2]
    raise Absent(variable)


class Pattern:
    """Text with `*`, `?` and, where the policy's version has them, `${variables}`."""

    __slots__ = ("_fixed", "_flags", "_parts", "text")

    def __init__(self, text: str, *, variables: bool, ignore_case: bool = False, wildcards: bool = True) -> None:
        self.text = text
        self._flags = re.IGNORECASE if ignore_case else 0
        # Odd places hold variable names, even places the text between them, as a regular expression.
        parts = _VARIABLE.split(text) if variables else [text]
        quoted = _wild if wildcards else re.escape
        self._parts = [part if place % 2 else quoted(part) for place, part in enumerate(parts)]
        self._fixed = _compiled(self._parts[0], self._flags) if len(parts) == 1 else None

    def matches(self, value: str, context: Context) -> bool:
        """Does the whole value match? False where a variable has no value."""
        if self._fixed:
            return self._fixed.fullmatch(value) is not None
        try:
            expression = "".join(
                re.escape(value_of(part, context)) if place % 2 else part for place, part in enumerate(self._parts)
            )
        except Absent:
            return False
        return _compiled(expression, self._flags).fullmatch(value) is not None


def _wild(text: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(char) or re.escape(char) for char in re.sub(r"\*+", "*", text))


@lru_cache(maxsize=4096)
def _compiled(expression: str, flags: int) -> re.Pattern[str]:
    return re.compile(expression, flags | re.DOTALL)
