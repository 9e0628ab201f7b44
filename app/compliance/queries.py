"""Reading what is known: people by filter, one person, rules with their evidence, rows for export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, UnaryExpression, func, or_, select

from app.compliance.rows import account_verdicts, exceptions_of, subject_of
from app.compliance.rules import CIS_VERSIONS, OF_ACCOUNT, OF_PEOPLE, Rule, evidence, judged
from app.compliance.subjects import Account, Seen, Subject, Terms
from app.compliance.verdicts import State, Verdict
from app.models import ComplianceChange, ComplianceException, CompliancePerson

PAGE = 50
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "mfa-all": ("MFA", ("mfa", "mfa-console")),
    "keys-all": ("Access keys", ("key-age", "one-active-key", "key-at-creation")),
    "unused-all": ("Unused", ("unused", "signed-in")),
    "public-keys-all": ("SSH keys and certificates", ("ssh-key-age", "certificate-age")),
}
"""Groups of findings that people ask for together: id to title and rules."""
NOT_PASSING = "not-passing"
"""Fails or is not known."""
SORTS = ("name", "findings", "created", "signed-in", "oldest-key")


@dataclass(frozen=True)
class Filter:
    """Which people, in which order; empty means any."""

    rule: str = ""
    """Id of a rule or of a group."""
    state: str = ""
    """A State, or NOT_PASSING."""
    text: str = ""
    """Part of the user name or path."""
    sort: str = "name"
    """One of SORTS, with "-" in front for the other way round."""
    page: int = 1


@dataclass(frozen=True)
class Page:
    """Some people."""

    rows: Sequence[Row[Any]]
    total: int
    number: int

    @property
    def last(self) -> int:
        """Number of the last page."""
        return max(1, -(-self.total // PAGE))


def _conditions(account_id: str, chosen: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [CompliancePerson.account_id == account_id]
    if chosen.text:
        found.append(
            or_(
                CompliancePerson.user_name.icontains(chosen.text, autoescape=True),
                CompliancePerson.path.icontains(chosen.text, autoescape=True),
            )
        )
    wanted = (State.FAIL, State.UNKNOWN) if chosen.state == NOT_PASSING else (chosen.state,) if chosen.state else ()
    rules = GROUPS[chosen.rule][1] if chosen.rule in GROUPS else (chosen.rule,) if chosen.rule else ()
    if wanted == (State.FAIL,) and not rules:
        found.append(CompliancePerson.failed > 0)
    elif wanted or rules:
        words = [f" {rule}={state} " if state else f" {rule}=" for rule in rules for state in wanted or ("",)]
        words = words if rules else [f"={state} " for state in wanted]
        found.append(or_(*(CompliancePerson.verdicts.contains(word, autoescape=True) for word in words)))
    return found


def _order(sort: str) -> list[UnaryExpression[Any] | ColumnElement[Any]]:
    column: Any = {
        "name": CompliancePerson.user_name,
        "findings": CompliancePerson.failed.desc(),
        "created": CompliancePerson.created_at,
        "signed-in": CompliancePerson.password_last_used,
        "oldest-key": CompliancePerson.oldest_key_at,
    }[sort.removeprefix("-")]
    if sort.startswith("-"):
        column = CompliancePerson.failed.asc() if sort == "-findings" else column.desc()
    elif sort != "findings":
        column = column.asc()
    return [column.nulls_last(), CompliancePerson.user_name]


def people(connection: Connection, account_id: str, chosen: Filter, size: int = PAGE) -> Page:
    """A page of people."""
    conditions = _conditions(account_id, chosen)
    total = connection.execute(select(func.count()).select_from(CompliancePerson).where(*conditions)).scalar_one()
    query = select(CompliancePerson.__table__).where(*conditions).order_by(*_order(chosen.sort))
    rows = connection.execute(query.limit(size).offset((chosen.page - 1) * size)).all()
    return Page(rows, total, chosen.page)


def everyone(connection: Connection, account_id: str, chosen: Filter) -> Iterator[Row[Any]]:
    """All that fit, a few at a time in memory."""
    query = select(CompliancePerson.__table__).where(*_conditions(account_id, chosen)).order_by(*_order(chosen.sort))
    yield from connection.execution_options(yield_per=500).execute(query)


def person(connection: Connection, account_id: str, user_name: str) -> Row[Any] | None:
    """One person."""
    query = select(CompliancePerson.__table__).where(
        CompliancePerson.account_id == account_id, CompliancePerson.user_name == user_name
    )
    return connection.execute(query).first()


def changes(connection: Connection, account_id: str, user_name: str, at_most: int = 50) -> Sequence[Row[Any]]:
    """When they began to fail a rule or stopped, newest first."""
    query = (
        select(ComplianceChange.__table__)
        .where(ComplianceChange.account_id == account_id, ComplianceChange.user_name == user_name)
        .order_by(ComplianceChange.at.desc(), ComplianceChange.id)
        .limit(at_most)
    )
    return connection.execute(query).all()


def exceptions(
    connection: Connection, account_id: str, now: datetime, user_name: str | None = None, *, over: bool = False
) -> Sequence[Row[Any]]:
    """Exceptions in force, or those that are over; by whom they are for."""
    in_force = ComplianceException.ended_at.is_(None) & (ComplianceException.until > now)
    query = (
        select(ComplianceException.__table__)
        .where(ComplianceException.account_id == account_id, ~in_force if over else in_force)
        .order_by(ComplianceException.until.desc(), ComplianceException.id)
    )
    if user_name is not None:
        query = query.where(ComplianceException.user_name == user_name)
    return connection.execute(query.limit(500)).all()


@dataclass(frozen=True)
class Finding:
    """What a rule says of somebody, or of the account, with what it goes by."""

    rule: Rule
    verdict: Verdict
    evidence: tuple[tuple[str, Seen], ...]
    exception: Row[Any] | None = None


def findings(
    subject: Subject | Account, verdicts: Mapping[str, Verdict], rules: Sequence[Rule], excepted: Sequence[Row[Any]]
) -> list[Finding]:
    """In order of the rules; those that are not about the subject are left out."""
    by_rule = {row.rule: row for row in excepted}
    return [
        Finding(
            rule,
            verdicts[rule.id],
            tuple(evidence(rule, subject)),
            by_rule.get(rule.id) if verdicts[rule.id].state is State.EXCEPTED else None,
        )
        for rule in rules
        if rule.id in verdicts
    ]


def findings_of(connection: Connection, held: Row[Any], row: Row[Any], terms: Terms) -> list[Finding]:
    """A person's."""
    in_force = exceptions(connection, held.account_id, terms.now, row.user_name)
    known = subject_of(row, held)
    verdicts = judged(known, terms, {each.rule: each.until for each in reversed(in_force)})
    return findings(known, verdicts, OF_PEOPLE, in_force)


