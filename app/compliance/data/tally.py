"""Counting an account's figures: all of its users, or only the difference that changed users make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Protocol, Self

from sqlalchemy import Connection, cast, func, select
from sqlalchemy.types import Text

from app.compliance.data.daily import AGES, STATES, Count, Figures
from app.compliance.data.models import CompliancePerson
from app.compliance.rules.sources import OwnFacts
from app.compliance.rules.table import BY_ID
from app.compliance.rules.verdicts import Verdict


class Counted(Protocol):
    """What is counted of a user's row."""

    @property
    def own(self) -> OwnFacts: ...

    @property
    def verdicts(self) -> str: ...

    @property
    def oldest_key_at(self) -> datetime | None: ...


class Tally:
    """An account's figures as of a moment, while users are counted."""

    def __init__(self, now: datetime, before: Figures | None = None) -> None:
        """before: figures to begin with, as of `now`. None: no users yet."""
        self._now = now
        self._people, self._shown = (before.people, before.shown) if before else (0, 0)
        self._ages = list(before.key_ages) if before else [0] * (len(AGES) + 1)
        self._counts = {
            rule: [count.passed, count.failed, count.unknown, count.excepted]
            for rule, count in (before.rules.items() if before else ())
        }
        self._seen: dict[str, int] = {}

    @classmethod
    def from_stored(cls, connection: Connection, account_id: str, now: datetime) -> Self:
        """Count the users as they are stored, in the database."""
        mine = CompliancePerson.account_id == account_id
        made = CompliancePerson.oldest_key_at
        tally = cls(now)
        by_verdicts = select(CompliancePerson.verdicts, func.count()).where(mine)
        for verdicts, number in connection.execute(by_verdicts.group_by(CompliancePerson.verdicts)):
            tally._seen[verdicts] = number
            tally._people += number
        shown = select(func.count()).where(mine, cast(CompliancePerson.own, Text) != "{}")
        tally._shown = connection.execute(shown).scalar_one()
        groups = (made.is_not(None), *(made <= _reached(now, days) for days in AGES))
        older = [connection.execute(select(func.count()).where(mine, group)).scalar_one() for group in groups]
        tally._ages = [more - fewer for more, fewer in zip(older, [*older[1:], 0], strict=True)]
        return tally

    @classmethod
    def continued(
        cls, connection: Connection, account_id: str, latest: tuple[date, Figures] | None, now: datetime
    ) -> Self | None:
        """Begin with the latest figures, whose keys have aged since. None: nothing says as of when they are.

        The users must be stored as they were then.
        """
        if latest is None or (at := latest[1].at) is None:
            return None
        tally = cls(now, latest[1])
        mine, made = CompliancePerson.account_id == account_id, CompliancePerson.oldest_key_at
        for group, days in enumerate(AGES):
            first, last = sorted((_reached(at, days), _reached(now, days)))
            query = select(func.count()).where(mine, made > first, made <= last)
            moved = connection.execute(query).scalar_one() * (1 if now >= at else -1)
            tally._ages[group] -= moved
            tally._ages[group + 1] += moved
        return tally

    def add(self, rows: Iterable[Counted], times: int = 1) -> None:
        """Count these users. times: -1 to count them no longer."""
        seen, ages, now = self._seen, self._ages, self._now
        for row in rows:
            self._people += times
            if row.own:
                self._shown += times
            seen[row.verdicts] = seen.get(row.verdicts, 0) + times
            if row.oldest_key_at:
                age = now - row.oldest_key_at  # exactly, as the rule judges it
                ages[next((group for group, days in enumerate(AGES) if age <= timedelta(days=days)), len(AGES))] += (
                    times
                )

    def figures(self, account: Mapping[str, Verdict]) -> Figures:
        """Return the figures. account: the verdicts about the account itself."""
        counts = {rule: list(count) for rule, count in self._counts.items() if not _is_of_account(rule)}
        # Thousands of users share a few dozen combinations of verdicts.
        for verdicts, times in self._seen.items():
            for word in verdicts.split() if times else ():
                rule, _, state = word.partition("=")
                counts.setdefault(rule, [0, 0, 0, 0])[STATES.index(state)] += times
        for rule, verdict in account.items():
            counts[rule] = [int(state is verdict.state) for state in STATES]
        rules = {rule: Count(*count) for rule, count in counts.items() if any(count)}
        changes_at = min((verdict.until for verdict in account.values() if verdict.until), default=None)
        return Figures(self._people, rules, self._shown, tuple(self._ages), self._now, changes_at)


def counted(rows: Iterable[Counted], account: Mapping[str, Verdict], now: datetime) -> Figures:
    """Count all users' rows and the verdicts about the account."""
    tally = Tally(now)
    tally.add(rows)
    return tally.figures(account)


def next_age(connection: Connection, account_id: str, now: datetime) -> datetime | None:
    """Return when the next key leaves its group of ages, None if none will. The moment before it does."""
    mine, made = CompliancePerson.account_id == account_id, CompliancePerson.oldest_key_at
    found = []
    for days in AGES:
        query = select(made).where(mine, made > _reached(now, days)).order_by(made).limit(1)
        if oldest := connection.execute(query).scalar():
            found.append(oldest + timedelta(days=days))
    return min(found, default=None)


def _reached(now: datetime, days: int) -> datetime:
    """When a key was made that leaves the group bounded by `days` now."""
    return now - timedelta(days=days, microseconds=1)


def _is_of_account(rule_id: str) -> bool:
    """Is this a rule about the account, or a variant of one? An id of an earlier release isn't known any more."""
    rule = BY_ID.get(rule_id)
    return rule is not None and rule.about_account
