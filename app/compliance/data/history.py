"""The history: the list at the end of a past day, and what changed between two days (UTC).

The list of a past day is made from today's: every later change of a verdict is undone, and users who were deleted
since are added. It has the results recorded by the end of that day, which change only when the account is judged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from app.compliance.data import daily
from app.compliance.data.account_data import read_account
from app.compliance.data.models import ComplianceChange, ComplianceDay, ComplianceFormer, CompliancePerson
from app.compliance.data.people_data import batched, states
from app.compliance.rules.table import BY_ID
from app.compliance.rules.verdicts import FAIL, UNKNOWN, State
from app.errors import Refused
from app.text.messages import N_, _

DELETED = "deleted"
"""`VerdictChange.became` for users who were deleted."""


class NoSuchDay(Refused):
    """There is no list for that day."""

    code = "no-such-day"
    message = N_("There’s no list for that day. Choose a later one.")
    field = "day"


@dataclass(frozen=True)
class PastDay:
    """A past day that has a list."""

    account_id: str
    day: date
    recorded_on: date
    """The last day up to then on which the account was judged. Earlier if there was no new data and no visitor."""
    figures: daily.Figures
    """Of that day."""

    @property
    def end(self) -> datetime:
        """Midnight (UTC) at the end of the day."""
        return end_of(self.day)

    @property
    def account_states(self) -> dict[str, State]:
        """The results of the rules about the account, by rule ID."""
        counts = {rule: count for rule, count in self.figures.rules.items() if _is_about_account(rule)}
        return {
            rule: State.FAIL if count.failed else State.UNKNOWN if count.unknown else
            State.EXCEPTED if count.excepted else State.PASS
            for rule, count in counts.items()
        }  # fmt: skip


def _is_about_account(rule_id: str) -> bool:
    return rule_id in BY_ID and BY_ID[rule_id].about_account


class PastUser(NamedTuple):
    """A user at the end of a past day."""

    user_name: str
    arn: str
    user_id: str
    deleted_at: datetime | None
    """When a source showed that the user was deleted. None: the user still exists."""
    states: Mapping[str, str]
    """By rule id."""


class VerdictChange(NamedTuple):
    """A user who failed a rule at the end of one of the days, but not at the end of the other."""

    user_name: str
    rule: str
    fails_after: bool
    was: str
    """The state before. "" if the rule didn't apply or the user didn't exist yet."""
    became: str
    """The state after. "" if the rule doesn't apply, DELETED if the user was deleted."""
    at: datetime
    """When the state last changed between the days."""


def first_day(connection: Connection, account_id: str) -> date | None:
    """Return the first day (UTC) with results, None if there is none."""
    mine = ComplianceDay.account_id == account_id
    return connection.execute(select(func.min(ComplianceDay.day)).where(mine)).scalar_one()


def whole_since(connection: Connection, account_id: str) -> date | None:
    """Return the first day (UTC) with a complete list, None if there is none yet."""
    row = read_account(connection, account_id)
    return row.history_since.date() if row and row.history_since else None


def why_no_list(connection: Connection, account_id: str, day: date, today: date) -> str:
    """Return why a day has no list, as a sentence. "" if it has one."""
    if day > today:
        return _("This day is in the future. Choose today or an earlier day.")
    whole, first = whole_since(connection, account_id), first_day(connection, account_id)
    if whole is None or first is None:
        return _("There are no results yet. Refresh the account, or upload a credential report.")
    if day < first:
        return _("There are no results for that day. The first are from %(day)s.", day=first)
    if day < whole:
        return _(
            "There’s no list for that day. The first is from %(day)s, because unknown results and deleted users "
            "weren’t recorded before. You can still compare earlier days.",
            day=whole,
        )
    return ""


def past_day(connection: Connection, account_id: str, day: date, today: date) -> PastDay:
    """Return a day that has a list. Raises NoSuchDay, with the reason."""
    if why := why_no_list(connection, account_id, day, today):
        raise NoSuchDay(why)
    found = daily.latest(connection, account_id, day)
    if found is None:  # the days were removed from the database
        raise NoSuchDay
    return PastDay(account_id, day, *found)


def past_users(connection: Connection, past: PastDay) -> Iterator[PastUser]:
    """Yield the users of a past day by name, then those deleted since. Reads 500 users at a time."""
    existed = _began_before(CompliancePerson.known_since, past.end)
    after = ""
    while True:
        rows = _current(connection, past.account_id, existed, CompliancePerson.user_name > after, at_most=_AT_ONCE)
        yield from _as_they_were(connection, past.account_id, rows, past.end)
        if len(rows) < _AT_ONCE:
            break
        after = rows[-1].user_name
    deleted = ComplianceFormer.deleted_at >= past.end, _began_before(ComplianceFormer.known_since, past.end)
    yield from _as_they_were(connection, past.account_id, _former(connection, past.account_id, *deleted), past.end)


_AT_ONCE = 500


class _Stored(NamedTuple):
    """A stored user, deleted or not."""

    user_name: str
    arn: str
    user_id: str
    verdicts: str
    known_since: datetime | None
    deleted_at: datetime | None


