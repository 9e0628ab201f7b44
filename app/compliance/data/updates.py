"""Every change of what is known of an account: one transaction under its lock, which merges, judges and writes.

A reader sees the rows of one update or of the next, never half of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Engine, select

from app.compliance.data import daily
from app.compliance.data.account_data import AccountData, ensure_account_row, locked, read_account
from app.compliance.data.credential_report import CredentialReport
from app.compliance.data.judgements import TermsOf, account_verdicts, judge_people
from app.compliance.data.merge import (
    ListedUser,
    Merged,
    SignedInUser,
    check_complete,
    compared_devices,
    merge_lists,
    merge_own,
    merge_report,
)
from app.compliance.data.models import ComplianceDay, CompliancePerson
from app.compliance.data.people_data import delete_people, read_people, write_people
from app.compliance.data.rows import AccountRow, PersonRow
from app.compliance.rules.sources import OwnFacts, UserListFacts
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import fingerprint
from app.credentials.labels import prune_users


def keep_report(engine: Engine, report: CredentialReport, now: datetime, terms_of: TermsOf) -> int:
    """Store a credential report and return how many users it lists. Raises NotAReport: nothing was changed."""
    ensure_account_row(engine, report.account_id)
    with locked(engine, report.account_id) as account:
        known = read_people(account.connection, report.account_id)
        check_complete(report, account.row, known.values(), now)
        account.change(report={**report.root, "exact": report.exact}, report_at=report.made_at)
        account.end_exceptions_of_former({person.user_name: person.created_at for person in report.people}, now)
        merged = merge_report(account.row, known, report)
        account.change(**compared_devices(account.row, merged.people))
        _judge_and_write_all(account, known, merged, terms_of(account.row.user_list.get("others")))
    return len(report.people)


def keep_lists(
    account: AccountData,
    users: Iterable[ListedUser],
    virtual: Mapping[str, int],
    facts: UserListFacts,
    at: datetime,
    terms_of: TermsOf,
) -> None:
    """Store what the account's lists said at that time. virtual: number of virtual MFA devices by user name."""
    known = read_people(account.connection, account.account_id)
    listed = {user.user_name: user for user in users}
    account.change(user_list=facts, user_list_at=at)
    account.end_exceptions_of_former({name: user.created_at for name, user in listed.items()}, at)
    prune_users(account.connection, account.account_id, {user.user_id for user in listed.values()}, at)
    merged = merge_lists(account.row, known, listed, virtual, at)
    account.change(**compared_devices(account.row, merged.people))
    _judge_and_write_all(account, known, merged, terms_of(account.row.user_list.get("others")))


def keep_own(
    engine: Engine, account_id: str, user: SignedInUser, own: OwnFacts, now: datetime, terms_of: TermsOf
) -> None:
    """Store what a user's own visit showed."""
    ensure_account_row(engine, account_id)
    with locked(engine, account_id) as account:
        known = read_people(account.connection, account_id, CompliancePerson.user_name == user.user_name)
        merged = merge_own(account_id, known.get(user.user_name), user, own)
        if merged.gone:
            account.end_exceptions_of_former({user.user_name: now}, now)
        _judge_and_write_some(account, known, merged, terms_of)


def judge_again(engine: Engine, account_id: str, user_name: str, terms_of: TermsOf) -> None:
    """Judge a user ("" for the account) after an exception was added or ended."""
    with locked(engine, account_id) as account:
        known = read_people(account.connection, account_id, CompliancePerson.user_name == user_name)
        _judge_and_write_some(account, known, _unchanged(known), terms_of)
        account.change(stale=True)


def catch_up(engine: Engine, account_id: str, terms_of: TermsOf) -> AccountRow | None:
    """Judge as of now where time or new terms change a verdict, and return the account's row.

    Returns None where nothing is known of the account. Usually nothing is due, and nothing is written.
    """
    with engine.connect() as connection:
        row = read_account(connection, account_id)
        if row is None:
            return None
        terms = terms_of(row.user_list.get("others"))
        day = select(ComplianceDay.day).where(
            ComplianceDay.account_id == account_id, ComplianceDay.day == terms.now.date()
        )
        due = select(CompliancePerson.user_name).where(
            CompliancePerson.account_id == account_id, CompliancePerson.changes_at < terms.now
        )
        current = row.judged_with == fingerprint(terms) and not row.stale
        if current and not connection.execute(due.limit(1)).first() and connection.execute(day).first():
            return row
    with locked(engine, account_id) as account:
        known = read_people(account.connection, account_id)
        _judge_and_write_all(account, known, _unchanged(known), terms)
    return account.row


def _unchanged(known: Mapping[str, PersonRow]) -> Merged:
    return Merged([row.copy() for row in known.values()])


def _judge_and_write_all(account: AccountData, known: Mapping[str, PersonRow], merged: Merged, terms: Terms) -> None:
    """Judge and store all of the account's users, and the day's figures."""
    exceptions = account.exceptions(terms.now)
    judge_people(merged.people, account.row, terms, exceptions)
    _write(account, known, merged, terms.now)
    figures = daily.counted(merged.people, account_verdicts(account.row, terms, exceptions), terms.now)
    daily.keep_day(account.connection, account.account_id, terms.now, figures)
    account.change(judged_with=fingerprint(terms), stale=False)


def _judge_and_write_some(
    account: AccountData, known: Mapping[str, PersonRow], merged: Merged, terms_of: TermsOf
) -> None:
    """Judge and store some users. The day's figures are counted when a page is opened."""
    terms = terms_of(account.row.user_list.get("others"))
    before = {row.user_name: (row.verdicts, row.oldest_key_at) for row in merged.people}
    judge_people(merged.people, account.row, terms, account.exceptions(terms.now))
    _write(account, known, merged, terms.now)
    if any((row.verdicts, row.oldest_key_at) != before[row.user_name] for row in merged.people):
        account.change(stale=True)


def _write(account: AccountData, known: Mapping[str, PersonRow], merged: Merged, now: datetime) -> None:
    delete_people(account.connection, account.account_id, merged.gone)
    gone = set(merged.gone)
    left = {name: row for name, row in known.items() if name not in gone} if gone else known
    write_people(account.connection, account.account_id, left, merged.people, now)
