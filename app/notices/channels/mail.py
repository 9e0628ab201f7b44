"""A notice as a mail: headers and both versions of its text.

Python's `email` parses each header it writes, which takes longer than sending the mail. So it only writes headers
with text from outside, and only if that text isn't plain ASCII.
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from email.policy import SMTP, SMTPUTF8, EmailPolicy
from email.utils import format_datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from app.notices.mail_address import MailAddress
from app.notices.messages import Message
from app.text.lines import one_line

if TYPE_CHECKING:
    Policy = EmailPolicy[Any]

LONGEST_SUBJECT = 150
LONGEST_NAME = 80
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}")
_PLAIN = re.compile(r"[A-Za-z0-9][\x20-\x7e]{0,59}(?<! )")
"""Text that can be written into a header of one line unchanged."""
_FIXED = "".join(
    f"{line}\r\n"
    for line in (
        "Auto-Submitted: auto-generated",  # so that programs don't answer (RFC 3834)
        "X-Auto-Response-Suppress: All",  # what Exchange reads in its place
        "MIME-Version: 1.0",
    )
)


def _safe(text: str, most: int) -> str:
    """Return a text for a header. Python's email would decode what looks encoded (RFC 2047), line ends included."""
    return one_line(text, most).replace("=?", "= ?")


def _as_id(message_id: str) -> str:
    return message_id if _ID.fullmatch(message_id) else sha256(message_id.encode(errors="replace")).hexdigest()


def header_id(message_id: str, domain: str) -> str:
    """Return the Message-ID of a notice, always the same for the same notice."""
    return f"<{_as_id(message_id)}@{domain}>"


def _written(policy: Policy, name: str, value: object) -> str:
    return str(policy.fold(*policy.header_store_parse(name, value)))


@lru_cache(maxsize=4)  # the same for all mails
def _from(policy: Policy, sender: MailAddress, name: str) -> str:
    return _written(policy, "From", sender.header(_safe(name, LONGEST_NAME)))


def _subject(policy: Policy, text: str) -> str:
    return f"Subject: {text}\r\n" if _PLAIN.fullmatch(text) else _written(policy, "Subject", text)


def _part(kind: str, text: str) -> bytes:
    """Return a part in quoted-printable, because its lines are short enough for every server."""
    lines = "\r\n".join(text.splitlines())
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return head.encode() + b2a_qp(lines.encode(errors="replace"), istext=True) + b"\r\n"


def as_mail(message: Message, to: MailAddress, sender: MailAddress, sender_name: str) -> bytes:
    """Return the mail as it is sent."""
    policy = SMTPUTF8 if to.needs_utf8 or sender.needs_utf8 else SMTP
    headers = (
        _from(policy, sender, sender_name)
        + f"To: {to}\r\n"  # no character of a MailAddress means anything in a header
        + _subject(policy, _safe(message.subject, LONGEST_SUBJECT))
        + f"Date: {format_datetime(message.created_at)}\r\n"
        + f"Message-ID: {header_id(message.message_id, sender.domain)}\r\n"
        + _FIXED
    ).encode()
    if not message.html:
        return headers + _part("plain", message.text)
    boundary = f"=_{_as_id(message.message_id)[:24]}"  # quoted-printable never has "=_"
    between = f"--{boundary}\r\n".encode()
    return b"".join(
        (
            headers,
            f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode(),
            between,
            _part("plain", message.text),
            between,
            _part("html", message.html),
            f"--{boundary}--\r\n".encode(),
        )
    )
