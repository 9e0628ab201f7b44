"""What is kept of an account: every change of it is one transaction under the account's lock.

A statement sees the rows of one refresh or of the next, never half of each. What ends what is known of somebody:
a newer list or report that does not tell of them, unless they showed themselves since; and one that tells of a user
made later under the name. Which of several words counts is for `app.compliance.rules.facts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Row, select, update

from app.aws.roster import RosterUser
from app.compliance.data.credential_report import CredentialReport, NotAReport
from app.compliance.data.models import ComplianceDay, ComplianceException, CompliancePerson
from app.compliance.data.rows import (
    TermsOf,
    account_row,
    begin,
    change_account,
    changeable,
    compare_devices,
    forget,
    in_force,
    judge_all,
    judge_some,
    lock,
    people,
    record_of,
)
from app.compliance.rules.facts import OwnFacts, RosterFacts
from app.compliance.thresholds import fingerprint


class OwnUser(Protocol):
    """A user who is signed in."""

    @property
    def user_name(self) -> str: ...

    @property
    def user_id(self) -> str: ...

    @property
    def arn(self) -> str: ...

    @property
    def path(self) -> str: ...


MISSING_AT_MOST = 0.05
"""A report may lack so many of the people the roster knows, or one; with more it is not whole."""


def keep_roster(
    connection: Connection,
    account_id: str,
    users: Iterable[RosterUser],
    virtual: Mapping[str, int],
    facts: RosterFacts,
    at: datetime,
    terms_of: TermsOf,
) -> None:
    """Swap in what the lists said, within a transaction that holds the lock. virtual: devices by user name."""
    change_account(connection, account_id, roster=facts, roster_at=at)
    held = lock(connection, account_id)
    before = {row.user_name: row for row in people(connection, account_id)}
    listed = {user.user_name: user for user in users}
    _end_exceptions_of_former(connection, account_id, {name: user.created_at for name, user in listed.items()}, at)
    after = []
    for name, user in listed.items():
        row = record_of(account_id, name, before.get(name))
        if _made_anew(row.created_at, user.created_at) or _another(row.user_id, user.user_id):
            _begin_anew(connection, before, row, user.created_at, held.report_at)
        row.__dict__.update(user._asdict(), in_roster=True, virtual_devices=virtual.get(name, 0))
        if row.report and row.report["mfa"] and row.report["other"] is None:
            row.report = {**row.report, "other": not row.virtual_devices}
        after.append(row)
    for name, old in before.items():
        if name in listed:
            continue
        told = bool(held.report_at and held.report_at > at and old.report)
        if told or _seen_since(old, at):
            row = changeable(old)
            row.in_roster = False
            row.report = old.report if told else None
            after.append(row)
        else:
            forget(connection, account_id, [name])
    held = compare_devices(connection, held, after)
    judge_all(connection, held, before, after, terms_of(facts.get("others")))


def _made_anew(earlier: datetime | None, later: datetime | None) -> bool:
    """A user made later is another one of the same name: the first was deleted between."""
    return bool(earlier and later and later - earlier >= timedelta(seconds=1))


def _another(known: str, told: str) -> bool:
    """Are these unique ids those of two users? An id that isn't known yet may be anybody's."""
    return bool(known and told and known != told)


def _begin_anew(
    connection: Connection,
    before: dict[str, Row[Any]],
    row: Any,
    created_at: datetime,
    report_at: datetime | None,
) -> None:
    """Drop what was known of the user who had this name before; the row is stored as a new one."""
    forget(connection, row.account_id, [row.user_name])
    del before[row.user_name]
    row.user_id = ""
    row.own = {name: told for name, told in row.own.items() if datetime.fromisoformat(told[0]) >= created_at}
    if report_at is None or report_at < created_at:
        row.report = None


def _end_exceptions_of_former(
    connection: Connection, account_id: str, created: Mapping[str, datetime | None], now: datetime
) -> None:
    """End exceptions older than who bears the name now: they were made for somebody who was deleted."""
    query = select(ComplianceException.id, ComplianceException.user_name, ComplianceException.made_at).where(
        ComplianceException.account_id == account_id, in_force(now)
    )
    former = [
        number
        for number, name, made_at in connection.execute(query)
        if (created_at := created.get(name)) and made_at < created_at
    ]
    if former:
        connection.execute(
            update(ComplianceException)
            .where(ComplianceException.id.in_(former))
            .values(ended_at=now, ended_by="Latchkey, for the user was deleted and made anew")
        )


def _seen_since(row: Row[Any], moment: datetime) -> bool:
    """Did the person show themselves after this moment?"""
    return any(datetime.fromisoformat(at) > moment for at, _ in row.own.values())


def keep_report(engine: Engine, report: CredentialReport, now: datetime, terms_of: TermsOf) -> int:
    """Take in a credential report; how many people it tells of. Raises NotAReport: nothing was changed."""
    account_id = report.account_id
    begin(engine, account_id)
    with engine.begin() as connection:
        held = lock(connection, account_id)
        before = {row.user_name: row for row in people(connection, account_id)}
        _check(report, held, before, now)
        change_account(
            connection,
            account_id,
            report={**report.root, "exact": report.exact},
            report_at=report.made_at,
        )
        held = lock(connection, account_id)
        after, told = [], set()
        newer = held.roster_at is None or report.made_at > held.roster_at
        created = {person.user_name: person.created_at for person in report.people}
        _end_exceptions_of_former(connection, account_id, created, now)
        for person in report.people:
            old = before.get(person.user_name)
            if old is None and not newer:
                continue  # deleted since: the roster knows better
            told.add(person.user_name)
            row = record_of(account_id, person.user_name, old)
            if person.created_at != row.created_at:
                if _made_anew(person.created_at, row.created_at):
                    row.report = None  # it tells of the one before
                    after.append(row)
                    continue
                if person.created_at and _made_anew(row.created_at, person.created_at):
                    _begin_anew(connection, before, row, person.created_at, None)
                    row.in_roster = False
            if not row.in_roster:
                row.__dict__.update(arn=person.arn, path=person.path, created_at=person.created_at)
            row.report = person.facts
            if person.facts["mfa"] and row.in_roster:
                row.report["other"] = not row.virtual_devices
            after.append(row)
        gone = []
        for name, old in before.items():
            if name in told:
                continue
            if newer and not _seen_since(old, report.made_at):
                gone.append(name)
                continue
            row = changeable(old)
            row.report = None
            row.in_roster = row.in_roster and not newer
            after.append(row)
        forget(connection, account_id, gone)
        held = compare_devices(connection, held, after)
        judge_all(connection, held, before, after, terms_of(held.roster.get("others")))
    return len(report.people)


def _check(report: CredentialReport, held: Row[Any], before: Mapping[str, Row[Any]], now: datetime) -> None:
    if report.made_at > now + timedelta(minutes=15):
        raise NotAReport("This report is of the future: check the time it was made. Nothing was changed.")
    if held.report_at and report.made_at < held.report_at:
        raise NotAReport(
            f"This report is of {report.made_at:%-d %B %Y, %H:%M} UTC. A newer one, of "
            f"{held.report_at:%-d %B %Y, %H:%M} UTC, is here already. Nothing was changed."
        )
    told = {person.user_name for person in report.people}
    expected = [
        name for name, row in before.items() if row.in_roster and row.created_at and row.created_at < report.made_at
    ]
    missing = [name for name in expected if name not in told]
    if len(missing) > max(1, MISSING_AT_MOST * len(expected)):
        raise NotAReport(
            f"This report tells of {len(told)} people and lacks {len(missing)} whom the account’s lists know, such "
            f"as {missing[0]}. Download it again; if they were deleted, read the account’s lists first. Nothing was "
            "changed."
        )


def keep_own(engine: Engine, account_id: str, user: OwnUser, own: OwnFacts, now: datetime, terms_of: TermsOf) -> None:
    """What a user's own visit showed. What was known of a former user of that name is dropped."""
    begin(engine, account_id)
    with engine.begin() as connection:
        held = lock(connection, account_id)
        old = next(iter(people(connection, account_id, CompliancePerson.user_name == user.user_name)), None)
        if old is not None and _another(old.user_id, user.user_id):
            forget(connection, account_id, [user.user_name])
            _end_exceptions_of_former(connection, account_id, {user.user_name: now}, now)
            old = None
        user_name = user.user_name
        row = record_of(account_id, user_name, old)
        row.own = {**row.own, **own}
        row.user_id = user.user_id
        if old is None:
            row.__dict__.update(arn=user.arn, path=user.path)
        judge_some(connection, held, [row], {user_name: old} if old else {}, terms_of)


