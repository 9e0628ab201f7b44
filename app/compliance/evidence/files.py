"""An account's findings as a file, in each format that exists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine

from app.compliance.data.queries import Filter, RuleFinding
from app.compliance.data.rows import AccountRow
from app.compliance.evidence import asff, ocsf
from app.compliance.evidence.about import About, about_account
from app.compliance.evidence.completeness import completeness
from app.compliance.evidence.html import Report
from app.compliance.export import ADDED, COLUMNS, Who, as_rows, findings_for
from app.compliance.rules.subjects import Terms
from app.compliance.standards.standard import Standard, items_by_rule
from app.web.exports import as_csv, as_json

Findings = Iterable[tuple[Who, RuleFinding]]


@dataclass(frozen=True)
class Export:
    """What goes into a file."""

    engine: Engine
    about: About
    stored: AccountRow
    terms: Terms
    standards: Sequence[Standard]
    chosen: Filter
    only: str = ""
    """Id of the standard whose rules are wanted, "" for all rules."""
    behind: bool = False
    """As for `app.compliance.export.exported`."""

    @property
    def whole(self) -> bool:
        """Is it of all results, with nothing left out?"""
        chosen = self.chosen
        return not (chosen.rule or chosen.state or chosen.text or chosen.kind or self.only)

    @classmethod
    def of(
        cls,
        engine: Engine,
        stored: AccountRow,
        terms: Terms,
        standards: Sequence[Standard],
        config: Mapping[str, Any],
        chosen: Filter | None = None,
        only: str = "",
        *,
        behind: bool = False,
    ) -> Export:
        """Return an export that is made now. config: Flask's. chosen: None for all findings."""
        with engine.connect() as connection:
            complete = completeness(connection, stored)
        about = about_account(stored, terms, standards, config["AWS_REGION"], datetime.now(UTC), complete)
        return cls(engine, about, stored, terms, standards, chosen or Filter(), only, behind)

    def findings(self) -> Iterator[tuple[Who, RuleFinding]]:
        """Yield the findings, and whom each is about."""
        return findings_for(
            self.engine, self.stored, self.terms, self.chosen, self.standards, self.only, behind=self.behind
        )

    def report(self) -> Report:
        """Return a report to read, without findings yet."""
        return Report(self.engine, self.about, self.terms, self.standards)


def _csv(export: Export, found: Findings) -> Iterator[str]:
    rows = as_rows(found, export.about.account_id, export.terms, export.standards, export.about.made_at)
    return as_csv(COLUMNS, rows, ADDED)


def _json(export: Export, found: Findings) -> Iterator[str]:
    return as_json(as_rows(found, export.about.account_id, export.terms, export.standards, export.about.made_at))


def _ocsf(export: Export, found: Findings) -> Iterator[str]:
    items = items_by_rule(export.standards, export.terms)
    return as_json(ocsf.finding(export.about, export.terms, items, *each) for each in found)


def _asff(export: Export, found: Findings) -> Iterator[str]:
    items = items_by_rule(export.standards, export.terms)
    return as_json(asff.finding(export.about, export.terms, items, *each) for each in found)


def _html(export: Export, found: Findings) -> Iterator[str]:
    report = export.report()
    for each in found:
        report.add(*each)
    return report.text()


class Format(NamedTuple):
    """A format of files."""

    ending: str
    mimetype: str
    write: Callable[[Export, Findings], Iterator[str]]

    def text(self, export: Export) -> Iterator[str]:
        """Yield the parts of the file."""
        return self.write(export, export.findings())


STREAMED: Mapping[str, Format] = {
    "csv": Format("csv", "text/csv", _csv),
    "json": Format("json", "application/json", _json),
    "ocsf": Format("ocsf.json", "application/json", _ocsf),
    "asff": Format("asff.json", "application/json", _asff),
}
"""Formats that write a finding when they get it."""
HTML = Format("html", "text/html", _html)
FORMATS: Mapping[str, Format] = {**STREAMED, "html": HTML}
"""By name. The pack (`app.compliance.evidence.pack`) has a file of each."""
