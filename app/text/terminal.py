"""Words of a document, table or program on a terminal, which they can't control."""

from __future__ import annotations


def plain(text: str) -> str:
    """Return the text with unprintable characters written out: an escape sequence as \\x1b, a line end as \\n."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def plain_json(text: str) -> str:
    """Return JSON the same way, with its line ends. It reads back as it was."""
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
