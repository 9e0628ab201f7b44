"""Parsers for the settings of the outbox: how fast notices are sent, when not, and where addresses come from."""

from __future__ import annotations

import re
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.notices.addresses import AddressFile, FileProblem
from app.notices.claims import QuietHours
from app.notices.mail_address import mail_address
from app.settings.table import Reading

_HOURS = re.compile(r"((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)")


def time_zone(text: str, at: Reading) -> ZoneInfo:
    """Return a zone of the IANA database."""
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        at.wrong(f"{at.name} is {text!r}: set a time zone like Europe/Berlin, or UTC.")
        return ZoneInfo("UTC")


def quiet_hours(text: str, at: Reading) -> QuietHours | None:
    """Return hours like `20:00-07:00`, in NOTICES_TIME_ZONE. None where it isn't set."""
    if not text:
        return None
    found = _HOURS.fullmatch(text)
    begin, end = map(time.fromisoformat, found.groups()) if found else (time(), time())
    if begin == end:
        at.wrong(f"{at.name} is {text!r}: set two times of a day, like 20:00-07:00.")
        return None
    return QuietHours(begin, end, at.values["NOTICES_TIME_ZONE"])


def address_file(text: str, at: Reading) -> AddressFile | None:
    """Return the file with users' addresses. It is read now, and again whenever it changed."""
    if not text:
        return None
    file = AddressFile(text)
    try:
        file.read()
    except FileProblem as problem:
        at.wrong(f"{at.name}: {problem}")
    return file


def address_pattern(text: str, at: Reading) -> str:
    """Return a pattern like `{user}@example.com`, "" for none. `{user}` alone: users' names are their addresses."""
    example = "name@example.com" if text == "{user}" else text.replace("{user}", "name", 1)
    if text and ("{user}" not in text or mail_address(example) is None):
        at.wrong(f"{at.name} is {text!r}: set a mail address with {{user}} in it, like {{user}}@example.com.")
    return text


def address_tag(text: str, at: Reading) -> str:
    """Return the key of the tag that has users' addresses, "" for none."""
    if text and not re.fullmatch(r"[\w\s.:/=+@-]{1,128}", text):
        at.wrong(f"{at.name} is {text!r}: set the key of a tag of IAM users, like email.")
    return text