def judge_again(engine: Engine, account_id: str, user_name: str, terms_of: TermsOf) -> None:
    """After an exception was made or ended; user_name "" for the account."""
    with engine.begin() as connection:
        held = lock(connection, account_id)
        before = {
            row.user_name: row for row in people(connection, account_id, CompliancePerson.user_name == user_name)
        }
        judge_some(connection, held, [changeable(row) for row in before.values()], before, terms_of)
        change_account(connection, account_id, stale=True)


def catch_up(engine: Engine, account_id: str, terms_of: TermsOf) -> Row[Any] | None:
    """Bring verdicts and today's figures up to now; the account's row, None where nothing is known of it.

    Usually there is nothing to do, and nothing is written.
    """
    with engine.connect() as connection:
        held = account_row(connection, account_id)
        if held is None:
            return None
        terms = terms_of(held.roster.get("others"))
        day = select(ComplianceDay.day).where(
            ComplianceDay.account_id == account_id, ComplianceDay.day == terms.now.date()
        )
        due = select(CompliancePerson.user_name).where(
            CompliancePerson.account_id == account_id, CompliancePerson.changes_at < terms.now
        )
        other_terms = held.judged_with != fingerprint(terms)
        something_due = connection.execute(due.limit(1)).first() is not None
        if not (other_terms or held.stale or something_due) and connection.execute(day).first():
            return held
    with engine.begin() as connection:
        held = lock(connection, account_id)
        rows = people(connection, account_id)
        before = {row.user_name: row for row in rows}
        judge_all(connection, held, before, [changeable(row) for row in rows], terms)
    return held
