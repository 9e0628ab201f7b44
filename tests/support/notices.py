"""Notices for tests of what sends them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from app.notices.channels.smtp import SmtpOptions
from app.notices.content import Brand
from app.notices.examples import example
from app.notices.mail_address import mail_address
from app.notices.messages import Message, Outcome, Refused, Sent
from app.notices.rendering import render
from app.text.messages import Contact

BRAND = Brand("Latchkey", "https://keys.example.com", Contact("IT help desk", "help@example.com"))
CREATED_AT = datetime(2026, 5, 3, 10, 0, tzinfo=UTC)


def message(number: int = 1, to: str = "", kind: str = "access-key-created", **changes: object) -> Message:
    """Return a notice to an address. changes: of its data."""
    data = {**example(kind), **changes}
    parts = render(kind, data, "en", BRAND)
    return Message(f"{number:032x}", to or f"user{number}@example.com", *parts, kind, data, CREATED_AT)


def told(outcomes: Iterable[Outcome]) -> list[str]:
    """Return "sent", "refused CODE" or "later CODE" for each."""
    return [
        "sent" if isinstance(each, Sent) else f"{'refused' if isinstance(each, Refused) else 'later'} {each.code}"
        for each in outcomes
    ]


def smtp_options(port: int, security: str = "plain", **changes: object) -> SmtpOptions:
    """Return options for a server of this machine, as patient as a test can be."""
    sender = mail_address("latchkey@example.com")
    assert sender
    options = {"patience_s": 5.0, "host": "127.0.0.1", **changes}
    return SmtpOptions(port=port, security=security, sender=sender, sender_name="Latchkey", **options)  # type: ignore[arg-type]  # of the test
