"""Sources of an account, merged one after another within one transaction, and judged and stored once at the end.

Users are judged if a source says something new about them that can change a verdict, if they are due, if they showed
something themselves, or if a verdict waits for newer evidence. All users are judged only if the order of the sources
changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from app.compliance.data import list_source
from app.compliance.data.account_data import AccountData
from app.compliance.data.credential_report import CredentialReport
from app.compliance.data.judgements import TermsOf
from app.compliance.data.kept_sources import UNKNOWN_ARRIVAL, Arrival
from app.compliance.data.later_uses import can_turn, is_open, only_used, with_read
from app.compliance.data.merge import (
    ListedUser,
    Merged,
    check_complete,
    compared_devices,
    merge_lists,
    merge_report,
)
from app.compliance.data.people_data import read_people, write_people
from app.compliance.data.rows import AccountRow, PersonRow
from app.compliance.data.storing import judge_and_write, judge_and_write_all
from app.compliance.rules.facts import others_of
from app.compliance.rules.sources import RootFacts, UserListFacts
from app.compliance.rules.subjects import Source, Terms
from app.compliance.rules.table import fingerprint
from app.credentials.labels import prune_users

REPORTED = frozenset({"user", "mfa", "password", "password_last_used", "keys", "key_use", "certificates"})
"""The facts about users that a credential report has, whether or not other sources have them."""
LISTED = frozenset({"user", "mfa", "password_last_used"})
"""Those that the lists tell."""
DETAILED = frozenset({"policies"})
"""Those that authorization details tell."""


class Merging:
    """An account's users while sources are merged. `finish` must be called at the end."""

    def __init__(self, account: AccountData, terms_of: TermsOf) -> None:
        self.account, self.terms_of = account, terms_of
        self._before = account.row
        self._stored = read_people(account.connection, account.account_id)
        self.rows: Mapping[str, PersonRow] = self._stored
        """By user name, as they are known by now. Not judged yet."""
        self._gone: dict[str, None] = {}
        self._renewed: set[str] = set()

    def lists(
        self,
        users: Iterable[ListedUser],
        virtual: Mapping[str, int],
        facts: UserListFacts,
        at: datetime,
        arrival: Arrival = UNKNOWN_ARRIVAL,
    ) -> None:
        """Merge what the account's lists said at that time. virtual: number of virtual MFA devices by user name."""
        account = self.account
        listed = {user.user_name: user for user in users}
        content = list_source.as_json(account.account_id, listed.values(), virtual, facts, at)
        about_lists = UserListFacts(listed=len(listed), digest=list_source.digest(content), how=arrival.how)
        account.change(
            user_list={**_of_commands(account.row.user_list, facts), **facts, **about_lists}, user_list_at=at
        )
        terms = self.terms_of(account.row.user_list.get("others"))
        arrival.with_content(content).keep(account.connection, account.account_id, Source.USER_LIST, at, terms.now)
        account.end_exceptions_of_former({name: user.created_at for name, user in listed.items()}, at)
        prune_users(account.connection, account.account_id, {user.user_id for user in listed.values()}, at)
        self.accept(merge_lists(account.row, self.rows, listed, virtual, at), LISTED)
        account.change(**compared_devices(account.row, self.rows.values()))

    def report(self, report: CredentialReport, now: datetime, arrival: Arrival) -> None:
        """Merge a credential report. Raises NotAReport: nothing was merged."""
        account, rows = self.account, self.rows
        absent = [row for name, row in rows.items() if name not in report.lines]
        listed = sum(
            row.in_user_list and row.created_at is not None and row.created_at < report.made_at
            for row in rows.values()
        )
        check_complete(report, account.row, absent, listed, now)
        account.change(report={**report.root, **report_facts(report, arrival)}, report_at=report.made_at)
        arrival.keep(account.connection, account.account_id, Source.REPORT, report.made_at, now)
        everyone = with_read(report, report.used)
        created = {person.user_name: person.created_at for person in everyone.people}
        account.end_exceptions_of_former(created, now)
        self.accept(merge_report(account.row, rows, everyone), REPORTED)
        account.change(**compared_devices(account.row, self.rows.values()))

    def accept(self, merged: Merged, renewed: Iterable[str]) -> None:
        """Continue with these rows. renewed: the facts that the source has."""
        self.rows = {row.user_name: row for row in merged.people}
        self._gone |= dict.fromkeys(merged.gone)
        self._renewed.update(renewed)

    def finish(self) -> None:
        """Judge and store."""
        account, stored, rows = self.account, self._stored, self.rows
        terms = self.terms_of(account.row.user_list.get("others"))
        gone = [name for name in self._gone if name in stored]
        if self._concerns_everyone(terms):
            judge_and_write_all(account, stored, Merged([*rows.values()], gone), terms)
            return
        renewed = facts_renewed(self._renewed, terms)
        judged: list[PersonRow] = []
        others: list[PersonRow] = []
        for name, row in rows.items():
            old = None if name in self._gone else stored.get(name)
            (judged if old is None or _can_turn(old, row, renewed, terms.now) else others).append(row)
        if len(judged) > len(rows) / 2:
            judge_and_write_all(account, stored, Merged([*rows.values()], gone), terms)
            return
        write_people(account.connection, account.account_id, stored, others, terms.now)
        concerned = {*gone, *(row.user_name for row in judged)}
        known = {name: stored[name] for name in concerned if name in stored}
        judge_and_write(account, known, Merged(judged, gone), terms)

    def _concerns_everyone(self, terms: Terms) -> bool:
        before, after = self._before, self.account.row
        current = before.judged_up_to is None and before.judged_with == fingerprint(terms)
        if not current or others_of(before.user_list) != others_of(after.user_list):
            return True
        return _order(before) != _order(after)


def facts_renewed(facts: Iterable[str], terms: Terms) -> frozenset[str]:
    """Return the facts by which an unknown verdict may become known.

    Of service users, a password also decides whether the rules about policies are about them.
    """
    return frozenset(facts) | DETAILED if terms.service_users else frozenset(facts)


def report_facts(report: CredentialReport, arrival: Arrival) -> RootFacts:
    """Return what is kept of a report beside what it says of users and the root user."""
    facts = RootFacts(exact=report.exact, columns=report.columns, number=len(report.lines), latest=report.latest)
    facts["digest"], facts["how"] = arrival.digest, arrival.how
    return facts


def _can_turn(old: PersonRow, row: PersonRow, renewed: frozenset[str], now: datetime) -> bool:
    """Can a verdict about a user change because of new facts, or because of the time?"""
    if row.own or (old.changes_at and old.changes_at < now) or is_open(old.verdicts, renewed):
        return True
    used = only_used(old, row)
    return used is None or (used and can_turn(old.verdicts))


def _order(row: AccountRow) -> tuple[object, ...]:
    """Which sources there are, and which of two is newer: where that changes, another one counts for a fact."""
    sources = (row.user_list_at, row.report_at, row.details_at)
    pairs = ((one, other) for place, one in enumerate(sources) for other in sources[:place])
    newer = [(one > other, one == other) for one, other in pairs if one and other]
    return (*(source is not None for source in sources), *newer)


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
