"""The cells of a credential report: what each column can have, and the facts in a line. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from app.compliance.rules.sources import ReportFacts, RootFacts
from app.text.messages import _

ROOT = "<root_account>"
COLUMNS = (
    "user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed",
    "mfa_active",
    "access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date",
    "access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date",
    "cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated",
)  # fmt: skip
"""The columns that are read. Others are ignored."""
PASSWORD = COLUMNS.index("password_enabled")
USES = ("password_last_used", "access_key_1_last_used_date", "access_key_2_last_used_date")
"""The columns that change while a user works and changes nothing."""
NOTHING = ("N/A", "no_information", "not_supported")
"""What a cell has where there is no value."""
_NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
"""Names of IAM users (IAM's service model and quotas)."""
_ARN = re.compile(r"arn:[a-z-]{3,20}:iam::(\d{12}):(?:(root)|user(/(?:[!-~]{1,510}/)?)([\w+=,.@-]{1,64}))", re.ASCII)
"""ARNs of the root user or an IAM user, whose path has at most 512 visible ASCII characters (IAM's service model)."""


class ReportPerson(NamedTuple):
    """A user's row."""

    user_name: str
    arn: str
    path: str
    created_at: datetime | None
    facts: ReportFacts


class Use(NamedTuple):
    """A line that differs from the known one only by later uses."""

    before: str
    """The known line."""
    cells: Sequence[str]
    """Those of the new line, in the order of COLUMNS."""


class WrongCell(ValueError):
    """What a cell of a credential report never has. code: what it is. message: a sentence about it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _no_date(cell: str) -> WrongCell:
    return WrongCell("time", _("“%(cell)s” isn’t a date.", cell=cell[:40]))


class Times(dict[str, str | None]):
    """Maps each cell to itself where it is a time, and to None where it says that there is none.

    Parses each spelling once. Raises WrongCell for any other text.
    """

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(NOTHING))

    def __missing__(self, cell: str) -> str:
        try:
            moment = datetime.fromisoformat(cell)
        except ValueError as error:
            raise _no_date(cell) from error
        # What AWS never writes: no zone, before 1971 or after 2199.
        if moment.tzinfo is None or not 1970 < moment.year < 2200:
            raise _no_date(cell)
        self[cell] = cell
        return cell

    def latest(self) -> str:
        """The latest of all times that were read, "" where there is none."""
        plain = max([cell for cell in self.values() if cell and cell[19:] == "Z"], default="")
        others = [cell for cell in self.values() if cell and cell[19:] != "Z"]
        return max([plain, *others], key=datetime.fromisoformat) if plain and others else later(plain, *others)


class Checked(dict[str, str | None]):
    """As Times, for cells that were checked before."""

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(NOTHING))

    def __missing__(self, cell: str) -> str:
        return cell


def later(*times: str) -> str:
    """The latest of these times, "" where there is none."""
    return max(filter(None, times), key=datetime.fromisoformat, default="")


def read_row(cells: Sequence[str], times: Times) -> tuple[str, ReportPerson]:
    """Return the account id and the user in a row, whose cells are in the order of COLUMNS. Raises WrongCell."""
    if "" in cells:
        raise WrongCell("empty", _("A cell is empty."))
    name, arn, created = cells[:3]
    found = _ARN.fullmatch(arn)
    named = found is not None and found[4] == name  # then it is a name of the same form
    if not named and name != ROOT and not _NAME.fullmatch(name):
        raise WrongCell("user-name", _("“%(name)s” isn’t the name of a user.", name=name[:80]))
    if not found:
        raise WrongCell("arn", _("“%(arn)s” isn’t the ARN of a user.", arn=arn[:80]))
    if not named and not (found[2] and name == ROOT):
        raise WrongCell("other-arn", _("“%(arn)s” isn’t the ARN of %(name)s.", arn=arn[:80], name=name))
    facts = facts_of(cells, times)
    path = found[3] or "/"
    return found[1], ReportPerson(name, arn, path, datetime.fromisoformat(created) if times[created] else None, facts)


def facts_of(cells: Sequence[str], times: Mapping[str, str | None]) -> ReportFacts:
    """Return the facts in a row, whose cells are in the order of COLUMNS. Raises WrongCell.

    times: maps each cell to itself where it is a time, and to None where it says that there is none.
    """
    password, used, changed, mfa = cells[3:7]
    keys = []
    for active, made, last in (cells[7:10], cells[10:13]):
        key = [_TRUE[active], times[made], times[last]]
        if key != NO_KEY:
            keys.append(key)
    certificates = []
    for active, made in (cells[13:15], cells[15:17]):
        certificate = [_TRUE[active], times[made]]
        if certificate != NO_CERTIFICATE:
            certificates.append(certificate)
    return {
        "password": _TRUE[password],
        "used": times[used],
        "changed": times[changed],
        "mfa": _TRUE[mfa],
        "other": None,
        "keys": keys,
        "certificates": certificates,
    }


NO_KEY, NO_CERTIFICATE = [False, None, None], [False, None]


def root_facts(facts: ReportFacts, password: str) -> RootFacts:
    """Return the facts about the root user. password: the cell. It is one of NOTHING where AWS doesn't say."""
    uses = [used for used in (facts["used"], *(key[2] for key in facts["keys"])) if used]
    root = RootFacts() if password in NOTHING else RootFacts(password=facts["password"])
    return root | RootFacts(
        mfa=facts["mfa"],
        keys=any(active for active, _, _ in facts["keys"]),
        used=max(uses, key=datetime.fromisoformat, default=None),
    )


class _Booleans(dict[str, bool]):
    """Maps a cell to its boolean, and to False where AWS says nothing. Raises ValueError for any other text."""

    def __missing__(self, cell: str) -> bool:
        raise WrongCell("boolean", _("“%(cell)s” is neither true nor false.", cell=cell[:40]))


_TRUE = _Booleans({"true": True, "false": False, "TRUE": True, "FALSE": False} | dict.fromkeys(NOTHING, False))
