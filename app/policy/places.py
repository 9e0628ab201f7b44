"""Where something is in a policy document, and how to quote from one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.text.messages import _


@dataclass(frozen=True)
class Place:
    """A place in the document. statement: index from 0, None for the document as a whole."""

    statement: int | None = None
    sid: str | None = None
    element: str | None = None

    def __str__(self) -> str:
        if self.statement is None:
            return _("the document")
        named = f"{self.statement} ({self.sid})" if self.sid else str(self.statement)
        if self.element:
            return _("statement %(name)s, %(element)s", name=named, element=self.element)
        return _("statement %(name)s", name=named)


DOCUMENT = Place()


def cut(text: str, most: int = 80) -> str:
    """Return the text, or its beginning and "..." if it has more than `most` characters, to quote it in a
    sentence.
    """
    return text if len(text) <= most else f"{text[: most - 3]}..."


def counted(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, each cut short, and how many more there are: "a, b, c and 4 more"."""
    shown = [cut(name) for name in names[:most]]
    rest = len(names) - len(shown)
    if rest:
        return _("%(names)s and %(number)s more", names=", ".join(shown), number=rest)
    return ", ".join(shown)
