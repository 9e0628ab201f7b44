"""Every change of what is known of an account: one transaction under its lock, which merges, judges and writes.

A reader sees the rows of one update or of the next, never half of each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine, Text, cast, func, select

from app.compliance.data.account_data import AccountData, ensure_account_row, locked, read_account
from app.compliance.data.credential_report import NOTHING_KNOWN, CredentialReport, Known, without_gc
from app.compliance.data.judgements import TermsOf
from app.compliance.data.kept_sources import UNKNOWN_ARRIVAL, Arrival
from app.compliance.data.later_uses import Steady, can_turn, is_open, with_read, write_later_uses
from app.compliance.data.merge import (
    ListedUser,
    Merged,
    SignedInUser,
    check_complete,
    compared_devices,
    merge_own,
    merge_report,
)
from app.compliance.data.merging import REPORTED, Merging, facts_renewed, report_facts
from app.compliance.data.models import CompliancePerson
from app.compliance.data.people_data import read_due, read_known_users, read_named, read_people
from app.compliance.data.rows import AccountRow, KnownUser, PersonRow
from app.compliance.data.storing import judge_and_write, judge_and_write_all, unchanged
from app.compliance.rules.facts import others_of
from app.compliance.rules.sources import OwnFacts, RootFacts, UserListFacts
from app.compliance.rules.subjects import Source
from app.compliance.rules.table import fingerprint


class ReportOvertaken(Exception):
    """Another report was stored after the lines were read that this one was compared with."""


def known_lines(engine: Engine, account_id: str) -> Known:
    """Return what `credential_report.parse` needn't read again."""
    with engine.connect() as connection, without_gc():
        stored = read_account(connection, account_id)
        facts = stored.report if stored else RootFacts()
        if "columns" not in facts:
            return NOTHING_KNOWN
        known_users = read_known_users(connection, account_id)
    lines = {user_name: line for user_name, line, *_ in known_users}
    return Known(account_id, facts["columns"], lines, facts["number"], facts["latest"], stored, known_users)


def keep_report(
    engine: Engine, report: CredentialReport, now: datetime, terms_of: TermsOf, arrival: Arrival = UNKNOWN_ARRIVAL
) -> int:
    """Store a credential report and return how many users it lists.

    Raises NotAReport or ReportOvertaken: nothing was changed.
    """
    ensure_account_row(engine, report.account_id)
    with locked(engine, report.account_id) as account, without_gc():
        write_report(account, report, now, terms_of, arrival)
    return len(report.lines)


def write_report(
    account: AccountData, report: CredentialReport, now: datetime, terms_of: TermsOf, arrival: Arrival
) -> None:
    """Store a credential report within the account's transaction. Raises NotAReport, ReportOvertaken."""
    connection, account_id, before = account.connection, account.account_id, account.row
    terms = terms_of(before.user_list.get("others"))
    known_users = report.known.known_users
    if report.known.account != replace(before, version=before.version - 1):
        known_users = read_known_users(connection, account_id)
    renewed = facts_renewed(REPORTED, terms)
    gone, turning, used = _compare(report, known_users, read_due(connection, account_id, terms.now), renewed)
    absent = read_named(connection, account_id, gone)
    made_before = CompliancePerson.in_user_list, CompliancePerson.created_at < report.made_at
    listed = select(func.count()).where(CompliancePerson.account_id == account_id, *made_before)
    check_complete(report, before, absent.values(), connection.execute(listed).scalar_one() if absent else 0, now)
    account.change(report={**report.root, **report_facts(report, arrival)}, report_at=report.made_at)
    arrival.keep(connection, account_id, Source.REPORT, report.made_at, now)
    account.end_exceptions_of_former({person.user_name: person.created_at for person in report.people}, now)

    current = before.judged_up_to is None and before.judged_with == fingerprint(terms)
    if current and not _concerns_everyone(before, report.made_at):
        changed = with_read(report, report.used.keys() - used.keys())
        if len(changed.people) <= len(report.lines) / 2:
            read = [person.user_name for person in changed.people]
            known = absent | read_named(connection, account_id, [*read, *turning])
            merged = merge_report(account.row, known, changed)
            account.change(**compared_devices(account.row, _with_devices(account, known, merged)))
            if others_of(account.row.user_list) == others_of(before.user_list):
                write_later_uses(connection, report, used)
                judge_and_write(account, known, merged, terms)
                return
    known = read_people(connection, account_id)
    merged = merge_report(account.row, known, with_read(report, report.used))
    account.change(**compared_devices(account.row, merged.people))
    judge_and_write_all(account, known, merged, terms)


