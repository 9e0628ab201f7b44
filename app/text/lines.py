"""Names and other words from outside, made fit for the middle of a line."""

from __future__ import annotations

import re

_BREAKS_AND_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
"""Marks that turn the direction of what follows, invisible annotations and tags."""
_SURROGATES = re.compile("[\ud800-\udfff]")


def one_line(text: str, most: int = 300) -> str:
    """Return the text as one line of at most so many characters, without what could change the lines around it.

    Line breaks and control characters become blanks. Marks of direction are left out. A longer text ends with "…".
    """
    text = _SURROGATES.sub("\ufffd", _DIRECTIONS.sub("", text))
    text = _BREAKS_AND_CONTROLS.sub(" ", text).strip()
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
