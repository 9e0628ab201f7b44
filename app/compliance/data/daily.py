"""An account's figures: counted when something changes and stored by day, so that pages and trends only read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from app.compliance.data.models import ComplianceDay
from app.compliance.rules.verdicts import State
from app.db.upserting import insert_into

STATES = tuple(State)
"""In the order of `Count`."""
AGES = (30, 60, 90)
"""Days that bound the groups of `Figures.key_ages`. The last group is older."""


@dataclass(frozen=True)
class Count:
    """How many users a rule is about, by verdict. Of a rule about the account, one."""

    passed: int = 0
    failed: int = 0
    unknown: int = 0
    excepted: int = 0

    @property
    def population(self) -> int:
        """How many there are, whatever the verdict."""
        return self.passed + self.failed + self.unknown + self.excepted


@dataclass(frozen=True)
class Figures:
    """An account on a day."""

    people: int = 0
    rules: Mapping[str, Count] = field(default_factory=dict)
    shown: int = 0
    """Users whose own visits showed any credentials."""
    key_ages: tuple[int, ...] = (0,) * (len(AGES) + 1)
    """Users with active access keys by the age of their oldest key, in groups bounded by AGES."""
    at: datetime | None = None
    """As of when. None: as counted by an earlier release."""
    changes_at: datetime | None = None
    """When time alone changes the figures, other than by a verdict about a user."""

    @property
    def coverage(self) -> float:
        """The share of verdicts that are known, from 0 to 1."""
        answers = sum(count.population for count in self.rules.values())
        return 1 - sum(count.unknown for count in self.rules.values()) / answers if answers else 0.0

    def of(self, rule: str) -> Count:
        """Return the count of a rule, zeros where it didn't exist yet."""
        return self.rules.get(rule, Count())


def keep_day(connection: Connection, account_id: str, now: datetime, figures: Figures) -> None:
    """Store the figures as today's (UTC), in place of earlier ones of today.

    Of a clock that was set back, as those of the latest day: the latest figures are what is stored of the users.
    """
    latest_day = select(func.max(ComplianceDay.day)).where(ComplianceDay.account_id == account_id)
    day = max(now.date(), connection.execute(latest_day).scalar_one() or date.min)
    stored = {
        "people": figures.people,
        "shown": figures.shown,
        "rules": {
            rule: [count.passed, count.failed, count.unknown, count.excepted] for rule, count in figures.rules.items()
        },
        "key_ages": list(figures.key_ages),
        "at": figures.at and figures.at.isoformat(),
        "changes_at": figures.changes_at and figures.changes_at.isoformat(),
    }
    statement = insert_into(ComplianceDay, connection.dialect).values(account_id=account_id, day=day, figures=stored)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["account_id", "day"], set_={"figures": stored})
    )


def days(connection: Connection, account_id: str, now: datetime, back: int = 90) -> list[tuple[date, Figures]]:
    """Return the figures of the last days, oldest first. Days on which nobody looked and no data came are missing."""
    query = (
        select(ComplianceDay.day, ComplianceDay.figures)
        .where(ComplianceDay.account_id == account_id, ComplianceDay.day > now.date() - timedelta(days=back))
        .order_by(ComplianceDay.day)
    )
    return [(day, _figures(stored)) for day, stored in connection.execute(query)]


def _figures(stored: Mapping[str, Any]) -> Figures:
    rules = {rule: Count(*counts) for rule, counts in stored["rules"].items()}
    at, changes_at = (
        datetime.fromisoformat(stored_at) if (stored_at := stored.get(n)) else None for n in ("at", "changes_at")
    )
    return Figures(stored["people"], rules, stored["shown"], tuple(stored["key_ages"]), at, changes_at)


def latest(connection: Connection, account_id: str, by: date | None = None) -> tuple[date, Figures] | None:
    """Return the latest figures of an account with their day, None where there are none. by: the last day."""
    query = select(ComplianceDay.day, ComplianceDay.figures).where(ComplianceDay.account_id == account_id)
    if by is not None:
        query = query.where(ComplianceDay.day <= by)
    found = connection.execute(query.order_by(ComplianceDay.day.desc()).limit(1)).first()
    return (found.day, _figures(found.figures)) if found else None


def latest_of(connection: Connection, account_ids: Collection[str]) -> dict[str, tuple[date, Figures]]:
    """Return the latest figures of each account. Accounts of which nothing is known are left out."""
    newest = (
        select(ComplianceDay.account_id, func.max(ComplianceDay.day).label("day"))
        .where(ComplianceDay.account_id.in_(account_ids))
        .group_by(ComplianceDay.account_id)
        .subquery()
    )
    query = select(ComplianceDay.account_id, ComplianceDay.day, ComplianceDay.figures).join(
        newest, (newest.c.account_id == ComplianceDay.account_id) & (newest.c.day == ComplianceDay.day)
    )
    return {account: (day, _figures(stored)) for account, day, stored in connection.execute(query)}


def by_week(history: Sequence[tuple[date, Figures]]) -> list[tuple[date, Figures]]:
    """Return only the last day of each week (ISO 8601) of a history, which is in order."""
    last = {day.isocalendar()[:2]: (day, figures) for day, figures in history}
    return list(last.values())


def a_week_before(history: list[tuple[date, Figures]]) -> tuple[date, Figures] | None:
    """Return the latest figures that are at least a week older than the last, None where there are none."""
    if not history:
        return None
    limit = history[-1][0] - timedelta(days=7)
    return next((entry for entry in reversed(history) if entry[0] <= limit), None)