def _compare(
    report: CredentialReport, stored: Iterable[KnownUser], due: Set[str], renewed: frozenset[str]
) -> tuple[list[str], list[str], Steady]:
    """Return who isn't in the report, whose verdicts may turn although their line is the same, and who is steady.

    A verdict may turn where it is due, where the user showed something, and where it waits for newer evidence. Of
    those whose line says nothing new but later uses, the ones are steady whose verdicts don't turn by that either.
    Raises ReportOvertaken.
    """
    absent: list[str] = []
    turning: list[str] = []
    steady: Steady = {}
    lines, used, left = report.lines, report.used, len(report.lines) - len(report.people)
    read = {person.user_name for person in report.people}
    for name, line, verdicts, shown, listed, devices in stored:
        known_line, stirs = lines.get(name), shown or name in due
        if known_line is None:
            absent.append(name)
        elif name in used:
            if used[name].before != line:
                raise ReportOvertaken
            left -= 1
            if not stirs and not is_open(verdicts, renewed) and not can_turn(verdicts):
                steady[name] = devices if listed else None
        elif name not in read:
            if known_line != line:
                raise ReportOvertaken
            left -= 1
            if stirs or is_open(verdicts, renewed):
                turning.append(name)
    if left:
        raise ReportOvertaken
    return absent, turning, steady


def _concerns_everyone(before: AccountRow, made_at: datetime) -> bool:
    """Is the report newer than another source that the last one was older than?"""
    at = before.report_at
    others = [moment for moment in (before.user_list_at, before.details_at) if moment]
    return at is None or any(at <= moment <= made_at for moment in others)


def _with_devices(account: AccountData, known: Mapping[str, PersonRow], merged: Merged) -> Iterator[PersonRow]:
    """Yield the merged users, and those of the others who may have an MFA device that isn't virtual."""
    yield from merged.people
    has_other = cast(CompliancePerson.report, Text).like('%"other":%true%')
    for name, row in read_people(account.connection, account.account_id, has_other).items():
        if name not in known:
            yield row


def keep_lists(
    account: AccountData,
    users: Iterable[ListedUser],
    virtual: Mapping[str, int],
    facts: UserListFacts,
    at: datetime,
    terms_of: TermsOf,
    arrival: Arrival = UNKNOWN_ARRIVAL,
) -> None:
    """Store what the account's lists said at that time. virtual: number of virtual MFA devices by user name."""
    merging = Merging(account, terms_of)
    merging.lists(users, virtual, facts, at, arrival)
    merging.finish()


def keep_own(
    engine: Engine, account_id: str, user: SignedInUser, own: OwnFacts, now: datetime, terms_of: TermsOf
) -> None:
    """Store what a user's own visit showed."""
    ensure_account_row(engine, account_id)
    with locked(engine, account_id) as account:
        known = read_people(account.connection, account_id, CompliancePerson.user_name == user.user_name)
        merged = merge_own(account_id, known.get(user.user_name), user, own, now)
        if merged.gone:
            account.end_exceptions_of_former({user.user_name: now}, now)
        judge_and_write(account, known, merged, terms_of(account.row.user_list.get("others")))


def judge_named(account: AccountData, names: Collection[str], terms_of: TermsOf) -> None:
    """Like `judge_one`, for several users at once."""
    known = read_named(account.connection, account.account_id, names)
    judge_and_write(account, known, unchanged(known), terms_of(account.row.user_list.get("others")))


def judge_one(account: AccountData, user_name: str, terms_of: TermsOf) -> None:
    """Judge a user ("" for the account) within the transaction that adds or ends an exception."""
    known = read_people(account.connection, account.account_id, CompliancePerson.user_name == user_name)
    judge_and_write(account, known, unchanged(known), terms_of(account.row.user_list.get("others")))