def evidence_of(
    connection: Connection, held: Row[Any], people: Sequence[Row[Any]], terms: Terms, rule: Rule
) -> list[tuple[Row[Any], Finding]]:
    """What one rule says of some people, and what it goes by."""
    until = exceptions_of(connection, held.account_id, terms.now)
    kept: dict[str, list[Row[Any]]] = {}
    for row in exceptions(connection, held.account_id, terms.now):
        kept.setdefault(row.user_name, []).append(row)
    found = []
    for row in people:
        known = subject_of(row, held)
        verdicts = judged(known, terms, until.get(row.user_name), (rule,))
        found += [(row, finding) for finding in findings(known, verdicts, (rule,), kept.get(row.user_name, ()))]
    return found


def findings_of_account(connection: Connection, held: Row[Any], account: Account, terms: Terms) -> list[Finding]:
    """The account's own."""
    in_force = exceptions(connection, held.account_id, terms.now, "")
    verdicts = account_verdicts(held, terms, exceptions_of(connection, held.account_id, terms.now))
    return findings(account, verdicts, OF_ACCOUNT, in_force)


COLUMNS = (
    "account_id", "user_name", "arn", "rule", *(f"cis_{version}" for version in CIS_VERSIONS), "requirement",
    "state", "reason", "evidence", "exception_reason", "exception_owner", "exception_until",
)  # fmt: skip


def export(
    engine: Engine, held: Row[Any], account: Account, terms: Terms, chosen: Filter
) -> Iterator[dict[str, Any]]:
    """A row for each person that fits and each rule about them; without a filter the account's own come first."""
    with engine.connect() as connection:
        kept: dict[str, list[Row[Any]]] = {}
        for row in exceptions(connection, held.account_id, terms.now):
            kept.setdefault(row.user_name, []).append(row)
        if not (chosen.text or chosen.rule or chosen.state):
            for finding in findings_of_account(connection, held, account, terms):
                yield _exported(held.account_id, "", "", finding, terms)
        until = exceptions_of(connection, held.account_id, terms.now)
    rules = GROUPS[chosen.rule][1] if chosen.rule in GROUPS else (chosen.rule,) if chosen.rule else None
    states = {State.FAIL, State.UNKNOWN} if chosen.state == NOT_PASSING else {chosen.state} if chosen.state else None
    with engine.connect() as connection:
        for row in everyone(connection, held.account_id, chosen):
            known = subject_of(row, held)
            verdicts = judged(known, terms, until.get(row.user_name))
            for finding in findings(known, verdicts, OF_PEOPLE, kept.get(row.user_name, ())):
                if (rules is None or finding.rule.id in rules) and (
                    states is None or finding.verdict.state in states
                ):
                    yield _exported(held.account_id, row.user_name, row.arn, finding, terms)


def _exported(account_id: str, user_name: str, arn: str, finding: Finding, terms: Terms) -> dict[str, Any]:
    rule, exception = finding.rule, finding.exception
    return {
        "account_id": account_id,
        "user_name": user_name,
        "arn": arn,
        "rule": rule.id,
        **{f"cis_{version}": rule.cis[place] for version, place in CIS_VERSIONS.items()},
        "requirement": rule.requirement.format(**terms._asdict()),
        "state": finding.verdict.state.value,
        "reason": finding.verdict.sentence,
        "evidence": "; ".join(
            f"{name} from {seen.source} of {seen.at:%Y-%m-%dT%H:%M:%SZ}" for name, seen in finding.evidence
        ),
        "exception_reason": exception.reason if exception else "",
        "exception_owner": exception.owner if exception else "",
        "exception_until": exception.until.isoformat() if exception else "",
    }
