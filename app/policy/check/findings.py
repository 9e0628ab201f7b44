"""One thing `policy check` says: what, how bad it is, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How bad."""

    ERROR = "error"
    """It does not do what is written, or IAM would not take it."""
    WARNING = "warning"
    """It does more than it should, or shuts somebody out."""
    NOTE = "note"
    """The portal can do less than it could, or the document says more than it needs to."""


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


@dataclass(frozen=True)
class Finding:
    """One thing to know. code: stable. subject: the action or feature it is about, where there is one."""

    code: str
    severity: Severity
    place: Place
    sentence: str
    remedy: str
    subject: str = ""

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "statement": self.place.statement,
            "sid": self.place.sid,
            "element": self.place.element,
            "subject": self.subject or None,
            "sentence": self.sentence,
            "remedy": self.remedy,
        }


def cut(text: str) -> str:
    """At most 80 characters of it, to put into a sentence."""
    return text if len(text) <= 80 else f"{text[:77]}..."
