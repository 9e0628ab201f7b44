"""Wildcards and policy variables, as IAM reads them. Matching takes linear time, so no pattern can block the
portal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

Context = Mapping[str, str | Sequence[str]]
"""Condition keys in lower case, to a value or several."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = ("*", "?", "$")
_WITH_DEFAULT = re.compile(r"\s*([^,\s]+)\s*,\s*'([^']*)'\s*")


class Absent(LookupError):
    """A variable without a default names a key that the request doesn't have, so the statement doesn't match."""


def value_of(variable: str, context: Context) -> str:
    """Return the value of `${variable}`: literal text, never a wildcard. Raises Absent."""
    if variable in _LITERALS:
        return variable
    key, default = _key_and_default(variable)
    found = context.get(key.lower())
    if isinstance(found, str):
        return found
    if found is not None and len(found) == 1:
        return found[0]
    if default is not None:
        return default
    raise Absent(variable)


def variable_key(variable: str) -> str:
    """Return the condition key that `${variable}` names, as written. "" for one of the literal characters."""
    return "" if variable in _LITERALS else _key_and_default(variable)[0]


@lru_cache(maxsize=256)
def _key_and_default(variable: str) -> tuple[str, str | None]:
    found = _WITH_DEFAULT.fullmatch(variable)
    return (found[1], found[2]) if found else (variable.strip(), None)


Segment = tuple[str, tuple[int, ...]]
"""Text between two `*`, and the places of each `?` in it."""


class Pattern:
    """A text with `*`, `?` and, if the policy's version has them, `${variables}`."""

    __slots__ = ("_ignore_case", "_parts", "_segments", "_wild")

    def __init__(self, text: str, *, variables: bool, ignore_case: bool = False) -> None:
        self._ignore_case = ignore_case
        # Odd places hold variable names, even places the text between them.
        self._parts = _VARIABLE.split(text.lower() if ignore_case else text) if variables else [text]
        # Names of users differ from request to request: what has only them in it isn't worth remembering.
        self._wild = any("*" in part or "?" in part for part in self._parts[::2])
        self._segments: tuple[Segment, ...] | None = None
        if len(self._parts) == 1:
            self._segments = _segments((text.lower() if ignore_case else text,))

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the condition keys that its variables name, as written."""
        return tuple(filter(None, map(variable_key, self._parts[1::2])))

    def matches(self, value: str, context: Context) -> bool:
        """Return whether the whole value matches. Raises Absent if a variable has no value."""
        compared = value.lower() if self._ignore_case else value
        if self._segments is not None:
            return _glob(self._segments, compared)
        parts = [value_of(part, context) if place % 2 else part for place, part in enumerate(self._parts)]
        return _glob(_segments(tuple(parts)), compared) if self._wild else "".join(parts) == compared


class ResourcePattern(Pattern):
    """The Resource of a statement: an ARN, which may end early, or "*".

    A `*` at the end of a part continues across the colons, and an ARN with fewer than six parts is completed with
    `*`: `arn:aws:sqs` means `arn:aws:sqs:*:*:*` (IAM User Guide, Resource element).
    """

    __slots__ = ("_completed",)

    def __init__(self, text: str, *, variables: bool) -> None:
        super().__init__(text, variables=variables)
        whole = completed(text)
        self._completed = None if whole == text else Pattern(whole, variables=variables)

    def matches(self, value: str, context: Context) -> bool:
        """Return whether the whole value matches. Raises Absent if a variable has no value."""
        if super().matches(value, context):
            return True
        return self._completed is not None and self._completed.matches(value, context)


class ArnPattern:
    """The value of an Arn operator. Its six parts are compared one by one, after its variables are replaced."""

    __slots__ = ("_components", "_parts")

    def __init__(self, text: str, *, variables: bool) -> None:
        self._parts = _VARIABLE.split(text) if variables else [text]
        self._components = None if self._parts[1:] else _components(tuple(self._parts))

    def matches(self, value: str, context: Context) -> bool:
        """Return whether every part matches. Raises Absent if a variable has no value."""
        components = self._components or _components(
            tuple(value_of(part, context) if place % 2 else part for place, part in enumerate(self._parts))
        )
        values = value.split(":", 5)
        return len(values) == len(components) and all(map(_glob, components, values))


@lru_cache(maxsize=4096)
def _components(parts: tuple[str, ...]) -> list[tuple[Segment, ...]]:
    """Split pattern text (even places) and literal text (odd places) at the first five colons."""
    components: list[list[str]] = [[""]]
    for place, part in enumerate(parts):
        for number, piece in enumerate(part.split(":", 6 - len(components))):
            if number:
                components.append([""])
            if place % 2:
                components[-1] += [piece, ""]
            else:
                components[-1][-1] += piece
    return [_segments(tuple(each)) for each in components]


def completed(arn: str) -> str:
    """Return an ARN with six parts, the missing ones as `*`. "*" and other texts stay as they are."""
    missing = 5 - _VARIABLE.sub("", arn).count(":")
    return arn + ":*" * missing if arn.startswith("arn:") and missing > 0 else arn


@lru_cache(maxsize=4096)
def _segments(parts: tuple[str, ...]) -> tuple[Segment, ...]:
    """Split pattern text (even places) and literal text (odd places) at the stars of the pattern text."""
    texts: list[str] = [""]
    marks: list[list[int]] = [[]]
    for place, part in enumerate(parts):
        if place % 2:
            texts[-1] += part
            continue
        for number, chunk in enumerate(part.split("*")):
            if number:
                texts.append("")
                marks.append([])
            marks[-1] += [len(texts[-1]) + at for at, char in enumerate(chunk) if char == "?"]
            texts[-1] += chunk
    return tuple((text, tuple(found)) for text, found in zip(texts, marks, strict=True))


def _glob(segments: tuple[Segment, ...], value: str) -> bool:
    first, last = segments[0], segments[-1]
    if len(segments) == 1:
        return len(value) == len(first[0]) and _matches_at(first, value, 0)
    end = len(value) - len(last[0])
    at = len(first[0])
    if at > end or not _matches_at(first, value, 0) or not _matches_at(last, value, end):
        return False
    # Between two stars the leftmost place is as good as any other.
    for segment in segments[1:-1]:
        found = _find(segment, value, at, end)
        if found < 0:
            return False
        at = found + len(segment[0])
    return True


def _matches_at(segment: Segment, value: str, at: int) -> bool:
    text, any_char = segment
    if not any_char:
        return value.startswith(text, at)
    return at + len(text) <= len(value) and all(
        place in any_char or value[at + place] == char for place, char in enumerate(text)
    )


def _find(segment: Segment, value: str, start: int, end: int) -> int:
    text, any_char = segment
    if not any_char:
        return value.find(text, start, end)
    return next((at for at in range(start, end - len(text) + 1) if _matches_at(segment, value, at)), -1)
