"""A report to read and to print, in one HTML file: figures by rule, and everyone who doesn't pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from jinja2 import Environment, FileSystemLoader
from sqlalchemy import Engine

from app.compliance import labels
from app.compliance.data import queries
from app.compliance.data.daily import Count, Figures
from app.compliance.data.queries import RuleFinding
from app.compliance.evidence.about import About
from app.compliance.export import Who
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import RULES, applying, demanded
from app.compliance.rules.verdicts import State
from app.compliance.standard_results import StandardResult, result_of
from app.compliance.standards.standard import Standard, items_by_rule
from app.places import TEMPLATES
from app.text.dates import written
from app.text.messages import _, ngettext

NOTHING_REMOTE = "default-src 'none'; style-src 'unsafe-inline'"
"""Content security policy of the file: browsers load nothing and run nothing."""


@cache
def _pages() -> Environment:
    """Templates without the portal's pages around them: commands have none."""
    pages = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, extensions=["jinja2.ext.i18n"])
    pages.filters |= {"date": written, "translated": _}
    pages.globals |= {"_": _, "gettext": _, "ngettext": ngettext}
    pages.policies["ext.i18n.trimmed"] = True
    pages.newstyle_gettext = True  # type: ignore[attr-defined] # of the extension
    return pages


@dataclass
class Report:
    """A report that is being collected, finding by finding."""

    engine: Engine
    about: About
    terms: Terms
    standards: Sequence[Standard]
    counts: dict[str, Counter[State]] = field(default_factory=dict)
    """Findings by rule and state."""
    listed: dict[str, list[tuple[Who, RuleFinding]]] = field(default_factory=dict)
    """By rule, those that don't pass."""

    def add(self, who: Who, found: RuleFinding) -> None:
        """Count a finding, and list it unless it passes."""
        self.counts.setdefault(found.rule.id, Counter())[found.verdict.state] += 1
        if found.verdict.state is not State.PASS:
            self.listed.setdefault(found.rule.id, []).append((who, found))

    def results(self) -> list[StandardResult]:
        """Return what the collected findings say of the account's standards."""
        counts = {
            rule: Count(found[State.PASS], found[State.FAIL], found[State.UNKNOWN], found[State.EXCEPTED])
            for rule, found in self.counts.items()
        }
        return [result_of(each, self.terms, Figures(rules=counts)) for each in self.standards]

    def text(self) -> Iterator[str]:
        """Yield the parts of the file."""
        with self.engine.connect() as connection:
            exceptions = queries.exceptions(connection, self.about.account_id, self.terms.now)
        return (
            _pages()
            .get_template("compliance/evidence_report.html")
            .generate(
                nothing_remote=NOTHING_REMOTE,
                about=self.about,
                rules=[rule for rule in applying(RULES, self.terms) if rule.id in self.counts],
                counts=self.counts,
                listed=self.listed,
                exceptions=exceptions,
                standards=self.results(),
                items=items_by_rule(self.standards, self.terms),
                demanded=lambda rule: demanded(rule, self.terms),
                labels=labels,
                states=labels.WORST_FIRST,
            )
        )
