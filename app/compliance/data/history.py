"""What changed between two days: who began or stopped to fail which rule."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from app.compliance.data.models import ComplianceChange, ComplianceDay
from app.compliance.rules.verdicts import FAIL


class Turned(NamedTuple):
    """A user who failed a rule at the end of one of the days, but not at the end of the other."""

    user_name: str
    rule: str
    failed_before: bool
    fails_after: bool
    was: str
    """The state, "" where the rule wasn't about them."""
    became: str
    at: datetime
    """The last turn between the days."""


def first_day(connection: Connection, account_id: str) -> date | None:
    """Return the first day (UTC) of which there are results, None where there is none."""
    mine = ComplianceDay.account_id == account_id
    return connection.execute(select(func.min(ComplianceDay.day)).where(mine)).scalar_one()


def turned(connection: Connection, account_id: str, before: date, after: date) -> list[Turned]:
    """Return who began or stopped to fail, from the end of one day (UTC) to the end of another, by rule and user.

    Users who turned and turned back are left out. A verdict that was or became unknown did not turn.
    """
    return sorted(_turned(connection, account_id, before, after), key=lambda each: (each.rule, each.user_name))


def _turned(connection: Connection, account_id: str, before: date, after: date) -> Iterator[Turned]:
    query = (
        select(
            ComplianceChange.user_name,
            ComplianceChange.rule,
            ComplianceChange.was,
            ComplianceChange.became,
            ComplianceChange.at,
        )
        .where(
            ComplianceChange.account_id == account_id,
            ComplianceChange.at >= _end_of(before),
            ComplianceChange.at < _end_of(after),
        )
        .order_by(ComplianceChange.at, ComplianceChange.id)
    )
    found: dict[tuple[str, str], tuple[str, str, datetime]] = {}
    for user_name, rule, was, became, at in connection.execute(query):
        first = found.get((user_name, rule))
        found[user_name, rule] = (first[0] if first else was, became, at)
    for (user_name, rule), (was, became, at) in found.items():
        if (was == FAIL) != (became == FAIL):
            yield Turned(user_name, rule, was == FAIL, became == FAIL, was, became, at)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)
