"""AWS's credential report, read by column name. Raises NotAReport for what isn't one, or isn't complete. Pure.

The format (IAM User Guide, and as observed): comma-separated with a header, 22 columns or more, the root user first,
booleans in either letter case, times in ISO 8601, and N/A, no_information or not_supported where there is no value.
"""

from __future__ import annotations

import csv
import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from operator import itemgetter
from types import MappingProxyType
from typing import NamedTuple

from app.compliance.data import report_formats as report_forms
from app.compliance.data.report_cells import (
    COLUMNS,
    PASSWORD,
    ROOT,
    USES,
    ReportPerson,
    Times,
    Use,
    WrongCell,
    later,
    read_row,
    root_facts,
)
from app.compliance.data.report_formats import NotAReport
from app.compliance.data.rows import AccountRow, KnownUser
from app.compliance.rules.sources import RootFacts
from app.text.messages import _, ngettext

CLOCKS = timedelta(hours=1)
"""How much earlier a time typed for the report may be than the latest time in it."""
_MOMENTS = tuple(name for name in COLUMNS if name.endswith(("_time", "_used", "_changed", "_rotated", "_used_date")))
LARGEST = 24 * 1024 * 1024
"""Bytes. A report of 5,000 users has about 1.5 million, one of 50,000 in base64 about 17 million."""
LONGEST_LINE = 2000
"""Characters of a line that is kept. AWS writes about 300, at most 900."""


class Known(NamedTuple):
    """What is stored of the last report, so that the same lines of a newer one needn't be read again."""

    account_id: str = ""
    columns: str = ""
    """The hash of its header."""
    lines: Mapping[str, str] = MappingProxyType({})
    """By user name: the line, "" where it has to be read."""
    number: int = 0
    """How many users it had."""
    latest: str = ""
    """The latest time in it."""
    account: AccountRow | None = None
    known_users: Sequence[KnownUser] = ()
    """Of all users, as long as the account stays as it is."""


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
    used: Mapping[str, Use]
    """Users whose line differs from the known one only by later uses (`report_cells.USES`), by name."""
    lines: Mapping[str, str] = field(compare=False)
    """The line of every user, by name, "" where it can't be kept."""
    columns: str = field(compare=False)
    """The hash of the header."""
    latest: str = field(compare=False)
    """The latest time in it."""
    known: Known = field(compare=False, repr=False)
    """What it was compared with."""


def parse(content: bytes, made_at: datetime | None = None, known: Known = NOTHING_KNOWN) -> CredentialReport:
    """Read a report: CSV, or what `aws iam get-credential-report` prints (`report_formats`).

    made_at: when AWS made it, as a user typed. If the file itself says it, that counts. known: of the last report;
    lines that are still the same are not read. Raises NotAReport.
    """
    if len(content) > LARGEST:
        too_large = _("This file is larger than any credential report. Nothing was changed.")
        raise NotAReport(too_large, diagnosis="too-large")
    if not content.strip():
        nothing = _(
            "This isn’t a credential report: the file is empty. AWS takes seconds to make one. Nothing was changed."
        )
        raise NotAReport(nothing, diagnosis="nothing")
    text, stated_at = report_forms.opened(content)
    made_at = stated_at or made_at
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


class _Reading:
    """A report while its lines are read. Each raises NotAReport where it can't be one."""

    def __init__(self, header: list[str], at: list[int], between: str, known: Known) -> None:
        self.width, self.between, self.known = len(header), between, known
        self.chosen, self.name_at, self.password_at = itemgetter(*at), at[0], at[PASSWORD]
        self.moments = itemgetter(*(at[COLUMNS.index(name)] for name in _MOMENTS))
        self.uses_at = [at[COLUMNS.index(name)] for name in USES]
        self.lasting = itemgetter(*(each for each in at if each not in self.uses_at))
        self.times = Times()
        self.account = ""
        self.root: RootFacts | None = None
        self.people: list[ReportPerson] = []
        self.used: dict[str, Use] = {}
        self.lines: dict[str, str] = {}
        self.same: list[str] = []
        """Lines that differ from the known ones only by later uses."""

    def report(self, rows: Iterable[str | list[str]], made_at: datetime | None, columns: str) -> CredentialReport:
        """Read all rows: lines without quotes, or cells."""
        known, name_at, between = self.known.lines, self.name_at, self.between
        for number, row in enumerate(rows, 2):
            if not row:
                continue
            if isinstance(row, str):
                line, name = row, row.partition(between)[0] if not name_at else row.split(between)[name_at]
            else:
                line, name = between.join(row), row[name_at] if len(row) > name_at else ""
                if len(row) != self.width or line.count(between) >= self.width:
                    line = ""  # a cell has a comma
            before = known.get(name)
            if before and self.account == self.known.account_id:
                if before == line:
                    if name in self.lines:
                        raise _twice(number, name)
                    self.lines[name] = line
                    self.same.append(line)
                    continue
                if line and self._only_used(number, name, before, line):
                    continue
            self._read(number, row.split(between) if isinstance(row, str) else row, line)
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
            self.account,
            made_at or moment,
            made_at is not None,
            self.root,
            self.people,
            self.used,
            self.lines,
            columns,
            latest,
            self.known,
        )

    def _only_used(self, number: int, name: str, before: str, line: str) -> bool:
        """Accept a line that differs from the known one only by later uses. Return whether it is one."""
        was, row = before.split(self.between), line.split(self.between)
        if len(row) != self.width or len(was) != self.width or self.lasting(row) != self.lasting(was):
            return False
        times = self.times
        for at in self.uses_at:
            cell, former = row[at], was[at]
            if cell != former:
                # Only spellings count that sort as the times do.
                if cell[19:] != "Z" or former[19:] != "Z" or cell < former:
                    return False
                try:
                    times[cell]
                except WrongCell:
                    return False  # reading the line says what is wrong with it
        if name in self.lines:
            raise _twice(number, name)
        self.lines[name] = self._kept(line)
        self.used[name] = Use(before, self.chosen(row))
        self.same.append(line)
        return True

    @staticmethod
    def _kept(line: str) -> str:
        """The line, or "" where it is longer than any of AWS's, or no database takes it."""
        return line if len(line) <= LONGEST_LINE and "\0" not in line else ""

    def _read(self, number: int, row: list[str], line: str) -> None:
        if len(row) != self.width:
            raise _cut(number)
        try:
            account, person = read_row(self.chosen(row), self.times)
        except WrongCell as error:
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
            self.root = root_facts(person.facts, row[self.password_at])
            return
        if name in self.lines:
            raise _twice(number, name)
        self.lines[name] = self._kept(line)
        self.people.append(person)

    def _latest(self) -> str:
        """The latest time, "" where there is none."""
        read, before = self.times.latest(), self.known.latest
        if not self.same or later(read, before) == read:
            return read
        if len(self.same) == self.known.number:
            return before
        for row in self.same:
            for cell in self.moments(row.split(self.between)):
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


__all__ = ["CredentialReport", "NotAReport", "ReportPerson", "parse"]
