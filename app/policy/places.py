"""Where something is in a policy document, and how to quote from one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where in the document. statement: index from 0; None for the document as a whole."""

    statement: int | None = None
    sid: str | None = None
    element: str | None = None

    def __str__(self) -> str:
        if self.statement is None:
            return "the document"
        named = f"statement {self.statement}" + (f" ({self.sid})" if self.sid else "")
        return f"{named}, {self.element}" if self.element else named


DOCUMENT = Place()


def cut(text: str) -> str:
    """At most 80 characters of it, to put into a sentence."""
    return text if len(text) <= 80 else f"{text[:77]}..."


def counted(names: Sequence[str], most: int = 3) -> str:
    """ "a, b, c and 4 more"; each cut short."""
    shown = [cut(name) for name in names[:most]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest} more" if rest else "")
