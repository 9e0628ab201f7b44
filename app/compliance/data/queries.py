"""Reading what is known: users by filter, one user, findings with their evidence and exceptions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, UnaryExpression, bindparam, false, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from app.compliance.data.account_data import in_force, not_over
from app.compliance.data.judgements import account_of, subject_of
from app.compliance.data.models import ComplianceChange, ComplianceException, CompliancePerson
from app.compliance.data.people_data import read_people
from app.compliance.data.rows import AccountRow, ChangeRow, ExceptionRow, PersonRow
from app.compliance.rules.policies import FORCED, WorksWithoutMfa, works_without_mfa
from app.compliance.rules.rule import Rule
from app.compliance.rules.subjects import Account, Seen, Subject, Terms
from app.compliance.rules.table import (
    BY_ID,
    GROUPS,
    OF_ACCOUNT,
    OF_PEOPLE,
    applying,
    covering,
    evidence,
    judged,
    rules_in,
)
from app.compliance.rules.verdicts import Fix, State, Verdict

PAGE = 25
NOT_PASSING = "not-passing"
"""As a state to ask for: fails or unknown."""
SORTS = ("name", "findings", "created", "signed-in", "oldest-key")


@dataclass(frozen=True)
class Filter:
    """Which users, in which order. Empty means any."""

    rule: str = ""
    """Id of a rule or of a group."""
    state: str = ""
    """A State, or NOT_PASSING."""
    text: str = ""
    """Part of the user name or path."""
    sort: str = "name"
    """One of SORTS. A "-" in front reverses it."""
    page: int = 1
    kind: str = ""
    """"service" for service users only, "people" for all others."""
    service_users: tuple[tuple[str, str], ...] = ()
    """As in Terms: which these are."""

    @property
    def rules(self) -> tuple[str, ...]:
        """The ids of the rules asked for, none for any."""
        if self.rule in GROUPS:
            return rules_in(self.rule)
        return (self.rule,) if self.rule else ()

    @property
    def states(self) -> tuple[str, ...]:
        """The states asked for, none for any."""
        if self.state == NOT_PASSING:
            return (State.FAIL, State.UNKNOWN)
        return (self.state,) if self.state else ()


@dataclass(frozen=True)
class PageOfPeople:
    """A page of a list of users."""

    rows: Sequence[PersonRow]
    total: int
    number: int
    size: int

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max(1, -(-self.total // self.size))


def _conditions(account_id: str, chosen: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [CompliancePerson.account_id == account_id]
    if chosen.text:
        found.append(
            or_(
                CompliancePerson.user_name.icontains(chosen.text, autoescape=True),
                CompliancePerson.path.icontains(chosen.text, autoescape=True),
            )
        )
    if chosen.kind and chosen.service_users:
        service = func.coalesce(or_(*(_matches(kind, pattern) for kind, pattern in chosen.service_users)), false())
        found.append(service if chosen.kind == "service" else ~service)
    verdicts = _verdicts(chosen.rules, chosen.states)
    return found if verdicts is None else [*found, verdicts]


def _matches(kind: str, pattern: str) -> ColumnElement[bool]:
    """The condition of a pattern of SERVICE_USERS."""
    if kind == "tag":
        key, _equals, wanted = pattern.partition("=")
        whose = CompliancePerson.forced["user_id"].as_string()
        same = CompliancePerson.user_id.in_(("", whose))  # not the tags of a former user
        return same & _like(CompliancePerson.forced[("tags", key.lower())].as_string(), wanted)
    return _like(CompliancePerson.path if kind == "path" else CompliancePerson.user_name, pattern)


def _like(column: ColumnElement[str] | InstrumentedAttribute[str], pattern: str) -> ColumnElement[bool]:
    """The condition that the whole text matches a pattern with * and ?."""
    return column.ilike(pattern.replace("_", "\\_").replace("*", "%").replace("?", "_"), escape="\\")


def _verdicts(rules: Sequence[str], states: Sequence[str]) -> ColumnElement[bool] | None:
    """The condition that one of the rules gives one of the states. Empty means any, and None no condition."""
    if states == (State.FAIL,) and not rules:
        return CompliancePerson.failed > 0
    parts = [f"={state} " for state in states]
    if rules:
        parts = [f" {rule}{part}" for rule in rules for part in parts or ("=",)]
    if not parts:
        return None
    return or_(*(CompliancePerson.verdicts.contains(part, autoescape=True) for part in parts))


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


def people(connection: Connection, account_id: str, chosen: Filter, size: int = PAGE) -> PageOfPeople:
    """Return a page of the users that match."""
    conditions = _conditions(account_id, chosen)
    total = connection.execute(select(func.count()).select_from(CompliancePerson).where(*conditions)).scalar_one()
    query = select(CompliancePerson.__table__).where(*conditions).order_by(*_order(chosen.sort))
    found = connection.execute(query.limit(size).offset((chosen.page - 1) * size))
    return PageOfPeople([PersonRow(*columns) for columns in found], total, chosen.page, size)


def everyone(connection: Connection, account_id: str, chosen: Filter) -> Iterator[PersonRow]:
    """Yield all users that match, with 500 at a time in memory."""
    query = select(CompliancePerson.__table__).where(*_conditions(account_id, chosen)).order_by(*_order(chosen.sort))
    for columns in connection.execute(query, execution_options={"yield_per": 500}):
        yield PersonRow(*columns)


def person(connection: Connection, account_id: str, user_name: str) -> PersonRow | None:
    """Return a user's row, None where the name isn't known."""
    return read_people(connection, account_id, CompliancePerson.user_name == user_name).get(user_name)


def own_facts(connection: Connection, account_id: str, user_name: str) -> tuple[str, Mapping[str, Any]] | None:
    """Return a user's unique ID and what their own visits showed, None where the name isn't known."""
    row = connection.execute(_own_facts(), {"account_id": account_id, "user_name": user_name}).one_or_none()
    return (row.user_id, row.own) if row else None


@cache
def _own_facts() -> Select[str, dict[str, Any]]:
    """What `own_facts` asks. Every overview does, and putting it together takes longer than the answer."""
    return select(CompliancePerson.user_id, CompliancePerson.own).where(
        CompliancePerson.account_id == bindparam("account_id"),
        CompliancePerson.user_name == bindparam("user_name"),
    )


def person_by_id(
    connection: Connection, account_id: str, user_id: str, user_name: str, named_at: datetime
) -> PersonRow | None:
    """Return the row of the user with an id, also after a rename. None where they aren't known.

    A row without an id is theirs if it has the name that they had at `named_at`, and its user existed then.
    """
    row = person(connection, account_id, user_name)
    if row and row.user_id and row.user_id == user_id:
        return row
    renamed = read_people(connection, account_id, CompliancePerson.user_id == user_id) if user_id else {}
    if renamed:
        return next(iter(renamed.values()))
    existed = row and not row.user_id and row.created_at and row.created_at <= named_at
    return row if existed else None


def changes(connection: Connection, account_id: str, person: PersonRow, at_most: int = 50) -> list[ChangeRow]:
    """Return when the user began or stopped to fail a rule, newest first. A former user of that name is left out."""
    query = (
        select(ComplianceChange.__table__)
        .where(
            ComplianceChange.account_id == account_id,
            ComplianceChange.user_name == person.user_name,
            ComplianceChange.at >= (person.created_at or datetime.min.replace(tzinfo=UTC)),
            or_(ComplianceChange.was == State.FAIL, ComplianceChange.became == State.FAIL),
        )
        .order_by(ComplianceChange.at.desc(), ComplianceChange.id)
        .limit(at_most)
    )
    return [ChangeRow(*columns) for columns in connection.execute(query)]


def exceptions(
    connection: Connection, account_id: str, now: datetime, user_name: str | None = None, *, over: bool = False
) -> list[ExceptionRow]:
    """Return the exceptions in force, or the latest 500 that are over, with those that end last first.

    user_name: of whom, "" for the account, None for all.
    """
    chosen = ~not_over(now) if over else in_force(now)
    query = (
        select(ComplianceException.__table__)
        .where(ComplianceException.account_id == account_id, chosen)
        .order_by(ComplianceException.until.desc(), ComplianceException.id)
    )
    if user_name is not None:
        query = query.where(ComplianceException.user_name == user_name)
    return [ExceptionRow(*columns) for columns in connection.execute(query.limit(500) if over else query)]


def waiting(connection: Connection, account_id: str, now: datetime) -> list[ExceptionRow]:
    """Return the exceptions that wait for approval, the oldest first."""
    query = (
        select(ComplianceException.__table__)
        .where(ComplianceException.account_id == account_id, not_over(now), ComplianceException.waits)
        .order_by(ComplianceException.id)
    )
    return [ExceptionRow(*columns) for columns in connection.execute(query)]


def batch_of(connection: Connection, account_id: str, batch: str) -> list[ExceptionRow]:
    """Return the exceptions that were added at once, whether they are over or not, by user name."""
    own = ComplianceException.batch
    mine = ComplianceException.account_id == account_id, own == batch, own != ""
    query = select(ComplianceException.__table__).where(*mine).order_by(ComplianceException.user_name)
    return [ExceptionRow(*columns) for columns in connection.execute(query)]


def excepted(connection: Connection, account_id: str, now: datetime) -> dict[str, list[ExceptionRow]]:
    """Return all exceptions in force by user name ("" for the account)."""
    found: dict[str, list[ExceptionRow]] = {}
    for row in exceptions(connection, account_id, now):
        found.setdefault(row.user_name, []).append(row)
    return found


@dataclass(frozen=True)
class RuleFinding:
    """What a rule says of a user or the account, and the evidence: the name, source and time of each fact."""

    rule: Rule
    verdict: Verdict
    evidence: tuple[tuple[str, Seen], ...]
    exception: ExceptionRow | None = None
    """The one that counts: from this rule, or from a wider one that covers it."""
    works: WorksWithoutMfa | None = None
    """The request that works without MFA, where `mfa-forced` doesn't pass."""

    @property
    def covered_by(self) -> str:
        """The id of the wider rule whose exception covers this one, "" for an exception of its own."""
        return self.exception.rule if self.exception and self.exception.rule != self.rule.id else ""

    @property
    def wider(self) -> Rule:
        """That rule. Only for what `covered_by` names."""
        return BY_ID[self.covered_by]

    @property
    def fix(self) -> Fix | None:
        """Where the user can fix it. None: only an administrator can."""
        return self.verdict.fix or self.rule.fix


