"""One finding of `policy check`: what is wrong, how severe it is, where it is, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from app.policy.places import Place


class Severity(StrEnum):
    """How severe a finding is."""

    ERROR = "error"
    """It does not do what is written, or IAM would not take it."""
    WARNING = "warning"
    """It allows more than it should, or shuts a user out."""
    NOTE = "note"
    """The portal can do less than it could, or the document says more than it needs to."""


@dataclass(frozen=True)
class Finding:
    """One finding. code: stable. subject: the action or feature it is about, if there is one."""

    code: str
    severity: Severity
    place: Place
    sentence: str
    remedy: str
    subject: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object for programs."""
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
