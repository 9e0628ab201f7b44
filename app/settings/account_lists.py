"""Settings that list accounts or people, which may be many: their values can be in a file."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from app.settings.table import Reading
from app.settings.values import listed
from app.text.csv_lines import cells_of

LONGEST_NAME, LONGEST_UNIT = 256, 1024
"""Characters that are kept."""
_COMMENTED = re.compile(r'^((?:[^"]|"[^"]*")*?) #.*')
"""A line with a comment, which doesn't begin between quotation marks."""


def lines_of(text: str, at: Reading) -> list[tuple[int, str]]:
    """Return the entries of a setting with the number of their line, which is 1.

    If the setting is `@PATH`, they are the lines of that file, without comments.
    """
    if not text.startswith("@"):
        return [(1, entry) for entry in listed(text)]
    try:
        lines = Path(text[1:]).read_bytes().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        at.wrong(f"{at.name}: {text[1:]} can’t be read: {why}. Set @ and the path of a text file.")
        return []
    return [
        (number, _COMMENTED.sub(r"\1", line).strip())
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]


class WatchedAccounts(frozenset[str]):
    """Account IDs. `named` has the name and the path of the organizational unit by ID, "" where the file has none."""

    named: Mapping[str, tuple[str, str]]

    @classmethod
    def of(cls, named: Mapping[str, tuple[str, str]]) -> Self:
        """Return the accounts that are named."""
        made = cls(named)
        made.named = named
        return made


def watched_accounts(text: str, at: Reading) -> WatchedAccounts:
    """Account IDs. In a file, a name and a unit may follow after commas, as in the lists of `compliance sync`."""
    found: dict[str, tuple[str, str]] = {}
    for place, (number, line) in enumerate(lines_of(text, at)):
        try:
            cells = cells_of(line)
        except csv.Error as error:
            at.wrong(f"{at.name}: line {number}, {line[:40]!r}, isn’t CSV ({error}). Check its quotation marks.")
            continue
        account, name, unit = [*cells, "", "", ""][:3]
        if re.fullmatch(r"\d{12}", account, re.ASCII):
            found[account] = (name[:LONGEST_NAME], unit.strip("/")[:LONGEST_UNIT])
        elif place or not text.startswith("@") or not account.lower().startswith(("account", "id")):
            at.wrong(f"{at.name}: {account[:40]!r} is not an account ID of 12 digits.")
    return WatchedAccounts.of(found)


def known_accounts(at: Reading) -> frozenset[str]:
    """Return the accounts whose users may sign in, and those that are only watched."""
    return frozenset({*at.values["ACCOUNTS"], *at.values.get("WATCHED_ACCOUNTS", ())})
