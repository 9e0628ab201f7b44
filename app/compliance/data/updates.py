"""Every change of what is known of an account: one transaction under its lock, which merges, judges and writes.

A reader sees the rows of one update or of the next, never half of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine

from app.compliance.data import daily
from app.compliance.data.account_data import AccountData, ensure_account_row, locked
from app.compliance.data.credential_report import CredentialReport
from app.compliance.data.daily import Figures
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
from app.compliance.data.models import CompliancePerson
from app.compliance.data.people_data import delete_people, read_people, write_people
from app.compliance.data.rows import PersonRow
from app.compliance.data.tally import Tally, counted, next_age
from app.compliance.rules.sources import OwnFacts, UserListFacts
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import fingerprint


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
        judge_and_write_all(account, known, merged, terms_of(account.row.user_list.get("others")))
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
    merged = merge_lists(account.row, known, listed, virtual, at)
    account.change(**compared_devices(account.row, merged.people))
    judge_and_write_all(account, known, merged, terms_of(account.row.user_list.get("others")))


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
        judge_and_write(account, known, merged, terms_of(account.row.user_list.get("others")))


def judge_again(engine: Engine, account_id: str, user_name: str, terms_of: TermsOf) -> None:
    """Judge a user ("" for the account) after an exception was added or ended."""
    with locked(engine, account_id) as account:
        judge_one(account, user_name, terms_of)


def judge_one(account: AccountData, user_name: str, terms_of: TermsOf) -> None:
    """As `judge_again`, within the transaction that adds or ends the exception."""
    known = read_people(account.connection, account.account_id, CompliancePerson.user_name == user_name)
    judge_and_write(account, known, unchanged(known), terms_of(account.row.user_list.get("others")))


def unchanged(known: Mapping[str, PersonRow]) -> Merged:
    """The same facts, to be judged."""
    return Merged([row.copy() for row in known.values()])


def judge_and_write_all(account: AccountData, known: Mapping[str, PersonRow], merged: Merged, terms: Terms) -> None:
    """Judge and store all of the account's users, and the day's figures."""
    exceptions = account.exceptions(terms.now)
    judge_people(merged.people, account.row, terms, exceptions)
    _write(account, known, merged, terms.now)
    _keep_figures(account, counted(merged.people, account_verdicts(account.row, terms, exceptions), terms.now), terms)
    account.change(judged_with=fingerprint(terms), judged_up_to=None, stale=False)


def judge_and_write(account: AccountData, known: Mapping[str, PersonRow], merged: Merged, terms: Terms) -> None:
    """Judge and store some of the account's users, and the difference that they make to the day's figures.

    known: their rows as they are stored. Others of the account stay as they are.
    """
    latest = daily.latest(account.connection, account.account_id)
    tally = None
    if not account.row.stale:
        tally = Tally.continued(account.connection, account.account_id, latest, terms.now)
    exceptions = account.exceptions(terms.now)
    judge_people(merged.people, account.row, terms, exceptions)
    _write(account, known, merged, terms.now)
    if tally is None:
        account.change(stale=True)
        return
    tally.add(known.values(), -1)
    tally.add(merged.people)
    _keep_figures(account, tally.figures(account_verdicts(account.row, terms, exceptions)), terms)


def count_again(account: AccountData, terms: Terms) -> None:
    """Count what is stored from the start, as the day's figures."""
    tally = Tally.from_stored(account.connection, account.account_id, terms.now)
    exceptions = account.exceptions(terms.now)
    _keep_figures(account, tally.figures(account_verdicts(account.row, terms, exceptions)), terms)
    account.change(stale=False)


def _keep_figures(account: AccountData, figures: Figures, terms: Terms) -> None:
    """Store the day's figures, and when they change next. The users are stored already."""
    aged = next_age(account.connection, account.account_id, terms.now)
    changes = [moment for moment in (figures.changes_at, aged) if moment]
    until = replace(figures, changes_at=min(changes, default=None))
    daily.keep_day(account.connection, account.account_id, terms.now, until)


def _write(account: AccountData, known: Mapping[str, PersonRow], merged: Merged, now: datetime) -> None:
    delete_people(account.connection, account.account_id, merged.gone)
    gone = set(merged.gone)
    left = {name: row for name, row in known.items() if name not in gone} if gone else known
    write_people(account.connection, account.account_id, left, merged.people, now)
