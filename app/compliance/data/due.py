"""Judging again where time or new terms change a verdict: only those users, some at a time."""

from __future__ import annotations

import logging
import threading
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from app.compliance.data import daily
from app.compliance.data.account_data import AccountData, locked, locked_if_free, read_account
from app.compliance.data.judgements import TermsOf
from app.compliance.data.models import CompliancePerson
from app.compliance.data.people_data import read_people
from app.compliance.data.rows import AccountRow
from app.compliance.data.storing import begin_history, count_again, judge_and_write, unchanged
from app.compliance.rules.subjects import Terms
from app.compliance.rules.table import fingerprint

log = logging.getLogger(__name__)
AT_ONCE = 500
"""Users judged in one transaction: a few hundredths of a second."""


class Judged(NamedTuple):
    """An account, judged as of now as far as possible."""

    row: AccountRow | None
    """None: nothing is known of it."""
    behind: bool
    """Some verdicts are still out of date. A thread of this process judges them."""


def catch_up(engine: Engine, account_id: str, terms_of: TermsOf) -> AccountRow | None:
    """Judge every user whose verdicts are out of date, and return the account's row.

    Waits for others who change the account. Returns None where nothing is known of the account.
    Usually nothing is due, and nothing is written.
    """
    while True:
        row, left = _look(engine, account_id, terms_of)
        if row is None or not left:
            return row
        with locked(engine, account_id) as account:
            _judge_some(account, terms_of(account.row.user_list.get("others")))


def glance(engine: Engine, account_id: str, terms_of: TermsOf) -> Judged:
    """As `catch_up` for a page: judge AT_ONCE users at most, and wait for nobody. A thread judges the others."""
    row, left = _look(engine, account_id, terms_of)
    if row is None or not left:
        return Judged(row, behind=False)
    with locked_if_free(engine, account_id) as account:
        if account:
            left = _judge_some(account, terms_of(account.row.user_list.get("others")))
            row = account.row
    if left:
        _in_background(engine, account_id, terms_of)
    return Judged(row, left)


def _look(engine: Engine, account_id: str, terms_of: TermsOf) -> tuple[AccountRow | None, bool]:
    """Return the account's row, and whether anything of it is due."""
    with engine.connect() as connection:
        row = read_account(connection, account_id)
        return row, row is not None and _is_due(connection, row, terms_of(row.user_list.get("others")))


def _is_due(connection: Connection, row: AccountRow, terms: Terms) -> bool:
    if row.stale or row.judged_up_to is not None or row.judged_with != fingerprint(terms):
        return True
    latest = daily.latest(connection, row.account_id)
    if latest is None or latest[1].at is None or latest[0] < terms.now.date():
        return True
    if latest[1].changes_at and latest[1].changes_at < terms.now:
        return True
    query = select(CompliancePerson.user_name).where(CompliancePerson.account_id == row.account_id, _due(terms.now))
    return connection.execute(query.limit(1)).first() is not None


def _due(now: datetime) -> ColumnElement[bool]:
    return CompliancePerson.changes_at < now


def _judge_some(account: AccountData, terms: Terms) -> bool:
    """Judge AT_ONCE of the users who are due. Are any left?"""
    if account.row.judged_with != fingerprint(terms):
        begin_history(account, terms.now)
        account.change(judged_with=fingerprint(terms), judged_up_to="")
    whole = account.row.judged_up_to
    everyone = account.connection, account.account_id
    if whole is None:
        known = read_people(*everyone, _due(terms.now), order=CompliancePerson.changes_at.asc(), at_most=AT_ONCE)
    else:  # by new terms everybody is due
        further = CompliancePerson.user_name > whole
        known = read_people(*everyone, further, order=CompliancePerson.user_name.asc(), at_most=AT_ONCE)
    full = len(known) == AT_ONCE
    judge_and_write(account, known, unchanged(known), terms)
    if whole is not None:
        account.change(judged_up_to=list(known)[-1] if full else None)
    if full:
        return True
    if whole is not None or account.row.stale:
        count_again(account, terms)
    return whole is not None and _is_due(account.connection, account.row, terms)


_working: set[tuple[Engine, str]] = set()
_changing = threading.Lock()
_stopped = threading.Event()


def _in_background(engine: Engine, account_id: str, terms_of: TermsOf) -> None:
    """Judge the rest in a thread, one for an account. It ends with the process: what is left stays due."""
    with _changing:
        if (engine, account_id) in _working:
            return
        _working.add((engine, account_id))
    threading.Thread(
        target=_judge_rest, args=(engine, account_id, terms_of), name=f"judge-{account_id}", daemon=True
    ).start()


def _judge_rest(engine: Engine, account_id: str, terms_of: TermsOf) -> None:
    try:
        left = True
        while left:
            with locked(engine, account_id) as account:
                left = _judge_some(account, terms_of(account.row.user_list.get("others")))
            _stopped.wait(PAUSE)
    except SQLAlchemyError:
        log.exception("the verdicts of account %s could not be updated", account_id)
    finally:
        with _changing:
            _working.discard((engine, account_id))


PAUSE = 0.1
"""Seconds between two turns in the background, for the requests of others."""
