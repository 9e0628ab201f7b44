"""AWS's credential report, read by column name. Raises NotAReport for what isn't one, or isn't complete. Pure.

The format (IAM User Guide, and as observed): comma-separated with a header, 22 columns or more, the root user first,
booleans in either letter case, times in ISO 8601, and N/A, no_information or not_supported where there is no value.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import NamedTuple

from app.compliance.data import report_formats as report_forms
from app.compliance.data.report_formats import NotAReport
from app.compliance.rules.sources import ReportFacts, RootFacts
from app.text.messages import _, ngettext

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
CLOCKS = timedelta(hours=1)
"""How much earlier a time typed for the report may be than the latest time in it."""
LARGEST = 8 * 1024 * 1024
"""Bytes. A report of 5,000 users has about 1.5 million."""
_NOTHING = ("N/A", "no_information", "not_supported")
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


class CredentialReport(NamedTuple):
    """A complete report."""

    account_id: str
    made_at: datetime
    """When AWS made it. Where nothing says so, the latest time in it: AWS made it then or later."""
    exact: bool
    """The file or a user said when AWS made it."""
    root: RootFacts
    people: list[ReportPerson]


def parse(content: bytes, made_at: datetime | None = None) -> CredentialReport:
    """Read a report: CSV, or what `aws iam get-credential-report` prints (`report_formats`).

    made_at: when AWS made it, as a user typed. If the file itself says it, that counts. Raises NotAReport.
    """
    if len(content) > LARGEST:
        too_large = _("This file is larger than any credential report. Nothing was changed.")
        raise NotAReport(too_large, diagnosis="too-large")
    text, told = report_forms.opened(content)
    made_at = told or made_at
    first = text[: text.find("\n") + 1 or len(text)]
    between = "\t" if "\t" in first and "," not in first else ","
    lines = csv.reader(text.splitlines(), strict=True, delimiter=between)
    try:
        header = next(lines, [])
        at = _positions(header)
        rows = list(lines)
    except csv.Error as error:
        raise _cut(lines.line_num) from error
    return _read(rows, at, len(header), made_at)


def _positions(header: list[str]) -> list[int]:
    missing = [name for name in COLUMNS if name not in header]
    if missing:
        names = ", ".join(missing[:3] + ["…"] * (len(missing) > 3))
        why = ngettext(
            "This isn’t a credential report: the column %(names)s is missing. Nothing was changed.",
            "This isn’t a credential report: %(num)d columns are missing (%(names)s). Nothing was changed.",
            len(missing),
            names=names,
        )
        raise NotAReport(why, diagnosis="columns")
    return [header.index(name) for name in COLUMNS]


def _cut(line: int) -> NotAReport:
    why = _("The file is incomplete: it ends in line %(line)d. Download it again. Nothing was changed.", line=line)
    return NotAReport(why, diagnosis="cut-short")


class _WrongCell(ValueError):
    """What a cell of a credential report never has. code: which kind of thing that is. told: a sentence."""

    def __init__(self, code: str, told: str) -> None:
        super().__init__(told)
        self.code = code


class _Times(dict[str, str | None]):
    """Maps each cell to itself where it is a time, and to None where it says that there is none.

    Parses each spelling once. Raises ValueError for any other text.
    """

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(_NOTHING))

    def __missing__(self, cell: str) -> str:
        try:
            _aware(datetime.fromisoformat(cell))
        except ValueError as error:
            raise _WrongCell("time", _("“%(cell)s” isn’t a date.", cell=cell[:40])) from error
        self[cell] = cell
        return cell

    @property
    def latest(self) -> datetime | None:
        """The latest of all times that were read, None where there is none."""
        return max((datetime.fromisoformat(cell) for cell in self.values() if cell), default=None)


def _read(rows: list[list[str]], at: list[int], width: int, made_at: datetime | None) -> CredentialReport:
    people: list[ReportPerson] = []
    names: set[str] = set()
    root: RootFacts | None = None
    accounts: set[str] = set()
    times, chosen = _Times(), itemgetter(*at)
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) != width:
            raise _cut(number)
        try:
            account, person = _row(chosen(row), times)
        except _WrongCell as error:
            why = _(
                "Line %(line)d isn’t from a credential report. %(why)s Download the report again, and don’t save it "
                "from a spreadsheet. Nothing was changed.",
                line=number,
                why=str(error),
            )
            raise NotAReport(why, diagnosis=error.code) from error
        if accounts and account not in accounts:
            why = _(
                "This file mixes accounts: line %(line)d is about account %(account)s, the lines before it are about "
                "%(former)s. Nothing was changed.",
                line=number,
                account=account,
                former=accounts.pop(),
            )
            raise NotAReport(why, diagnosis="mixes-accounts")
        accounts.add(account)
        if person.user_name in names:
            why = _(
                "Line %(line)d lists %(name)s a second time. Download the report again. Nothing was changed.",
                line=number,
                name=person.user_name,
            )
            raise NotAReport(why, diagnosis="twice")
        names.add(person.user_name)
        if person.user_name == ROOT:
            root = _root(person.facts, row[at[PASSWORD]])
        else:
            people.append(person)
    if root is None:
        why = _("The file is incomplete: the root user is missing. Download it again. Nothing was changed.")
        raise NotAReport(why, diagnosis="no-root")
    latest = times.latest
    if latest is None:
        why = _("This isn’t a credential report: no line has a date. Nothing was changed.")
        raise NotAReport(why, diagnosis="no-time")
    if made_at and made_at < latest - CLOCKS:
        why = _(
            "The report contains data from %(latest)s, so it can’t have been created on %(made)s. Correct the date "
            "or leave it empty. Nothing was changed.",
            latest=_moment(latest),
            made=_moment(made_at),
        )
        raise NotAReport(why, diagnosis="made-before")
    return CredentialReport(accounts.pop(), made_at or latest, made_at is not None, root, people)


def _moment(time: datetime) -> str:
    return f"{time.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _row(cells: Sequence[str], times: _Times) -> tuple[str, ReportPerson]:
    """Return the account id and the user in a row, whose cells are in the order of COLUMNS. Raises ValueError."""
    if "" in cells:
        raise _WrongCell("empty", _("A cell is empty."))
    name, arn, created, password, used, changed, mfa = cells[:7]
    if name != ROOT and not _NAME.fullmatch(name):
        raise _WrongCell("user-name", _("“%(name)s” isn’t the name of a user.", name=name[:80]))
    found = _ARN.fullmatch(arn)
    if not found:
        raise _WrongCell("arn", _("“%(arn)s” isn’t the ARN of a user.", arn=arn[:80]))
    if found[4] != name and not (found[2] and name == ROOT):
        raise _WrongCell("other-arn", _("“%(arn)s” isn’t the ARN of %(name)s.", arn=arn[:80], name=name))
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
    facts: ReportFacts = {
        "password": _TRUE[password],
        "used": times[used],
        "changed": times[changed],
        "mfa": _TRUE[mfa],
        "other": None,
        "keys": keys,
        "certificates": certificates,
    }
    path = found[3] or "/"
    return found[1], ReportPerson(name, arn, path, datetime.fromisoformat(created) if times[created] else None, facts)


NO_KEY, NO_CERTIFICATE = [False, None, None], [False, None]


def _root(facts: ReportFacts, password: str) -> RootFacts:
    """password: the cell. It is one of _NOTHING where AWS doesn't say."""
    uses = [used for used in (facts["used"], *(key[2] for key in facts["keys"])) if used]
    told = RootFacts() if password in _NOTHING else RootFacts(password=facts["password"])
    return told | RootFacts(
        mfa=facts["mfa"],
        keys=any(active for active, _, _ in facts["keys"]),
        used=max(uses, key=datetime.fromisoformat, default=None),
    )


class _Booleans(dict[str, bool]):
    """Maps a cell to its boolean, and to False where AWS says nothing. Raises ValueError for any other text."""

    def __missing__(self, cell: str) -> bool:
        raise _WrongCell("boolean", _("“%(cell)s” is neither true nor false.", cell=cell[:40]))


_TRUE = _Booleans({"true": True, "false": False, "TRUE": True, "FALSE": False} | dict.fromkeys(_NOTHING, False))


__all__ = ["CredentialReport", "NotAReport", "ReportPerson", "parse"]


def _aware(moment: datetime) -> datetime:
    """Return the time. Raises ValueError for what AWS never writes: no zone, before 1971 or after 2199."""
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    if not 1970 < moment.year < 2200:
        raise ValueError("a time far from ours")
    return moment
