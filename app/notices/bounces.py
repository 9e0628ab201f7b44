"""Mails that came back after the mail server had accepted them.

The reports (RFC 3464) arrive at the sender's address. `latchkey notify bounces` reads them. Nothing more is sent to
these addresses until an administrator sends such a notice again.
"""

from __future__ import annotations

import mailbox
import re
from collections.abc import Iterable, Iterator
from email import policy
from email.message import EmailMessage, Message
from email.parser import BytesParser, HeaderParser
from pathlib import Path
from typing import IO, NamedTuple

from sqlalchemy import Connection, func, update

from app.notices.models import NoticeRow
from app.notices.notice import BOUNCED, MAIL, State

_ID = re.compile(r"<([0-9a-f]{32})@")


class Bounce(NamedTuple):
    """A mail that came back for good."""

    message_id: str
    """Of the notice."""
    address: str
    """In lower case."""


def read_mails(path: Path) -> Iterator[EmailMessage]:
    """Yield the mails of a Maildir, an mbox or a file with one mail. Raises OSError."""

    def parsed(file: IO[bytes]) -> EmailMessage:
        return BytesParser(policy=policy.default).parse(file)

    if path.is_dir():
        yield from mailbox.Maildir(path, factory=parsed, create=False)  # type: ignore[arg-type,misc] # as documented
        return
    with path.open("rb") as file:
        if file.read(5) != b"From ":
            file.seek(0)
            yield parsed(file)
            return
    yield from mailbox.mbox(path, factory=parsed, create=False)  # type: ignore[arg-type,misc] # as documented


def find_bounces(mail: EmailMessage) -> Iterator[Bounce]:
    """Yield which mails came back for good, by a delivery report. None if the mail isn't such a report.

    Mails that are only late, and reports without the headers of the mail that they are about, are left out.
    """
    if mail.get_content_type() != "multipart/report":
        return
    parts = list(mail.walk())
    found = _ID.search(_original_id(parts))
    if not found:
        return
    for part in parts:
        if part.get_content_type() == "message/delivery-status":
            for recipient in part.get_payload():
                if isinstance(recipient, Message) and str(recipient.get("Action", "")).strip().lower() == "failed":
                    yield from (Bounce(found[1], address) for address in _addresses(recipient))


def _addresses(recipient: Message) -> set[str]:
    values = (str(recipient.get(name, "")) for name in ("Original-Recipient", "Final-Recipient"))
    return {value.partition(";")[2].strip().strip("<>").lower() for value in values if ";" in value}


def _original_id(parts: Iterable[Message]) -> str:
    """Return the Message-ID of the mail that a report is about, "" if the report lacks it."""
    for part in parts:
        match part.get_content_type():
            case "message/rfc822":
                content = part.get_payload()
                original = content[0] if isinstance(content, list) else None
                return str(original.get("Message-ID", "")) if isinstance(original, Message) else ""
            case "text/rfc822-headers":
                headers = part.get_payload(decode=True)
                if isinstance(headers, bytes):
                    return str(HeaderParser().parsestr(headers.decode(errors="replace")).get("Message-ID", ""))
    return ""


def mark(connection: Connection, found: Iterable[Bounce]) -> int:
    """Mark notices that came back as not sent, in the caller's transaction. Return how many weren't marked before.

    Only the mail server and the recipient know the ID of a notice, so nobody else can make up a report about it.
    """
    marked = 0
    for bounce in found:
        mine = (
            NoticeRow.message_id == bounce.message_id,
            NoticeRow.channel == MAIL,
            NoticeRow.state == State.SENT.value,
            func.lower(NoticeRow.sent_to) == bounce.address,
        )
        values = {"state": State.DEAD.value, "last_error": BOUNCED}
        marked += connection.execute(update(NoticeRow).where(*mine).values(values)).rowcount
    return marked
