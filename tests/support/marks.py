"""What must be found nowhere: the marker in every secret of the tests' sandboxes, and the words that people type.

Whatever a portal of the tests wrote or answered is searched for them: pages as they come, the rest when it stops.
"""

from __future__ import annotations

import base64
import re

MARKER = "MARKEDSECRET"
"""What every sandbox of the tests is started with."""
PASSWORD = "Correct-horse-7"
"""What people begin with."""
NEXT_PASSWORD = "Another-horse-8"
BETTER_PASSWORD = "Another-horse-8-battery"
STRONG_PASSWORD = "Turquoise-otter-42-lamp"
WRONG_PASSWORD = "Not-the-one-9"
POOR_PASSWORD = "Otterlamp"
SECRET_KEY = "a-secret-key-of-the-tests-and-of-nothing-else"
AUDIT_KEY = "a-key-of-the-record-of-the-tests-only"

HAND_OUT = ("/mfa/enroll", "/mfa/enroll/print", "/access-keys/new", "/access-keys/new/accesskeys.csv")
"""Pages that show a secret, once."""


def _in_base64(text: str) -> set[str]:
    """How a text may stand within base64 of something longer."""
    whole = text.encode()
    return {
        base64.b64encode(b"." * before + whole).decode()[(before * 4 + 2) // 3 : (before + len(whole)) * 4 // 3]
        for before in range(3)
    }


_WORDS = (
    MARKER, PASSWORD, NEXT_PASSWORD, BETTER_PASSWORD, STRONG_PASSWORD, WRONG_PASSWORD, POOR_PASSWORD, SECRET_KEY,
    AUDIT_KEY, "PRIVATE KEY-----",
)  # fmt: skip
_ANY = re.compile("|".join(re.escape(word) for plain in _WORDS for word in (plain, *sorted(_in_base64(plain)))))


def kept_secrets(text: str) -> list[str]:
    """What of it is a secret or holds one, each with the words before it."""
    return [text[max(0, found.start() - 60) : found.end()] for found in _ANY.finditer(text)]


def shown_secrets(path: str, text: str) -> list[str]:
    """The same of a page, but for those that are there to hand one out."""
    return [] if path in HAND_OUT else kept_secrets(text)
