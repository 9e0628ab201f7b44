"""Findings as rows of a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Engine

from app import __version__
from app.compliance import labels
from app.compliance.data import queries
from app.compliance.data.judgements import subject_of
from app.compliance.data.queries import Filter, RuleFinding
from app.compliance.data.rows import AccountRow
from app.compliance.rules.policies import WorksWithoutMfa, conditions_of
from app.compliance.rules.rule import Rule
from app.compliance.rules.subjects import Seen, Terms
from app.compliance.rules.table import OF_PEOPLE, RULES, applying, demanded
from app.compliance.rules.variants import EVIDENCE
from app.compliance.standards.shipped import CIS, shipped
from app.compliance.standards.standard import Standard, items_by_rule
from app.text.messages import _

COLUMNS = (
    "account_id", "user_name", "arn", "user_id", "rule",
    *(f"cis_{version}" for version in CIS),
    "requirement", "state", "reason", "evidence", "exception_reason", "exception_owner", "exception_until",
)  # fmt: skip
ADDED = (
    "standards", "severity", "control_titles", "exception_made_by", "exception_made_at", "thresholds", "as_of",
    "exported_at", "product_version", "exception_approved_by", "exception_approved_at",
    "exception_rule", "request_action", "request_resource", "request_with", "request_conditions",
    "request_statement", "request_policy",
)  # fmt: skip
"""Columns after COLUMNS. In CSV files, `user_name_exact` is between the two: `as_csv` in `app.web.exports` adds it.

New columns come last, so that programs that count columns still work.
"""


def exported(
    engine: Engine,
    stored: AccountRow,
    terms: Terms,
    chosen: Filter,
    standards: Sequence[Standard] = (),
    only: str = "",
    *,
    behind: bool = False,
) -> Iterator[dict[str, Any]]:
    """Yield a row for each finding that matches, the account's own first. A filter by name matches users only.

    standards: which the account follows. only: id of one of them, "" for all: then rows of other rules are left out.
    behind: some stored verdicts are out of date, so users can't be chosen by them.
    """
    found = findings_for(engine, stored, terms, chosen, standards, only, behind=behind)
    return as_rows(found, stored.account_id, terms, standards, datetime.now(UTC))


def as_rows(
    found: Iterable[tuple[Who, RuleFinding]],
    account_id: str,
    terms: Terms,
    standards: Sequence[Standard],
    made_at: datetime,
) -> Iterator[dict[str, Any]]:
    """Yield a row for each finding. made_at: when the file is made."""
    columns, evidence = _columns_by_rule(terms, standards, made_at), _EvidenceTexts()
    for who, finding in found:
        yield _row(account_id, who, finding, columns, evidence)


class Who(NamedTuple):
    """Whom a finding is about: a user, or with empty texts the account."""

    user_name: str = ""
    arn: str = ""
    user_id: str = ""


def findings_for(
    engine: Engine,
    stored: AccountRow,
    terms: Terms,
    chosen: Filter,
    standards: Sequence[Standard] = (),
    only: str = "",
    *,
    behind: bool = False,
) -> Iterator[tuple[Who, RuleFinding]]:
    """Yield each finding that matches, as `exported` does, with whom it is about."""
    rules, states = chosen.rules, chosen.states
    users = replace(chosen, rule="", state="") if behind else chosen
    among = items_by_rule([each for each in standards if each.id == only], terms)

    def fits(finding: RuleFinding) -> bool:
        return (
            (not rules or finding.rule.id in rules)
            and (not states or finding.verdict.state in states)
            and (not only or finding.rule.id in among)
        )

    with engine.connect() as connection:
        if not chosen.text and not chosen.kind:
            for finding in filter(fits, queries.findings_of_account(connection, stored, terms)):
                yield Who(), finding
        of_people = applying(OF_PEOPLE, terms)
        by_name = queries.excepted(connection, stored.account_id, terms.now)
        for row in queries.everyone(connection, stored.account_id, users):
            found = queries.findings(subject_of(row, stored), terms, by_name.get(row.user_name, ()), of_people)
            for finding in filter(fits, found):
                yield Who(row.user_name, row.arn, row.user_id), finding


class _Same(NamedTuple):
    """What is the same in all rows of a rule."""

    before: dict[str, str]
    """Columns before the verdict."""
    after: dict[str, str]
    """Columns behind the exception's first three."""
    last: dict[str, str]
    """The last columns."""


