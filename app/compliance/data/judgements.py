"""Judging stored rows: what the rules judge, made from a row, and what is stored, made from verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from app.compliance.data.rows import AccountRow, Exceptions, PersonRow
from app.compliance.rules.facts import account, others_of, subject
from app.compliance.rules.subjects import Account, Subject, Terms
from app.compliance.rules.table import OF_ACCOUNT, OF_PEOPLE, applying, judged
from app.compliance.rules.verdicts import FAIL, Verdict

TermsOf = Callable[[int | None], Terms]
"""The account's terms, given how many MFA devices there are at most that aren't virtual ones of users."""
_FAILED = f"={FAIL} "


def subject_of(row: PersonRow, stored: AccountRow) -> Subject:
    """Return what is known of a user, from their row and the account's."""
    return subject(row, stored.user_list_at, stored.report_at, others_of(stored.user_list), stored.details_at)


def account_of(stored: AccountRow) -> Account:
    """Return what is known of the account."""
    lists, report = (stored.user_list, stored.user_list_at), (stored.report, stored.report_at)
    return account(*lists, *report, stored.details, stored.details_at)


def account_verdicts(stored: AccountRow, terms: Terms, exceptions: Exceptions) -> dict[str, Verdict]:
    """Return what the rules about the account say, by rule id."""
    return judged(account_of(stored), terms, exceptions.get(""), applying(OF_ACCOUNT, terms))


def judge_people(people: Iterable[PersonRow], stored: AccountRow, terms: Terms, exceptions: Exceptions) -> None:
    """Set the columns of each row that follow from the verdicts."""
    rules = applying(OF_PEOPLE, terms)
    for row in people:
        known = subject_of(row, stored)
        verdicts = judged(known, terms, exceptions.get(row.user_name), rules)
        made = [key.created_at for key in known.keys or () if key.active and key.created_at]
        row.verdicts = _as_text(verdicts)
        row.failed = row.verdicts.count(_FAILED)
        row.oldest_key_at = min(made, default=None)
        until = [verdict.until for verdict in verdicts.values() if verdict.until]
        if len(verdicts) < len(rules):
            until += _evidence_ends(known, terms)
        row.changes_at = min(until, default=None)


def _evidence_ends(known: Subject, terms: Terms) -> Iterator[datetime]:
    """When the evidence of each source gets too old, as far as that is ahead.

    Then a rule that isn't about the user may be about them: that they have no password isn't known any more.
    """
    fresh = timedelta(days=terms.evidence_days)
    return (seen.at + fresh for seen in known.seen.values() if seen.at + fresh >= terms.now)


def _as_text(verdicts: Mapping[str, Verdict]) -> str:
    """As in `CompliancePerson.verdicts`: " mfa=fail key-age=pass "."""
    return " " + "".join([rule + "=" + verdict.state + " " for rule, verdict in verdicts.items()])
