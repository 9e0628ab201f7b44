"""A notice as a mail: headers and both versions of its text."""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from hashlib import sha256

from app.notices.mail_address import MailAddress
from app.notices.messages import Message
from app.text.lines import one_line

LONGEST_SUBJECT = 150
LONGEST_NAME = 80
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}")


def _in_header(text: str, most: int) -> str:
    """Return a text for a header. Python's email would decode what looks encoded (RFC 2047), line ends included."""
    return one_line(text, most).replace("=?", "= ?")


def header_id(message_id: str, domain: str) -> str:
    """Return the Message-ID of a row: always the same for the same row."""
    left = message_id if _ID.fullmatch(message_id) else sha256(message_id.encode(errors="replace")).hexdigest()
    return f"<{left}@{domain}>"


def as_mail(message: Message, to: MailAddress, sender: MailAddress, sender_name: str) -> bytes:
    """Return the mail as it is sent. It asks other programs not to answer it (RFC 3834)."""
    utf8 = to.needs_utf8 or sender.needs_utf8
    mail = EmailMessage(policy=SMTPUTF8 if utf8 else SMTP)
    mail["From"] = sender.header(_in_header(sender_name, LONGEST_NAME))
    mail["To"] = to.header()
    mail["Subject"] = _in_header(message.subject, LONGEST_SUBJECT)
    mail["Date"] = message.created_at
    mail["Message-ID"] = header_id(message.message_id, sender.domain)
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"  # what Exchange reads in its place
    mail.set_content(message.text)
    if message.html:
        mail.add_alternative(message.html, subtype="html")
    return mail.as_bytes()
