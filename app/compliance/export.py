"""Findings as rows of a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Engine

from app.compliance import labels
from app.compliance.data import queries
from app.compliance.data.judgements import subject_of
from app.compliance.data.queries import Filter, RuleFinding
from app.compliance.data.rows import AccountRow
from app.compliance.rules.subjects import Seen, Terms
from app.compliance.rules.table import OF_PEOPLE, RULES, applying, demanded
from app.compliance.standards.shipped import CIS, shipped
from app.compliance.standards.standard import Standard, items_by_rule
from app.text.messages import _

COLUMNS = (
    "account_id", "user_name", "arn", "user_id", "rule",
    *(f"cis_{version}" for version in CIS),
    "requirement", "state", "reason", "evidence", "exception_reason", "exception_owner", "exception_until",
)  # fmt: skip
ADDED = ("standards",)
"""Columns behind the exact user name: new ones come last, so that programs that count columns still work."""


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
    behind: some stored verdicts are as of earlier, so users can't be chosen by them.
    """
    rules, states = chosen.rules, chosen.states
    users = replace(chosen, rule="", state="") if behind else chosen
    columns, told = _columns_by_rule(terms, standards), _Told()
    among = items_by_rule([each for each in standards if each.id == only], terms)

    def fits(finding: RuleFinding) -> bool:
        return (
            (not rules or finding.rule.id in rules)
            and (not states or finding.verdict.state in states)
            and (not only or finding.rule.id in among)
        )

    with engine.connect() as connection:
        if not chosen.text:
            for finding in filter(fits, queries.findings_of_account(connection, stored, terms)):
                yield _row(stored.account_id, ("", "", ""), finding, columns, told)
        of_people = applying(OF_PEOPLE, terms)
        by_name = queries.excepted(connection, stored.account_id, terms.now)
        for row in queries.everyone(connection, stored.account_id, users):
            found = queries.findings(subject_of(row, stored), terms, by_name.get(row.user_name, ()), of_people)
            for finding in filter(fits, found):
                yield _row(stored.account_id, (row.user_name, row.arn, row.user_id), finding, columns, told)


class _Same(NamedTuple):
    """What is the same in all rows of a rule."""

    before: dict[str, str]
    """Columns before the verdict."""
    standards: str
    """The last column."""


def _columns_by_rule(terms: Terms, standards: Sequence[Standard]) -> dict[str, _Same]:
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
            "; ".join(f"{each.id} {control.number}" for each, control in followed.get(rule.id, ())),
        )
        for rule in applying(RULES, terms)
    }


class _Told(dict[tuple[tuple[str, Seen], ...], str]):
    """The evidence of a finding, as text. Thousands of findings have the same."""

    def __missing__(self, evidence: tuple[tuple[str, Seen], ...]) -> str:
        text = "; ".join(
            f"{_(labels.FACTS[name])}: {_(labels.SOURCES[seen.source])} {seen.at:%Y-%m-%dT%H:%M:%SZ}"
            for name, seen in evidence
        )
        if len(self) < MOST_TOLD:
            self[evidence] = text
        return text


MOST_TOLD = 10_000


def _row(
    account_id: str,
    user: tuple[str, str, str],
    finding: RuleFinding,
    columns: Mapping[str, _Same],
    told: Mapping[tuple[tuple[str, Seen], ...], str],
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
        "evidence": told[finding.evidence],
        "exception_reason": exception.reason if exception else "",
        "exception_owner": exception.owner if exception else "",
        "exception_until": exception.until.isoformat() if exception else "",
        "standards": same.standards,
    }
