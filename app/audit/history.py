"""What a user attempted before: queries of use cases to the audit log (`app.audit.log`)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from app.audit.chain import START, ChainedRow
from app.audit.events import HAPPENED, STILL_RUNNING, Event, Phase
from app.audit.log import Attempt, Audit, AuditLog
from app.audit.models import ActivityRow
from app.audit.reasons import stored_as
from app.errors import NotFound


class Colleague(NamedTuple):
    """Someone who signed in with a company account."""

    user_id: str
    """`app.sessions.contents.Colleague.id_of`."""
    recorded_name: str
    """ "company/E-MAIL", as in their latest sign-in."""
    account_ids: frozenset[str]
    """Accounts whose audit log has it: those they may look at."""
    at: datetime
    """When they signed in last."""


def colleagues_since(
    log: AuditLog, account_ids: Collection[str], since: datetime, user_id: str = ""
) -> list[Colleague]:
    """Return who signed in with a company account since then (UTC), by the logs of these accounts, latest first.

    user_id: only this person, "" for all.
    """
    query = (
        select(ActivityRow.user_id, ActivityRow.user_name, ActivityRow.account_id, ActivityRow.at)
        .where(
            ActivityRow.account_id.in_(sorted(account_ids)),
            ActivityRow.at >= since,
            ActivityRow.event == Event.SIGN_IN,
            ActivityRow.phase == Phase.DONE,
            ActivityRow.user_id == user_id if user_id else ActivityRow.user_id.startswith("oidc-"),
        )
        .order_by(ActivityRow.at.desc())
    )
    found: dict[str, Colleague] = {}
    with log.engine.connect() as connection:
        for known_as, name, account_id, at in connection.execute(query):
            known = found.setdefault(known_as, Colleague(known_as, name, frozenset(), at))
            found[known_as] = known._replace(account_ids=known.account_ids | {account_id})
    return list(found.values())


def without_outcome(
    audit: Audit, now: datetime, *groups: Collection[Event], running: bool = False
) -> Sequence[Attempt]:
    """Return the user's attempts without an outcome, oldest first. Of the events in a group, only the latest counts.

    Leaves out attempts that are still running, unless `running` is true, and attempts followed by another of the same
    group on the same target, whose outcome AWS shows instead. Rows that Latchkey didn't write are left out as well.
    """
    asked = {
        "account_id": audit.account_id,
        "user_id": audit.user_id,
        "before": now if running else now - STILL_RUNNING,
    }
    with audit.log.engine.connect() as connection:
        found = connection.execute(_without_outcome(tuple(map(tuple, groups))), asked).all()
        rows = [row for row in found if _is_ours(audit.log, connection, row)]
    return [
        Attempt(row.attempt_id, Event(row.event), row.target, row.at, row.address, row.user_agent, row.session)
        for row in rows
    ]


def _among(column: InstrumentedAttribute[str], values: Collection[str]) -> ColumnElement[bool]:
    """One of a fixed number of values. SQLAlchemy's own way makes a statement's text again each time it is asked."""
    return column.in_([literal(value) for value in values])


@cache
def _without_outcome(groups: tuple[tuple[Event, ...], ...]) -> Select[Any]:
    """What `without_outcome` asks. Nearly every page does, and putting it together takes longer than the answer."""
    later, other = aliased(ActivityRow), aliased(ActivityRow)
    alike = [and_(_among(ActivityRow.event, group), _among(other.event, group)) for group in groups]
    return (
        select(ActivityRow.__table__)
        .where(
            ActivityRow.account_id == bindparam("account_id"),
            ActivityRow.user_id == bindparam("user_id"),
            ActivityRow.user_id != "",
            _among(ActivityRow.event, [event for group in groups for event in group]),
            (ActivityRow.phase == Phase.UNKNOWN)
            | ((ActivityRow.phase == Phase.INTENDED) & (ActivityRow.at < bindparam("before"))),
            ~exists().where(later.attempt_id == ActivityRow.attempt_id, later.seq > ActivityRow.seq),
            ~exists().where(
                other.account_id == ActivityRow.account_id,
                other.user_id.in_((ActivityRow.user_id, "")),  # earlier releases knew no ids
                other.target == ActivityRow.target,
                other.target != "",
                or_(*alike),
                other.attempt_id != ActivityRow.attempt_id,
                other.seq > ActivityRow.seq,
            ),
        )
        .order_by(ActivityRow.seq)
        .limit(50)
    )


def _is_ours(log: AuditLog, connection: Connection, row: Row[Any]) -> bool:
    """Does the row's mac follow from its predecessor's?"""
    before = START
    if row.seq != 1:
        query = select(ActivityRow.mac).where(
            ActivityRow.account_id == row.account_id, ActivityRow.seq == row.seq - 1
        )
        before = connection.execute(query).scalar() or START
    chained = ChainedRow(*[getattr(row, name) for name in ChainedRow._fields])
    return row.key_id in log.keyring.keys and log.keyring.mac(before, chained) == row.mac


def last_done(audit: Audit, events: Collection[Event], target: str) -> str | None:
    """Return the ID of the user's latest attempt of these events that succeeded on the target, from any browser.

    Latest by when it was made, because an outcome may be found long after. None where there is none.
    """
    asked = {"account_id": audit.account_id, "user_id": audit.user_id, "events": list(events), "target": target}
    with audit.log.engine.connect() as connection:
        return connection.execute(_last_done(), asked).scalar()


@cache
def _last_done() -> Select[Any]:
    """What `last_done` asks."""
    came = aliased(ActivityRow)
    return (
        select(ActivityRow.attempt_id)
        .where(
            ActivityRow.account_id == bindparam("account_id"),
            ActivityRow.event.in_(bindparam("events", expanding=True)),
            exists().where(
                came.account_id == ActivityRow.account_id,
                came.attempt_id == ActivityRow.attempt_id,
                came.target == bindparam("target"),
                came.phase.in_(HAPPENED),
            ),
            ActivityRow.phase == Phase.INTENDED,
            ActivityRow.user_id == bindparam("user_id"),
        )
        .order_by(ActivityRow.seq.desc())
        .limit(1)
    )


@dataclass(frozen=True)
class Done:
    """Something that was done. session: short ID of the session it was done in."""

    target: str
    at: datetime
    session: str


def latest(audit: Audit, events: Collection[Event], targets: Collection[str]) -> dict[str, tuple[Event, datetime]]:
    """Return the latest of these events on each target, with its time (UTC). A target without any is absent."""
    if not targets:
        return {}
    asked = {"account_id": audit.account_id, "user_id": audit.user_id, "targets": list(targets)}
    with audit.log.engine.connect() as connection:
        found = connection.execute(_latest(tuple(events)), asked)
        return {row.target: (Event(row.event), row.at) for row in found}


@cache
def _latest(events: tuple[Event, ...]) -> Select[str, str, datetime]:
    """What `latest` asks."""
    return (
        select(ActivityRow.target, ActivityRow.event, ActivityRow.at)
        .where(
            ActivityRow.account_id == bindparam("account_id"),
            ActivityRow.user_id == bindparam("user_id"),
            _among(ActivityRow.event, events),
            ActivityRow.target.in_(bindparam("targets", expanding=True)),
            _among(ActivityRow.phase, HAPPENED),
        )
        .order_by(ActivityRow.seq)
    )


def done_without(audit: Audit, event: Event, *followed_by: Event) -> list[str]:
    """Return the targets on which the user last did `event`, and on which nothing of `followed_by` was done since."""
    return [each.target for each in last_done_without(audit, event, *followed_by)]


def last_done_without(audit: Audit, event: Event, *followed_by: Event) -> list[Done]:
    """As `done_without`, with when (UTC) and in which session. Each target is there once.

    An attempt counts from when it was made: its outcome may be found long after, and what followed must still follow.
    """
    asked = {"account_id": audit.account_id, "user_id": audit.user_id, "event": event}
    with audit.log.engine.connect() as connection:
        found = connection.execute(_last_done_without(followed_by), asked)
        return list({row.target: Done(*row) for row in found}.values())


@cache
def _last_done_without(followed_by: tuple[Event, ...]) -> Select[str, datetime, str]:
    """What `last_done_without` asks. Every overview does, and putting it together takes longer than the answer."""
    later, first = aliased(ActivityRow), aliased(ActivityRow)
    began = (
        select(func.min(first.seq))
        .where(first.account_id == ActivityRow.account_id, first.attempt_id == ActivityRow.attempt_id)
        .correlate(ActivityRow)  # two levels further out, where SQLAlchemy doesn't look by itself
        .scalar_subquery()
    )
    return (
        select(ActivityRow.target, ActivityRow.at, ActivityRow.session)
        .where(
            ActivityRow.account_id == bindparam("account_id"),
            ActivityRow.user_id == bindparam("user_id"),
            ActivityRow.event == bindparam("event"),
            _among(ActivityRow.phase, HAPPENED),
            ~exists().where(
                later.account_id == ActivityRow.account_id,
                later.user_id.in_((ActivityRow.user_id, "")),
                later.target == ActivityRow.target,
                _among(later.event, followed_by),
                _among(later.phase, HAPPENED) | _among(later.reason, stored_as(NotFound.code)),
                later.attempt_id != ActivityRow.attempt_id,
                later.seq > began,
            ),
        )
        .order_by(ActivityRow.target, ActivityRow.seq)
    )
