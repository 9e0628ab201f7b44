"""Settings that list accounts or people, which may be many: their values can be in a file."""

from __future__ import annotations

import re
from pathlib import Path

from app.settings.table import Reading
from app.settings.values import listed


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


def watched_accounts(text: str, at: Reading) -> frozenset[str]:
    """Account IDs. In a file, a line may have a name after a comma, as in the lists of `compliance sync`."""
    found = set()
    for number, entry in enumerate(lines_of(text, at)):
        account = entry.partition(",")[0].strip()
        if re.fullmatch(r"\d{12}", account, re.ASCII):
            found.add(account)
        elif number or not text.startswith("@") or not account.lower().startswith(("account", "id")):
            at.wrong(f"{at.name}: {account[:40]!r} is not an account ID of 12 digits.")
    return frozenset(found)


def known_accounts(at: Reading) -> frozenset[str]:
    """Return the accounts whose users may sign in, and those that are only watched."""
    return frozenset({*at.values["ACCOUNTS"], *at.values.get("WATCHED_ACCOUNTS", ())})