def findings(
    subject: Subject | Account, terms: Terms, exceptions: Sequence[ExceptionRow], rules: Sequence[Rule]
) -> list[RuleFinding]:
    """Return what the rules say, in their order, without those that aren't about the subject.

    exceptions: the subject's own that are in force. Of two, the one that ends last counts.
    """
    own = {row.rule: row for row in sorted(exceptions, key=lambda row: row.until)}
    by_rule = covering(own, lambda row: row.until)
    verdicts = judged(subject, terms, {rule: row.until for rule, row in by_rule.items()}, rules)
    return [
        RuleFinding(
            rule,
            verdicts[rule.id],
            tuple(evidence(rule, subject)),
            by_rule.get(rule.id) if verdicts[rule.id].state is State.EXCEPTED else None,
            works_without_mfa(subject, verdicts[rule.id])
            if rule.id == FORCED and isinstance(subject, Subject)
            else None,
        )
        for rule in rules
        if rule.id in verdicts
    ]


def findings_of(connection: Connection, stored: AccountRow, row: PersonRow, terms: Terms) -> list[RuleFinding]:
    """Return a user's findings."""
    mine = exceptions(connection, stored.account_id, terms.now, row.user_name)
    return findings(subject_of(row, stored), terms, mine, applying(OF_PEOPLE, terms))


def evidence_of(
    connection: Connection, stored: AccountRow, people: Sequence[PersonRow], terms: Terms, rule: Rule
) -> list[tuple[PersonRow, RuleFinding]]:
    """Return each user's row with what one rule says of them."""
    by_name = excepted(connection, stored.account_id, terms.now)
    return [
        (row, finding)
        for row in people
        for finding in findings(subject_of(row, stored), terms, by_name.get(row.user_name, ()), (rule,))
    ]


def findings_of_account(connection: Connection, stored: AccountRow, terms: Terms) -> list[RuleFinding]:
    """Return the account's own findings."""
    mine = exceptions(connection, stored.account_id, terms.now, "")
    return findings(account_of(stored), terms, mine, applying(OF_ACCOUNT, terms))