def _current(
    connection: Connection, account_id: str, *conditions: ColumnElement[bool], at_most: int | None = None
) -> list[_Stored]:
    user = CompliancePerson
    query = select(user.user_name, user.arn, user.user_id, user.verdicts, user.known_since)
    query = query.where(user.account_id == account_id, *conditions).order_by(user.user_name).limit(at_most)
    return [_Stored(*columns, None) for columns in connection.execute(query)]


def _former(connection: Connection, account_id: str, *conditions: ColumnElement[bool]) -> list[_Stored]:
    user = ComplianceFormer
    query = select(user.user_name, user.arn, user.user_id, user.verdicts, user.known_since, user.deleted_at)
    query = query.where(user.account_id == account_id, *conditions).order_by(user.user_name, user.deleted_at)
    return [_Stored(*columns) for columns in connection.execute(query)]


def _began_before(known_since: InstrumentedAttribute[datetime | None], moment: datetime) -> ColumnElement[bool]:
    """Return the condition that a user was known before then. Users stored by earlier releases have no time."""
    return or_(known_since.is_(None), known_since < moment)


def _as_they_were(
    connection: Connection, account_id: str, users: Sequence[_Stored], moment: datetime
) -> Iterator[PastUser]:
    """Yield the users with their states at that moment. users: those who were known then."""
    turns = _turns_since(connection, account_id, {user.user_name for user in users}, moment)
    for user in users:
        until = user.deleted_at
        theirs = [turn for turn in turns[user.user_name] if until is None or turn.at <= until]
        yield PastUser(user.user_name, user.arn, user.user_id, until, _turned_back(user.verdicts, theirs))


class _Turn(NamedTuple):
    rule: str
    was: str
    at: datetime


def _turns_since(
    connection: Connection, account_id: str, names: Iterable[str], moment: datetime
) -> dict[str, list[_Turn]]:
    """Return the changes since that moment, in order, by user name."""
    turn = ComplianceChange
    found: dict[str, list[_Turn]] = defaultdict(list)
    for some in batched(names):
        query = select(turn.user_name, turn.rule, turn.was, turn.at).where(
            turn.account_id == account_id, turn.user_name.in_(some), turn.at >= moment
        )
        for name, rule, was, at in connection.execute(query.order_by(turn.at, turn.id)):
            found[name].append(_Turn(rule, was, at))
    return found


def _turned_back(verdicts: str, turns: Iterable[_Turn]) -> dict[str, str]:
    """Return the states before these changes, by rule ID. verdicts: the states after them."""
    before: dict[str, str] = {}
    for rule, was, _at in turns:
        before.setdefault(rule, was)
    return {rule: state for rule, state in (states(verdicts) | before).items() if state}


def verdict_changes(connection: Connection, account_id: str, before: date, after: date) -> list[VerdictChange]:
    """Return who started or stopped failing, from the end of one day (UTC) to the end of another, by rule and user.

    Changes that were undone in between, and verdicts that were unknown on one of the days, are left out. A user who
    was added and fails has started, and one who failed and was deleted has stopped. Before `whole_since`, added and
    deleted users and changes to and from unknown weren't recorded.
    """
    return sorted(
        _verdict_changes(connection, account_id, before, after), key=lambda each: (each.rule, each.user_name)
    )


def _verdict_changes(connection: Connection, account_id: str, before: date, after: date) -> Iterator[VerdictChange]:
    start, end = end_of(before), end_of(after)
    current, former = CompliancePerson.known_since, ComplianceFormer.known_since
    added = _current(connection, account_id, current >= start, current < end)
    gone = ComplianceFormer.deleted_at
    added += _former(connection, account_id, former >= start, former < end, gone >= end)
    deleted = _former(connection, account_id, gone >= start, gone < end, _began_before(former, start))
    for user in _as_they_were(connection, account_id, deleted, start):
        for rule, state in user.states.items():
            yield from _fails_once(user.user_name, rule, state, DELETED, user.deleted_at or start)
    since = {(user.user_name, user.deleted_at): user.known_since for user in added}
    for user in _as_they_were(connection, account_id, added, end):
        for rule, state in user.states.items():
            yield from _fails_once(user.user_name, rule, "", state, since[user.user_name, user.deleted_at] or start)
    names = {user.user_name for user in (*added, *deleted)}
    turn = ComplianceChange
    query = select(turn.user_name, turn.rule, turn.was, turn.became, turn.at).where(
        turn.account_id == account_id, turn.at >= start, turn.at < end
    )
    in_order = connection.execute(query.order_by(turn.user_name, turn.rule, turn.at, turn.id))
    for (name, rule), rows in groupby(in_order, key=lambda row: (row.user_name, row.rule)):
        if name not in names and rule in BY_ID:
            turns = list(rows)
            yield from _fails_once(name, rule, turns[0].was, turns[-1].became, turns[-1].at)


def _fails_once(user_name: str, rule: str, was: str, became: str, at: datetime) -> Iterator[VerdictChange]:
    """Yield the change if the user failed on exactly one of the days."""
    if (was == FAIL) != (became == FAIL) and UNKNOWN not in (was, became):
        yield VerdictChange(user_name, rule, became == FAIL, was, became, at)


def end_of(day: date) -> datetime:
    """Return midnight (UTC) at the end of a day."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)
