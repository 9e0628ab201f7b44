"""Words of a document or a program on a terminal, which they cannot steer."""

from __future__ import annotations


def plain(text: str) -> str:
    """The text with what is not printable written out: an escape sequence as \\x1b, a line end as \\n."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
