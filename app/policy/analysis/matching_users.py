"""Make up IAM users that a pattern with wildcards matches.

A pattern on aws:PrincipalArn or aws:userid may match one user in thousands, who is in no list of usual names. So the
code follows the pattern through the beginning that all ARNs and unique IDs share, and spells out the rest. Source of
the grammar: IAM User Guide, IAM identifiers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST_LEFT = 64
"""Rests of one pattern that are spelt out: as many as there are places where it can be once the beginning is read."""
_VARIABLE = re.compile(r"\$\{(?!\*\}|\?\}|\$\})[^}]*\}")
_LITERAL = {"${*}": "\ue000", "${?}": "\ue001", "${$}": "$"}
"""Stand-ins for characters that are meant literally; no ARN has the first two."""
_PATH_AND_NAME = re.compile(r"((?:[!-.0-9;-~][!-9;-~]*/)?)([\w+=,.@-]{1,64})", re.ASCII)
"""Paths without a colon: IAM accepts one, but then `*:role/*` would also mean users, which nobody has in mind."""
_REST_OF_ID = re.compile(r"[A-Z0-9]{1,124}")


def users_matched(pattern: str, beginning: str) -> Iterator[tuple[str, str]]:
    """Return (name, path) of users whose ARN the pattern may match. beginning: the part that all their ARNs share,
    "arn:…:user/".
    """
    for rest in _spelt(pattern, beginning):
        if (found := _PATH_AND_NAME.fullmatch(rest)) and "//" not in rest:
            yield found[2], f"/{found[1]}"


def ids_matched(pattern: str) -> Iterator[str]:
    """Return unique IDs of users ("AIDA…") that the pattern may match."""
    for rest in _spelt(pattern, "AIDA"):
        if _REST_OF_ID.fullmatch(rest.upper()) and rest == rest.upper():
            yield f"AIDA{rest}"


def _spelt(pattern: str, beginning: str) -> Iterator[str]:
    """Yield texts that can follow the beginning so that the pattern matches the whole, with wildcards filled in upper
    and in lower case.
    """
    for written, stand_in in _LITERAL.items():
        pattern = pattern.replace(written, stand_in)
    pattern = re.sub(r"\*+", "*", _VARIABLE.sub("*", pattern))
    for place in sorted(_places(pattern, beginning), reverse=True)[:MOST_LEFT]:
        rest = pattern[place:]
        for filling in ("", "x", "X"):
            yield rest.replace("*", filling).replace("?", filling or "x")


def _places(pattern: str, text: str) -> set[int]:
    """Return the positions in the pattern that are possible once it has matched all of the text: the states of its
    automaton.
    """
    places = _with_skips(pattern, {0})
    for char in text:
        places = _with_skips(
            pattern,
            {
                place if pattern[place] == "*" else place + 1
                for place in places
                if place < len(pattern) and pattern[place] in ("*", "?", char)
            },
        )
    return places


def _with_skips(pattern: str, places: set[int]) -> set[int]:
    """Add the positions after each star, because a star may also match nothing."""
    return places | {place + 1 for place in places if place < len(pattern) and pattern[place] == "*"}