def _columns_by_rule(terms: Terms, standards: Sequence[Standard], made_at: datetime) -> dict[str, _Same]:
    """Return by rule id what is the same in all rows of a rule."""
    cis = {version: items_by_rule([shipped(f"cis-{version}")], terms) for version in CIS}
    followed = items_by_rule(standards, terms)
    return {
        rule.id: _Same(
            {
                "rule": rule.id,
                **{
                    f"cis_{version}": " ".join(control.number for _, control in items.get(rule.id, ()))
                    for version, items in cis.items()
                },
                "requirement": demanded(rule, terms),
            },
            {
                "standards": "; ".join(f"{each.id} {control.number}" for each, control in followed.get(rule.id, ())),
                "severity": rule.severity,
                "control_titles": "; ".join(_(control.title) for _each, control in followed.get(rule.id, ())),
            },
            {
                "thresholds": "; ".join(
                    f"{name.replace('_', '-')}={number}" for name, number in numbers_of(rule, terms)
                ),
                "as_of": f"{terms.now:%Y-%m-%dT%H:%M:%SZ}",
                "exported_at": f"{made_at:%Y-%m-%dT%H:%M:%SZ}",
                "product_version": __version__,
            },
        )
        for rule in applying(RULES, terms)
    }


class _EvidenceTexts(dict[tuple[tuple[str, Seen], ...], str]):
    """The evidence of a finding, as text. Thousands of findings have the same."""

    def __missing__(self, evidence: tuple[tuple[str, Seen], ...]) -> str:
        text = "; ".join(
            f"{_(labels.FACTS[name])}: {_(labels.SOURCES[seen.source])} {seen.at:%Y-%m-%dT%H:%M:%SZ}"
            for name, seen in evidence
        )
        if len(self) < MOST_TEXTS:
            self[evidence] = text
        return text


MOST_TEXTS = 10_000


def _row(
    account_id: str,
    user: Who,
    finding: RuleFinding,
    columns: Mapping[str, _Same],
    evidence: Mapping[tuple[tuple[str, Seen], ...], str],
) -> dict[str, Any]:
    user_name, arn, user_id = user
    same, exception = columns[finding.rule.id], finding.exception
    return {
        "account_id": account_id,
        "user_name": user_name,
        "arn": arn,
        "user_id": user_id,
        **same.before,
        "state": finding.verdict.state.value,
        "reason": finding.verdict.sentence,
        "evidence": evidence[finding.evidence],
        "exception_reason": exception.reason if exception else "",
        "exception_owner": exception.owner if exception else "",
        "exception_until": exception.until.isoformat() if exception else "",
        **same.after,
        "exception_made_by": exception.made_by if exception else "",
        "exception_made_at": f"{exception.made_at:%Y-%m-%dT%H:%M:%SZ}" if exception else "",
        **same.last,
        "exception_approved_by": exception.approved_by if exception else "",
        "exception_approved_at": f"{exception.approved_at:%Y-%m-%dT%H:%M:%SZ}"
        if exception and exception.approved_at
        else "",
        "exception_rule": exception.rule if exception else "",
        **(request_of(finding.works) if finding.works else _NO_REQUEST),
    }


def request_of(works: WorksWithoutMfa) -> dict[str, str]:
    """Return the columns about a request that works without MFA."""
    request = works.request
    return {
        "request_action": request["action"],
        "request_resource": request["resource"],
        "request_with": request["session"],
        "request_conditions": conditions_of(request["context"]),
        "request_statement": request["statement"],
        "request_policy": works.policy,
    }


_NO_REQUEST = dict.fromkeys((name for name in ADDED if name.startswith("request_")), "")


def numbers_of(rule: Rule, terms: Terms) -> list[tuple[str, int]]:
    """Return the numbers by which a rule judges, by name in Terms: its own threshold, and how old evidence may be."""
    names = [name for name in (rule.threshold, EVIDENCE) if name]
    return [(name, rule.numbers.get(name, getattr(terms, name))) for name in names]
