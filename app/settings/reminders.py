"""Parsers for the settings of notices that follow from compliance: what, when, and to which administrators."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import time

from app.notices.mail_address import mail_address
from app.settings.table import Reading
from app.settings.values import listed
from app.text.dates import WEEKDAYS

KINDS = ("key-age", "certificate-expiry", "mfa-missing", "unused-credentials")


def due_kinds(text: str, at: Reading) -> frozenset[str]:
    """Return words of KINDS, none for `none`."""
    chosen = frozenset(listed(text)) - {"none"}
    if unknown := sorted(chosen - {*KINDS}):
        at.wrong(f"{at.name}: {unknown[0]!r} isn’t one of {', '.join(KINDS)}, or none.")
    return chosen & {*KINDS}


def ahead(text: str, at: Reading) -> tuple[int, ...]:
    """Return numbers of days, the largest first."""
    days = [int(part) if re.fullmatch(r"\d{1,3}", part) else 0 for part in listed(text)]
    if not days or min(days) < 1:
        at.wrong(f"{at.name} is {text!r}: set numbers of days, like 14,7,1.")
        return (14, 7, 1)
    return tuple(sorted({*days}, reverse=True))


def time_of_day(text: str, at: Reading) -> time:
    """Return a time like `07:00`."""
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        at.wrong(f"{at.name} is {text!r}: set a time of day, like 07:00.")
        return time(7)
    return time.fromisoformat(text)


def weekday(text: str, at: Reading) -> str:
    """Return a word of WEEKDAYS, "" for `never`."""
    if text not in (*WEEKDAYS, "never"):
        at.wrong(f"{at.name} is {text!r}: set a day, like monday, or never.")
        return ""
    return "" if text == "never" else text


def addresses(text: str, at: Reading) -> tuple[str, ...]:
    """Return mail addresses."""
    for part in listed(text):
        if mail_address(part) is None:
            at.wrong(f"{at.name}: {part!r} isn’t a mail address.")
    return tuple(dict.fromkeys(listed(text)))


def bounds(text: str, at: Reading, rules: Collection[str]) -> dict[str, int]:
    """Return numbers of users by rule, from `RULE=NUMBER`. rules: the ids there are."""
    found = {}
    for part in listed(text):
        rule, _, number = part.partition("=")
        if rule not in rules or not re.fullmatch(r"\d{1,6}", number):
            at.wrong(f"{at.name}: {part!r} isn’t RULE=NUMBER with the id of a rule, like mfa=0.")
        else:
            found[rule] = int(number)
    return found
