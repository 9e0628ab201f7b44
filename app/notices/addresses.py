"""Users' mail addresses: from a file, from a tag of the user, or by a pattern."""

from __future__ import annotations

import csv
import io
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from flask import Flask

from app.notices.mail_address import mail_address
from app.notices.models import NoticeRow
from app.notices.notice import MAIL, Audience

log = logging.getLogger(__name__)
_MOST_BYTES = 16 * 1024 * 1024


class UserGone(Exception):
    """The user whom a notice is for is gone. Another has the name now."""


class AddressBounced(Exception):
    """An earlier mail to the address came back."""


class FileProblem(Exception):
    """The file can't be used. Its text says why, and what to do."""


class Entry(NamedTuple):
    """What the file says about a user."""

    address: str
    """"" where the line has none."""
    manager: str
    """A mail address, or the name of another user of the file. "" for none."""


class AddressFile:
    """A CSV file with a line for each user: `USER,ADDRESS` or `USER,ADDRESS,MANAGER`.

    USER is a name for all accounts, or `ACCOUNT/NAME`. The first line may be a heading that begins with `user`.
    """

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._stamp: tuple[int, int] | None = None
        self._entries: Mapping[str, Entry] = {}

    def read(self) -> Mapping[str, Entry]:
        """Return the entries by USER. The file is read again if it changed. Raises FileProblem."""
        try:
            stat = self.path.stat()
            stamp = stat.st_mtime_ns, stat.st_size
            if stamp != self._stamp:
                if stat.st_size > _MOST_BYTES:
                    raise FileProblem(f"{self.path} is larger than 16 MiB. Keep one line for each user.")
                self._entries = _entries(self.path.read_text("utf-8-sig"), self.path)
                self._stamp = stamp
        except OSError as error:
            raise FileProblem(f"{self.path} can’t be read ({error.strerror}). Check its path and mode.") from error
        except csv.Error as error:  # a quote that never closes makes one cell of the rest of the file
            raise FileProblem(f"{self.path} isn’t CSV ({error}). Close each quote that is open.") from error
        except ValueError as error:
            raise FileProblem(f"{self.path} isn’t UTF-8 text. Save it as CSV in UTF-8.") from error
        return self._entries

    def latest(self) -> Mapping[str, Entry]:
        """Return the entries of the last version of the file that could be read."""
        try:
            return self.read()
        except FileProblem as problem:
            log.warning("the address file can't be read, its earlier entries are used: %s", problem)
            return self._entries


def _entries(text: str, path: Path) -> Mapping[str, Entry]:
    found: dict[str, Entry] = {}
    for number, line in enumerate(csv.reader(io.StringIO(text)), 1):
        cells = [cell.strip() for cell in line]
        if not any(cells) or cells[0].startswith("#") or (number == 1 and cells[0].lower() == "user"):
            continue
        user, address, manager = (*cells, "", "")[:3]
        if len(cells) > 3 or len(cells) < 2 or not user:
            raise FileProblem(f"{path}, line {number}: write USER,ADDRESS or USER,ADDRESS,MANAGER.")
        if address and mail_address(address) is None:
            raise FileProblem(f"{path}, line {number}: {address!r} isn’t a mail address.")
        if "@" in manager and mail_address(manager) is None:
            raise FileProblem(f"{path}, line {number}: {manager!r} isn’t a mail address.")
        found[user] = Entry(address, manager)
    return found


TagOf = Callable[[str, str, str], str]
"""The value of a user's tag by account, name and key, "" if it isn't known."""


IdsOf = Callable[[str, Collection[str]], Mapping[str, str]]
"""AWS's unique IDs of an account's users by name, as far as they are known."""
AddressOf = Callable[[NoticeRow], str | None]
"""Returns the address for a notice. "" if its channel has only one, None if the address isn't known."""


def _no_ids(account_id: str, user_names: Collection[str]) -> Mapping[str, str]:
    return {}


def _no_tag(account_id: str, user_name: str, key: str) -> str:
    return ""


@dataclass(frozen=True)
class AddressBook:
    """Looks up addresses, as the settings say: first in the file, then in the tag, then by the pattern."""

    file: AddressFile | None = None
    tag: str = ""
    pattern: str = ""
    tag_of: TagOf = field(default=_no_tag)
    ids_of: IdsOf = field(default=_no_ids)

    def of_user(self, account_id: str, user_name: str) -> str:
        """Return a user's address, "" if it isn't known."""
        entry = self._entry(account_id, user_name)
        if entry and entry.address:
            return entry.address
        tagged = self.tag_of(account_id, user_name, self.tag).strip() if self.tag else ""
        made = self.pattern.replace("{user}", user_name) if self.pattern else ""
        return next((each for each in (tagged, made) if each and mail_address(each)), "")

    def unknown(self, account_id: str, user_names: Iterable[str]) -> list[str]:
        """Return those of these users whose address isn't known."""
        return [name for name in user_names if not self.of_user(account_id, name)]

    def of_manager(self, account_id: str, user_name: str) -> str:
        """Return the address of a user's manager, "" if it isn't known."""
        entry = self._entry(account_id, user_name)
        if not entry or not entry.manager:
            return ""
        return entry.manager if "@" in entry.manager else self.of_user(account_id, entry.manager)

    def _entry(self, account_id: str, user_name: str) -> Entry | None:
        if not self.file:
            return None
        entries = self.file.latest()
        return entries.get(f"{account_id}/{user_name}") or entries.get(user_name)

    def for_notices(self, rows: Sequence[NoticeRow]) -> AddressOf:
        """Return what looks up the address for one of these. It raises UserGone.

        What it needs of all their users is read at once. Raises SQLAlchemyError.
        """
        names: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            if row.user_id:
                names[row.account_id].add(row.user_name)
        ids = {account_id: self.ids_of(account_id, of_it) for account_id, of_it in names.items()}

        def address_of(row: NoticeRow) -> str | None:
            return self._of_notice(row, ids.get(row.account_id, {}).get(row.user_name, ""))

        return address_of

    def _of_notice(self, row: NoticeRow, user_id: str) -> str | None:
        """Return where a notice goes. user_id: of the user who has the name now, "" if it isn't known."""
        if row.channel != MAIL or row.audience == Audience.CHANNEL:
            return ""
        if row.audience == Audience.ADDRESS:
            return row.user_name
        if row.user_id and user_id not in ("", row.user_id):
            raise UserGone(row.user_name)
        of = self.of_manager if row.audience == Audience.MANAGER else self.of_user
        return of(row.account_id, row.user_name) or None


def address_book(app: Flask) -> AddressBook:
    """Return the address book that the settings describe."""
    config = app.config
    return AddressBook(
        config["NOTICES_ADDRESS_FILE"],
        config["NOTICES_ADDRESS_TAG"],
        config["NOTICES_ADDRESS_PATTERN"],
        app.extensions.get("tag_of", _no_tag),
        app.extensions.get("ids_of", _no_ids),
    )


def read_tags_with(app: Flask, tag_of: TagOf) -> None:
    """Set the function that returns users' tags."""
    app.extensions["tag_of"] = tag_of


def know_ids_with(app: Flask, ids_of: IdsOf) -> None:
    """Let the portal find out with this which user has a name now."""
    app.extensions["ids_of"] = ids_of
