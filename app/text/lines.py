"""Names and other words from outside, made fit for the middle of a line."""

from __future__ import annotations

import re

_BREAKS_AND_CONTROLS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_DIRECTIONS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
"""Marks that turn the direction of what follows, invisible annotations and tags."""
_LINKS = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\w\.)(?=[^\W\d_]{2,}/)", re.I)
"""Where programs recognize a link in plain text: "://", "www." and a domain before a path."""
_DOTS = re.compile(r"(?<=\w\.)(?=[^\W\d_]{2})")
_JOINER = "\u2060"
"""Invisible, and no part of an address."""
_SURROGATES = re.compile("[\ud800-\udfff]")


def one_line(text: str, most: int = 300) -> str:
    """Return the text as one line of at most so many characters, without what could change the lines around it.

    Line breaks and control characters become blanks. Marks of direction are left out. A longer text ends with "…".
    """
    text = _SURROGATES.sub("\ufffd", _DIRECTIONS.sub("", text))
    text = _BREAKS_AND_CONTROLS.sub(" ", text).strip()
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def without_links(text: str) -> str:
    """Return a name that looks the same, but in which no mail program recognizes an address to open."""
    return _LINKS.sub(_JOINER, text)


def without_domains(text: str) -> str:
    """Return a free text in the same way, without domains like "example.com". Not for what is copied."""
    return _DOTS.sub(_JOINER, without_links(text))
