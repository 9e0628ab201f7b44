"""AWS's credential report, read by column name. Raises NotAReport for what isn't one, or isn't complete. Pure.

The format (IAM User Guide, and as observed): comma-separated with a header, 22 columns or more, the root user first,
booleans in either letter case, times in ISO 8601, and N/A, no_information or not_supported where there is no value.
"""

from __future__ import annotations

import csv
import gc
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from operator import itemgetter
from types import MappingProxyType
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
_MOMENTS = tuple(name for name in COLUMNS if name.endswith(("_time", "_used", "_changed", "_rotated", "_used_date")))
LARGEST = 24 * 1024 * 1024
"""Bytes. A report of 5,000 users has about 1.5 million, one of 50,000 in base64 about 17 million."""
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


class Known(NamedTuple):
    """What is stored of the last report, so that the same lines of a newer one needn't be read again."""

    account_id: str = ""
    columns: str = ""
    """The hash of its header."""
    lines: Mapping[str, str] = MappingProxyType({})
    """By user name: the hash of the line, "" where it has to be read."""
    number: int = 0
    """How many users it had."""
    latest: str = ""
    """The latest time in it."""


NOTHING_KNOWN = Known()


@dataclass(frozen=True)
class CredentialReport:
    """A complete report."""

    account_id: str
    made_at: datetime
    """When AWS made it. Where nothing says so, the latest time in it: AWS made it then or later."""
    exact: bool
    """The file or a user said when AWS made it."""
    root: RootFacts
    people: list[ReportPerson]
    """The users whose line isn't known yet."""
    lines: Mapping[str, str] = field(compare=False)
    """The hash of the line of every user, by name."""
    columns: str = field(compare=False)
    """The hash of the header."""
    latest: str = field(compare=False)
    """The latest time in it."""


def parse(content: bytes, made_at: datetime | None = None, known: Known = NOTHING_KNOWN) -> CredentialReport:
    """Read a report: CSV, or what `aws iam get-credential-report` prints (`report_formats`).

    made_at: when AWS made it, as a user typed. If the file itself says it, that counts. known: of the last report;
    lines that are still the same are not read. Raises NotAReport.
    """
    if len(content) > LARGEST:
        too_large = _("This file is larger than any credential report. Nothing was changed.")
        raise NotAReport(too_large, diagnosis="too-large")
    text, told = report_forms.opened(content)
    made_at = told or made_at
    first = text[: text.find("\n") + 1 or len(text)]
    between = "\t" if "\t" in first and "," not in first else ","
    lines = text.splitlines()
    reader = csv.reader(lines, strict=True, delimiter=between)
    try:
        header = next(reader, [])
        at = _positions(header)
        rows = list(reader) if '"' in text else None
    except csv.Error as error:
        raise _cut(reader.line_num) from error
    columns = _hash(between.join(header))
    with without_gc():
        return _Reading(header, at, between, known if known.columns == columns else NOTHING_KNOWN).report(
            # Without quotes, splitting does the same in half the time.
            lines[1:] if rows is None else rows,
            made_at,
            columns,
        )


def _hash(text: str) -> str:
    return sha1(text.encode(), usedforsecurity=False).hexdigest()[:32]


