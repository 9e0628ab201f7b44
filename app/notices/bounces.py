"""Mails that came back after the mail server had accepted them.

The reports (RFC 3464) arrive at the sender's address. `latchkey notify bounces` reads them. Anyone can write to that
address, so a mail that nothing can be learned from never keeps the others from being read.
"""

from __future__ import annotations

import mailbox
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from email import message_from_bytes
from email.message import Message
from email.policy import Compat32
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

from sqlalchemy import Connection, Engine, select, update

from app.notices.models import NoticeRow
from app.notices.notice import BOUNCED, MAIL, State

MOST_BYTES = 1024 * 1024
"""Of a mail. Larger ones aren't read."""
_MOST_LINES = 20_000
_MOST_CONTAINERS = 30
"""Parts with parts of their own. The library calls itself for each."""
_MOST_OF_A_HEADER = 1000
_MOST_ADDRESSES = 50
_BATCH = 500
"""Notices in one statement, and in one transaction."""
_CONTAINER = re.compile(rb"(?:multipart|message)/", re.IGNORECASE)
_ID = re.compile(r"<([0-9a-f]{32})@")
_ID_LINE = re.compile(r"^Message-ID:\s*<([0-9a-f]{32})@", re.IGNORECASE | re.MULTILINE)
_ODD = (RecursionError, IndexError, AttributeError, UnboundLocalError, ValueError, LookupError, TypeError)
"""What Python's mail library raises for mails that it can't deal with. For most, it has no error of its own."""
Each = TypeVar("Each")


class Unreadable(Exception):
    """A mail that is too large, or that the mail library can't deal with."""


class Bounce(NamedTuple):
    """A mail that came back for good."""

    message_id: str
    """Of the notice."""
    address: str
    """In lower case."""


class _Plain(Compat32):
    """Headers as they are, without the rest of long ones."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        return name, value[:_MOST_OF_A_HEADER]


def read_mails(path: Path) -> Iterator[bytes]:
    """Yield the mails of a Maildir, an mbox or a file with one mail, no more than MOST_BYTES + 1 of each.

    Raises OSError.
    """

    def start_of(file: IO[bytes]) -> bytes:
        return file.read(MOST_BYTES + 1)

    if path.is_dir():
        yield from mailbox.Maildir(path, factory=start_of, create=False)  # type: ignore[arg-type,misc] # as documented
        return
    with path.open("rb") as file:
        if file.read(5) != b"From ":
            file.seek(0)
            yield start_of(file)
            return
    yield from mailbox.mbox(path, factory=start_of, create=False)  # type: ignore[arg-type,misc] # as documented


def find_bounces(mail: bytes) -> Sequence[Bounce]:
    """Return which mails came back for good, by a delivery report. None if the mail isn't such a report.

    Mails that are only late, and reports without the headers of the mail that they are about, are left out.
    Raises Unreadable.
    """
    lines = mail.count(b"\n") + mail.count(b"\r")
    if len(mail) > MOST_BYTES or lines > 2 * _MOST_LINES or len(_CONTAINER.findall(mail)) > _MOST_CONTAINERS:
        raise Unreadable
    try:
        return list(islice(_bounces(message_from_bytes(mail, policy=_Plain())), _MOST_ADDRESSES))
    except _ODD as error:
        raise Unreadable from error


def _bounces(mail: Message) -> Iterator[Bounce]:
    if mail.get_content_type() != "multipart/report":
        return
    parts = list(mail.walk())
    message_id = _original_id(parts)
    if not message_id:
        return
    for part in parts:
        blocks = part.get_payload()
        if part.get_content_type() == "message/delivery-status" and isinstance(blocks, list):
            failed = (block for block in blocks if isinstance(block, Message) and _failed(block))
            yield from (Bounce(message_id, address) for address in map(_address, failed) if address)


def _failed(block: Message) -> bool:
    return str(block.get("Action", "")).strip().lower() == "failed"


def _address(block: Message) -> str:
    # The original address is what the sender of the report says. It counts only where there is no other.
    value = str(block.get("Final-Recipient") or block.get("Original-Recipient") or "")
    return value.partition(";")[2].strip().strip("<>").lower()


def _original_id(parts: Iterable[Message]) -> str:
    """Return the ID of the notice that a report is about, "" if the report lacks it."""
    for part in parts:
        content = part.get_payload()
        match part.get_content_type():
            case "message/rfc822" if isinstance(content, list) and isinstance(content[0], Message):
                found = _ID.match(str(content[0].get("Message-ID", "")).strip())
                return found[1] if found else ""
            case "text/rfc822-headers":
                headers = part.get_payload(decode=True)
                found = _ID_LINE.search(headers.decode(errors="replace")) if isinstance(headers, bytes) else None
                return found[1] if found else ""
    return ""


def came_back(connection: Connection, found: Iterable[Bounce]) -> Mapping[str, Sequence[int]]:
    """Return the numbers of the notices that came back, by account. Those that were marked before are left out.

    A notice counts if its ID and its address are those of a report. Everyone who got the mail knows both, so a report
    may be made up: security notices are sent all the same (`app.notices.worker`).
    """
    addresses: dict[str, set[str]] = defaultdict(set)
    for bounce in found:
        addresses[bounce.message_id].add(bounce.address)
    numbers: dict[str, list[int]] = defaultdict(list)
    row: Any
    for ids in _in_batches(list(addresses)):
        columns = NoticeRow.id, NoticeRow.account_id, NoticeRow.message_id, NoticeRow.sent_to
        for row in connection.execute(select(*columns).where(NoticeRow.message_id.in_(ids), *_UNMARKED)):
            if row.sent_to.lower() in addresses[row.message_id]:
                numbers[row.account_id].append(row.id)
    return numbers


_UNMARKED = NoticeRow.channel == MAIL, NoticeRow.state == State.SENT.value, NoticeRow.last_error == ""
"""Notices that were sent, but not those that were sent again since: their new row counts."""


def mark(engine: Engine, numbers: Sequence[int]) -> int:
    """Mark notices that came back as not sent. Return how many weren't marked before.

    In short transactions, so that others can write to SQLite in between.
    """
    values = {"state": State.DEAD.value, "last_error": BOUNCED}
    marked = 0
    for some in _in_batches(numbers):
        with engine.begin() as connection:
            mine = update(NoticeRow).where(NoticeRow.id.in_(some), *_UNMARKED).values(values)
            marked += int(connection.execute(mine).rowcount)
    return marked


def _in_batches(of_them: Sequence[Each]) -> Iterator[Sequence[Each]]:
    for start in range(0, len(of_them), _BATCH):
        yield of_them[start : start + _BATCH]
