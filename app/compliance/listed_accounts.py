"""The accounts that a sync is to read: a list that someone wrote. Pure."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from app.errors import Refused
from app.text.csv_lines import cells_of
from app.text.messages import N_, _

LONGEST_NAME = 256
LONGEST_UNIT = 1024
"""Of its whole path, "Workloads/Production"."""
HEADERS = ("account", "account_id", "accountid", "account id", "id")
MOST_PROBLEMS = 10
"""Problems that are shown at once."""


class NotAList(Refused):
    """A file isn't a list of accounts."""

    code = "not-a-list-of-accounts"
    message = N_("This isn’t a list of accounts. Write an account ID of 12 digits on each line.")


@dataclass(frozen=True)
class ListedAccount:
    """An account of a list or an organization."""

    account_id: str
    name: str = ""
    unit: str | None = None
    """Path of its organizational unit, "" for the root. None where it isn't known."""
    status: str = "ACTIVE"
    """As Organizations has it."""

    @property
    def label(self) -> str:
        """ "222233334444 (team-04)"."""
        return f"{self.account_id} ({self.name})" if self.name else self.account_id


def listed_accounts(content: bytes) -> list[ListedAccount]:
    """Read a list: `ID`, `ID,NAME` or `ID,NAME,UNIT` on each line.

    Empty lines, lines after # and a first line of titles don't count.
    Raises NotAList, with every problem and its line.
    """
    try:
        text = content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotAList(_("The list isn’t UTF-8 text. Save it as UTF-8 or CSV.")) from error
    found: dict[str, ListedAccount] = {}
    problems: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#"):
            continue
        try:
            row = cells_of(line)
        except csv.Error as error:
            problem = _("it isn’t CSV (%(why)s). Check its quotation marks", why=error)
            problems.append(_("Line %(number)d: %(problem)s.", number=number, problem=problem))
            continue
        if not any(row) or (not found and row[0].lower() in HEADERS):
            continue
        account_id, name, unit = [*row, "", ""][:3]
        problem = _problem(account_id, name, unit)
        if account_id in found:
            problem = _("%(id)s is listed twice", id=account_id)
        if problem:
            problems.append(_("Line %(number)d: %(problem)s.", number=number, problem=problem))
        else:
            found[account_id] = ListedAccount(account_id, name, unit.strip("/") or None)
    if problems:
        more = len(problems) - MOST_PROBLEMS
        shown = problems[:MOST_PROBLEMS] + ([_("And %(num)d more lines.", num=more)] if more > 0 else [])
        raise NotAList("\n".join(shown))
    if not found:
        raise NotAList(_("The list has no accounts. Write an account ID of 12 digits on each line."))
    return list(found.values())


def _problem(account_id: str, name: str, unit: str) -> str:
    if re.fullmatch(r"\d{12}", account_id, re.ASCII):
        if len(unit) > LONGEST_UNIT:
            return _("the unit has more than %(num)d characters", num=LONGEST_UNIT)
        return _("the name has more than %(num)d characters", num=LONGEST_NAME) if len(name) > LONGEST_NAME else ""
    if re.fullmatch(r"\d{8,11}", account_id, re.ASCII):
        return _("%(id)s has fewer than 12 digits. A spreadsheet may have removed zeros in front", id=account_id)
    return _("%(id)s is not an account ID of 12 digits", id=repr(account_id[:40]))