@contextmanager
def without_gc() -> Iterator[None]:
    """Make thousands of objects that all stay without searching them for garbage again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


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


def _no_date(cell: str) -> _WrongCell:
    return _WrongCell("time", _("“%(cell)s” isn’t a date.", cell=cell[:40]))


class _Times(dict[str, str | None]):
    """Maps each cell to itself where it is a time, and to None where it says that there is none.

    Parses each spelling once. Raises ValueError for any other text.
    """

    def __init__(self) -> None:
        super().__init__(dict.fromkeys(_NOTHING))

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


def later(*times: str) -> str:
    """The latest of these times, "" where there is none."""
    return max(filter(None, times), key=datetime.fromisoformat, default="")


class _Reading:
    """A report while its lines are read. Each raises NotAReport where it can't be one."""

    def __init__(self, header: list[str], at: list[int], between: str, known: Known) -> None:
        self.width, self.between, self.known = len(header), between, known
        self.chosen, self.name_at, self.password_at = itemgetter(*at), at[0], at[PASSWORD]
        self.moments = itemgetter(*(at[COLUMNS.index(name)] for name in _MOMENTS))
        self.times = _Times()
        self.account = ""
        self.root: RootFacts | None = None
        self.people: list[ReportPerson] = []
        self.lines: dict[str, str] = {}
        self.same: list[str | list[str]] = []
        """Lines that are known."""

    def report(self, rows: Iterable[str | list[str]], made_at: datetime | None, columns: str) -> CredentialReport:
        """Read all rows: lines without quotes, or cells."""
        known, name_at, between = self.known.lines, self.name_at, self.between
        for number, row in enumerate(rows, 2):
            if not row:
                continue
            if isinstance(row, str):
                digest = _hash(row)
                name = row.partition(between)[0] if not name_at else row.split(between)[name_at]
            else:
                digest, name = _hash("\x1f".join(row)), row[name_at] if len(row) > name_at else ""
            if known.get(name) == digest and self.account == self.known.account_id:
                if name in self.lines:
                    raise _twice(number, name)
                self.lines[name] = digest
                self.same.append(row)
            else:
                self._read(number, row.split(between) if isinstance(row, str) else row, digest)
        if self.root is None:
            why = _("The file is incomplete: the root user is missing. Download it again. Nothing was changed.")
            raise NotAReport(why, diagnosis="no-root")
        latest = self._latest()
        if not latest:
            why = _("This isn’t a credential report: no line has a date. Nothing was changed.")
            raise NotAReport(why, diagnosis="no-time")
        moment = datetime.fromisoformat(latest)
        if made_at and made_at < moment - CLOCKS:
            why = _(
                "The report contains data from %(latest)s, so it can’t have been created on %(made)s. Correct the "
                "date or leave it empty. Nothing was changed.",
                latest=_moment(moment),
                made=_moment(made_at),
            )
            raise NotAReport(why, diagnosis="made-before")
        return CredentialReport(
            self.account, made_at or moment, made_at is not None, self.root, self.people, self.lines, columns, latest
        )

    def _read(self, number: int, row: list[str], digest: str) -> None:
        if len(row) != self.width:
            raise _cut(number)
        try:
            account, person = _row(self.chosen(row), self.times)
        except _WrongCell as error:
            why = _(
                "Line %(line)d isn’t from a credential report. %(why)s Download the report again, and don’t save it "
                "from a spreadsheet. Nothing was changed.",
                line=number,
                why=str(error),
            )
            raise NotAReport(why, diagnosis=error.code) from error
        if self.account and account != self.account:
            why = _(
                "This file mixes accounts: line %(line)d is about account %(account)s, the lines before it are about "
                "%(former)s. Nothing was changed.",
                line=number,
                account=account,
                former=self.account,
            )
            raise NotAReport(why, diagnosis="mixes-accounts")
        self.account = account
        name = person.user_name
        if name == ROOT:
            if self.root is not None:
                raise _twice(number, name)
            self.root = _root(person.facts, row[self.password_at])
            return
        if name in self.lines:
            raise _twice(number, name)
        self.lines[name] = digest
        self.people.append(person)

    def _latest(self) -> str:
        """The latest time, "" where there is none."""
        read, before = self.times.latest(), self.known.latest
        if not self.same or later(read, before) == read:
            return read
        if len(self.same) == self.known.number:
            return before
        for row in self.same:
            for cell in self.moments(row.split(self.between) if isinstance(row, str) else row):
                self.times[cell]
        return self.times.latest()


def _twice(number: int, name: str) -> NotAReport:
    why = _(
        "Line %(line)d lists %(name)s a second time. Download the report again. Nothing was changed.",
        line=number,
        name=name,
    )
    return NotAReport(why, diagnosis="twice")


def _moment(time: datetime) -> str:
    return f"{time.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _row(cells: Sequence[str], times: _Times) -> tuple[str, ReportPerson]:
    """Return the account id and the user in a row, whose cells are in the order of COLUMNS. Raises ValueError."""
    if "" in cells:
        raise _WrongCell("empty", _("A cell is empty."))
    name, arn, created, password, used, changed, mfa = cells[:7]
    found = _ARN.fullmatch(arn)
    named = found is not None and found[4] == name  # then it is a name of the same form
    if not named and name != ROOT and not _NAME.fullmatch(name):
        raise _WrongCell("user-name", _("“%(name)s” isn’t the name of a user.", name=name[:80]))
    if not found:
        raise _WrongCell("arn", _("“%(arn)s” isn’t the ARN of a user.", arn=arn[:80]))
    if not named and not (found[2] and name == ROOT):
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
