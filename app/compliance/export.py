"""Findings as rows of a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Engine

from app.compliance import labels
from app.compliance.data import queries
from app.compliance.data.judgements import subject_of
from app.compliance.data.queries import Filter, RuleFinding
from app.compliance.data.rows import AccountRow
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import CIS_VERSIONS, OF_PEOPLE, cis_by_version, demanded
from app.text.messages import _

COLUMNS = (
    "account_id", "user_name", "arn", "user_id", "rule",
    *(f"cis_{version}" for version in CIS_VERSIONS),
    "requirement", "state", "reason", "evidence", "exception_reason", "exception_owner", "exception_until",
)  # fmt: skip


def exported(
    engine: Engine, stored: AccountRow, terms: Terms, chosen: Filter, *, behind: bool = False
) -> Iterator[dict[str, Any]]:
    """Yield a row for each finding that matches, the account's own first. A filter by name matches users only.

    behind: some stored verdicts are as of earlier, so users can't be chosen by them.
    """
    rules, states = chosen.rules, chosen.states
    users = replace(chosen, rule="", state="") if behind else chosen

    def fits(finding: RuleFinding) -> bool:
        return (not rules or finding.rule.id in rules) and (not states or finding.verdict.state in states)

    with engine.connect() as connection:
        if not chosen.text:
            for finding in filter(fits, queries.findings_of_account(connection, stored, terms)):
                yield _row(stored.account_id, ("", "", ""), finding, terms)
        by_name = queries.excepted(connection, stored.account_id, terms.now)
        for row in queries.everyone(connection, stored.account_id, users):
            found = queries.findings(subject_of(row, stored), terms, by_name.get(row.user_name, ()), OF_PEOPLE)
            for finding in filter(fits, found):
                yield _row(stored.account_id, (row.user_name, row.arn, row.user_id), finding, terms)


def _row(account_id: str, user: tuple[str, str, str], finding: RuleFinding, terms: Terms) -> dict[str, Any]:
    user_name, arn, user_id = user
    rule, exception = finding.rule, finding.exception
    return {
        "account_id": account_id,
        "user_name": user_name,
        "arn": arn,
        "user_id": user_id,
        "rule": rule.id,
        **{f"cis_{version}": number for version, number in cis_by_version(rule, terms).items()},
        "requirement": demanded(rule, terms),
        "state": finding.verdict.state.value,
        "reason": finding.verdict.sentence,
        "evidence": "; ".join(
            f"{_(labels.FACTS[name])}: {_(labels.SOURCES[seen.source])} {seen.at:%Y-%m-%dT%H:%M:%SZ}"
            for name, seen in finding.evidence
        ),
        "exception_reason": exception.reason if exception else "",
        "exception_owner": exception.owner if exception else "",
        "exception_until": exception.until.isoformat() if exception else "",
    }
