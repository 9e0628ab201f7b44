"""Every change of what is known of an account: one transaction under its lock, which merges, judges and writes.

A reader sees the rows of one update or of the next, never half of each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from datetime import datetime
from functools import lru_cache

from blinker import Signal
from sqlalchemy import Engine, Text, cast, func, select

from app.compliance.data import daily, list_source
from app.compliance.data.account_data import AccountData, ensure_account_row, locked, read_account
from app.compliance.data.credential_report import NOTHING_KNOWN, CredentialReport, Known, without_gc
from app.compliance.data.daily import Figures
from app.compliance.data.judgements import TermsOf, account_verdicts, judge_people
from app.compliance.data.kept_sources import Arrival
from app.compliance.data.later_uses import Steady, can_turn, with_read, write_later_uses
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
from app.compliance.data.people_data import (
    delete_people,
    read_due,
    read_named,
    read_people,
    read_standings,
    states,
    write_people,
)
from app.compliance.data.rows import AccountRow, PersonRow, Standing
from app.compliance.data.tally import Tally, counted, next_age
from app.compliance.rules.facts import others_of
from app.compliance.rules.sources import OwnFacts, RootFacts, UserListFacts
from app.compliance.rules.subjects import Source, Terms
from app.compliance.rules.table import BY_ID, fingerprint
from app.compliance.rules.verdicts import EXCEPTED, UNKNOWN
from app.credentials.labels import prune_users

REPORTED = frozenset({"user", "mfa", "password", "password_last_used", "keys", "key_use", "certificates"})
"""The facts about users that a credential report tells, among others or alone."""


people_changed = Signal()
"""What is known of users changed, in the transaction that stores it. The sender is the AccountData. Keywords:
`before`, rows by user name, and `after`, rows, some of them new or the same."""
UNKNOWN_ARRIVAL = Arrival()


class ReportOvertaken(Exception):
    """Another report was stored after the lines were read that this one was compared with."""


def known_lines(engine: Engine, account_id: str) -> Known:
    """Return what `credential_report.parse` needn't read again."""
    with engine.connect() as connection, without_gc():
        stored = read_account(connection, account_id)
        told = stored.report if stored else RootFacts()
        if "columns" not in told:
            return NOTHING_KNOWN
        standings = read_standings(connection, account_id)
    lines = {user_name: line for user_name, line, *_ in standings}
    return Known(account_id, told["columns"], lines, told["number"], told["latest"], stored, standings)


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
    standings = report.known.standings
    if report.known.account != replace(before, version=before.version - 1):
        standings = read_standings(connection, account_id)
    gone, turning, used = _compare(report, standings, read_due(connection, account_id, terms.now))
    absent = read_named(connection, account_id, gone)
    made_before = CompliancePerson.in_user_list, CompliancePerson.created_at < report.made_at
    listed = select(func.count()).where(CompliancePerson.account_id == account_id, *made_before)
    check_complete(report, before, absent.values(), connection.execute(listed).scalar_one() if absent else 0, now)
    told = RootFacts(exact=report.exact, columns=report.columns, number=len(report.lines), latest=report.latest)
    told["digest"], told["how"] = arrival.digest, arrival.how
    account.change(report={**report.root, **told}, report_at=report.made_at)
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
    report: CredentialReport, stored: Iterable[Standing], due: Set[str]
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
        told, stirs = lines.get(name), shown or name in due
        if told is None:
            absent.append(name)
        elif name in used:
            if used[name].before != line:
                raise ReportOvertaken
            left -= 1
            if not stirs and not _is_open(verdicts) and not can_turn(verdicts):
                steady[name] = devices if listed else None
        elif name not in read:
            if told != line:
                raise ReportOvertaken
            left -= 1
            if stirs or _is_open(verdicts):
                turning.append(name)
    if left:
        raise ReportOvertaken
    return absent, turning, steady


def _concerns_everyone(before: AccountRow, made_at: datetime) -> bool:
    """Is the report newer than another source that the last one was older than?"""
    at = before.report_at
    others = [moment for moment in (before.user_list_at, before.details_at) if moment]
    return at is None or any(at <= moment <= made_at for moment in others)


@lru_cache(maxsize=1024)
def _is_open(verdicts: str) -> bool:
    """Does one of these verdicts wait for a newer report?"""
    return any(
        state in (UNKNOWN, EXCEPTED) and (rule not in BY_ID or not REPORTED.isdisjoint(BY_ID[rule].facts))
        for rule, state in states(verdicts).items()
    )


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
    known = read_people(account.connection, account.account_id)
    listed = {user.user_name: user for user in users}
    content = list_source.as_json(account.account_id, listed.values(), virtual, facts, at)
    told = UserListFacts(listed=len(listed), digest=list_source.digest(content), how=arrival.how)
    account.change(user_list={**_of_commands(account.row.user_list, facts), **facts, **told}, user_list_at=at)
    terms = terms_of(account.row.user_list.get("others"))
    arrival.with_content(content).keep(account.connection, account.account_id, Source.USER_LIST, at, terms.now)
    account.end_exceptions_of_former({name: user.created_at for name, user in listed.items()}, at)
    prune_users(account.connection, account.account_id, {user.user_id for user in listed.values()}, at)
    merged = merge_lists(account.row, known, listed, virtual, at)
    account.change(**compared_devices(account.row, merged.people))
    judge_and_write_all(account, known, merged, terms_of(account.row.user_list.get("others")))


def _of_commands(before: UserListFacts, facts: UserListFacts) -> UserListFacts:
    """Return what only commands read, which stays, with its own time, when a page refreshes."""
    kept = UserListFacts()
    if "tls_certificates" in facts:
        return kept
    if "tls_certificates" in before:
        kept["tls_certificates"], kept["tls_at"] = before["tls_certificates"], before["tls_at"]
    if "why_no_tls" in before:
        kept["why_no_tls"] = before["why_no_tls"]
    return kept


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


def judge_named(account: AccountData, names: Collection[str], terms_of: TermsOf) -> None:
    """As `judge_one`, for several users at once."""
    known = read_named(account.connection, account.account_id, names)
    judge_and_write(account, known, unchanged(known), terms_of(account.row.user_list.get("others")))


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
    if account.row.history_since is None:
        account.change(history_since=now)
    delete_people(account.connection, account.account_id, [known[name] for name in merged.gone], now)
    gone = set(merged.gone)
    left = {name: row for name, row in known.items() if name not in gone} if gone else known
    if people_changed.receivers:
        people_changed.send(account, before=left, after=merged.people)
    write_people(account.connection, account.account_id, left, merged.people, now)
