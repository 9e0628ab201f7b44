"""Settings that list accounts or people, which may be many: their values can be in a file."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from app.settings.table import Reading
from app.settings.values import listed

LONGEST_NAME, LONGEST_UNIT = 256, 1024
"""Characters that are kept."""


def lines_of(text: str, at: Reading) -> list[str]:
    """Return the entries of a setting, or those of the file that `@PATH` names: its lines, without comments."""
    if not text.startswith("@"):
        return listed(text)
    try:
        lines = Path(text[1:]).read_bytes().decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        at.wrong(f"{at.name}: {text[1:]} can’t be read: {why}. Set @ and the path of a text file.")
        return []
    return [line.partition(" #")[0].strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


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
    for number, cells in enumerate(csv.reader(lines_of(text, at))):
        account, name, unit = (cell.strip() for cell in [*cells, "", "", ""][:3])
        if re.fullmatch(r"\d{12}", account, re.ASCII):
            found[account] = (name[:LONGEST_NAME], unit.strip("/")[:LONGEST_UNIT])
        elif number or not text.startswith("@") or not account.lower().startswith(("account", "id")):
            at.wrong(f"{at.name}: {account[:40]!r} is not an account ID of 12 digits.")
    return WatchedAccounts.of(found)


def known_accounts(at: Reading) -> frozenset[str]:
    """Return the accounts whose users may sign in, and those that are only watched."""
    return frozenset({*at.values["ACCOUNTS"], *at.values.get("WATCHED_ACCOUNTS", ())})
