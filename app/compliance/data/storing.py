"""Judging an account's users and storing them, with the day's figures, within the account's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from blinker import Signal

from app.compliance.data import daily
from app.compliance.data.account_data import AccountData
from app.compliance.data.daily import Figures
from app.compliance.data.judgements import account_verdicts, judge_people
from app.compliance.data.merge import Merged
from app.compliance.data.people_data import delete_people, write_people
from app.compliance.data.rows import PersonRow
from app.compliance.data.tally import Tally, counted, next_age
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import WHOLE_HISTORY, fingerprint

people_changed = Signal()
"""What is known of users changed, in the transaction that stores it. The sender is the AccountData. Keywords:
`before`, rows by user name, and `after`, rows, some of them new or the same. Users for whom a source shows only a
later use are left out."""
people_merged = Signal()
"""Who the users are is about to be stored, in the transaction that does. The sender is the AccountData. Keywords:
`known`, rows by user name as they are stored, and `merged`, the Merged."""


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


def begin_history(account: AccountData, now: datetime) -> None:
    """Let the account's history begin, before anything is judged. Again, if release 0.2.0 judged it meanwhile."""
    by_earlier = account.row.judged_with and not account.row.judged_with.startswith(WHOLE_HISTORY)
    if account.row.history_since is None or by_earlier:
        account.change(history_since=now)


def _write(account: AccountData, known: Mapping[str, PersonRow], merged: Merged, now: datetime) -> None:
    begin_history(account, now)
    if people_merged.receivers:
        people_merged.send(account, known=known, merged=merged)
    delete_people(account.connection, account.account_id, [known[name] for name in merged.gone], now)
    gone = set(merged.gone)
    left = {name: row for name, row in known.items() if name not in gone} if gone else known
    if people_changed.receivers:
        people_changed.send(account, before=left, after=merged.people)
    write_people(account.connection, account.account_id, left, merged.people, now)
