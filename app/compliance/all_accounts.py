"""All accounts that an administrator looks after: each with its name, unit, figures and sources, and the totals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from app.compliance.data import daily
from app.compliance.data.models import ComplianceAccount
from app.compliance.data.syncs import read_syncs

PAGE = 12
"""Accounts on a page: with more, its first visit would load more than 90 kB."""


@dataclass(frozen=True)
class Overview:
    """An account in the table."""

    account_id: str
    name: str
    """From the last sync, else the account's alias, else ""."""
    unit: str
    problem: str
    """Why the last sync of the account failed, "" if it didn't."""
    day: date | None
    figures: daily.Figures
    lists_at: datetime | None
    report_at: datetime | None


@dataclass(frozen=True)
class AllAccounts:
    """A page of the table. The totals are of all accounts."""

    shown: Sequence[Overview]
    number: int
    last: int
    people: int
    without_mfa: int
    old_keys: int
    unused: int
    known: int
    """Accounts with data."""


SORTS: Mapping[str, Callable[[daily.Figures], float]] = {
    "mfa": lambda figures: figures.of("mfa").failed,
    "users": lambda figures: figures.people,
    "old-keys": lambda figures: figures.of("key-age").failed,
    "unused": lambda figures: figures.of("unused").failed,
    "known": lambda figures: -figures.coverage,
}
"""What the table can be sorted by: the figure that is largest first."""


def all_accounts(connection: Connection, account_ids: Sequence[str], page: int, sort: str = "") -> AllAccounts:
    """Return a page of accounts, and the totals of all. page: from 1. sort: one of SORTS, else by `account_ids`."""
    latest, syncs = daily.latest_of(connection, account_ids), read_syncs(connection, account_ids)
    query = select(
        ComplianceAccount.account_id,
        ComplianceAccount.user_list,
        ComplianceAccount.user_list_at,
        ComplianceAccount.report_at,
    ).where(ComplianceAccount.account_id.in_(account_ids))
    stored = {row.account_id: row for row in connection.execute(query)}
    if sort in SORTS:
        of, none = SORTS[sort], daily.Figures()
        account_ids = sorted(account_ids, key=lambda each: (each not in latest, -of(latest.get(each, (0, none))[1])))
    last = max(1, -(-len(account_ids) // PAGE))
    number = min(page, last)
    shown = []
    for account_id in account_ids[(number - 1) * PAGE : number * PAGE]:
        sync, row = syncs.get(account_id), stored.get(account_id)
        day, figures = latest.get(account_id, (None, daily.Figures()))
        alias = str(row.user_list.get("alias") or "") if row else ""
        shown.append(
            Overview(
                account_id,
                (sync.name if sync else "") or alias,
                sync.unit if sync else "",
                sync.problem if sync else "",
                day,
                figures,
                row.user_list_at if row else None,
                row.report_at if row else None,
            )
        )
    found = [figures for _, figures in latest.values()]
    return AllAccounts(
        shown,
        number,
        last,
        sum(each.people for each in found),
        sum(each.of("mfa").failed for each in found),
        sum(each.of("key-age").failed for each in found),
        sum(each.of("unused").failed for each in found),
        len(found),
    )
