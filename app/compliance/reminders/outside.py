"""Security notices about changes outside of the portal: what compliance sees now and didn't see before.

What the user changed in the portal is in its audit log, and was told already. Of a fact that is known for the first
time, nobody can tell when it changed, so it is no change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from flask import Flask
from sqlalchemy import Connection, Engine, or_, select

from app.audit.events import HAPPENED, Event
from app.audit.models import ActivityRow
from app.compliance.data.account_data import AccountData
from app.compliance.data.judgements import subject_of
from app.compliance.data.rows import AccountRow, PersonRow
from app.compliance.data.storing import people_changed
from app.compliance.rules.subjects import Subject
from app.db import db
from app.notices.notice import Notice
from app.notices.outbox import Outbox
from app.notices.texts.security import SEEN

SLACK = timedelta(minutes=10)
"""A change in the portal so long before the earlier evidence may be the one that shows now: AWS's lists are late."""


class Change(NamedTuple):
    """A credential that changed between two looks."""

    event: Event
    """What the portal would have recorded for it."""
    which: str
    """What tells it from other changes of the same kind, as text."""
    since: datetime
    """When it was still as before."""
    at: datetime
    """When it was seen."""


class _Credential(Protocol):
    """A key or certificate."""

    @property
    def active(self) -> bool:
        """False while it is deactivated."""

    @property
    def created_at(self) -> datetime | None:
        """UTC."""


@dataclass(frozen=True)
class _Events:
    created: Event
    activated: Event
    deactivated: Event
    deleted: Event


_OF = {
    "keys": _Events(
        Event.ACCESS_KEY_CREATED, Event.ACCESS_KEY_ACTIVATED, Event.ACCESS_KEY_DEACTIVATED, Event.ACCESS_KEY_DELETED
    ),
    "ssh_keys": _Events(
        Event.SSH_KEY_UPLOADED, Event.SSH_KEY_ACTIVATED, Event.SSH_KEY_DEACTIVATED, Event.SSH_KEY_DELETED
    ),
    "certificates": _Events(
        Event.CERTIFICATE_UPLOADED,
        Event.CERTIFICATE_ACTIVATED,
        Event.CERTIFICATE_DEACTIVATED,
        Event.CERTIFICATE_DELETED,
    ),
}
"""By the name of the fact in Subject."""


class Outside:
    """Writes these notices. Belongs to one portal."""

    def __init__(self, engine: Engine, outbox: Outbox) -> None:
        self._engine, self._outbox = engine, outbox

    def __call__(self, account: AccountData, *, before: Mapping[str, PersonRow], after: Iterable[PersonRow]) -> None:
        """Write them in the transaction that stores what changed."""
        if account.connection.engine is self._engine:
            self._outbox.enqueue(account.connection, list(_notices(account, before, after)))


def listen(app: Flask) -> None:
    """Write notices about what the portal, or a command, sees from now on. Without a channel there are none."""
    outbox: Outbox = app.extensions["outbox"]
    if outbox.channels:
        with app.app_context():
            app.extensions["outside_changes"] = receiver = Outside(db.engine, outbox)
        people_changed.connect(receiver)  # a weak reference: it ends with the application


def _notices(account: AccountData, before: Mapping[str, PersonRow], after: Iterable[PersonRow]) -> Iterator[Notice]:
    for row in after:
        old = before.get(row.user_name)
        if old is None or not _is_same_user(old, row) or _facts(old) == _facts(row):
            continue
        for change in changes(subject_of(old, account.found), subject_of(row, account.row)):
            if not _was_ours(account.connection, row, change):
                yield _notice(account.row, row, change)


def _is_same_user(old: PersonRow, row: PersonRow) -> bool:
    """Return whether this isn't a new user with the name of a deleted one."""
    return old.created_at == row.created_at if old.created_at and row.created_at else old.user_id == row.user_id


def _facts(row: PersonRow) -> tuple[object, ...]:
    return row.report, row.own, row.virtual_devices, row.in_user_list


def changes(old: Subject, new: Subject) -> Iterator[Change]:
    """Yield what changed about a user's credentials between two looks at the same user."""
    for name, events in _OF.items():
        looks = _looks(name, old, new)
        if looks:
            yield from _of_list(getattr(old, name), getattr(new, name), events, *looks)
    looks = _looks("mfa", old, new)
    if looks and old.mfa is not new.mfa:
        yield Change(Event.MFA_DEVICE_ENABLED if new.mfa else Event.MFA_DEVICE_DEACTIVATED, "", *looks)
    looks = _looks("password", old, new)
    if looks and old.password is not new.password:
        yield Change(Event.PASSWORD_SET if new.password else Event.PASSWORD_REMOVED, "", *looks)
    elif looks and new.password and new.password_changed_at and new.password_changed_at > looks[0]:
        yield Change(Event.PASSWORD_CHANGED, new.password_changed_at.isoformat(), *looks)


def _looks(name: str, old: Subject, new: Subject) -> tuple[datetime, datetime] | None:
    """Return when a fact was seen before and now. None where it wasn't known, or isn't any newer."""
    if getattr(old, name) is None or getattr(new, name) is None:
        return None
    before, now = old.seen.get(name), new.seen.get(name)
    return (before.at, now.at) if before and now and now.at > before.at else None


def _of_list(
    old: Sequence[_Credential], new: Sequence[_Credential], events: _Events, since: datetime, at: datetime
) -> Iterator[Change]:
    before = {each.created_at: each.active for each in old}
    now = {each.created_at: each.active for each in new}
    for made, active in now.items():
        which = made.isoformat() if made else ""
        if made not in before:
            yield Change(events.created, which, since, at)
        elif active is not before[made]:
            yield Change(events.activated if active else events.deactivated, f"{which} {at.isoformat()}", since, at)
    for made in before:
        if made not in now:
            yield Change(events.deleted, made.isoformat() if made else "", since, at)


def _was_ours(connection: Connection, row: PersonRow, change: Change) -> bool:
    """Return whether the user made such a change in the portal meanwhile."""
    events = {change.event} | ({Event.PASSWORD_CHANGED, Event.PASSWORD_SET} if "password" in change.event else set())
    asked = select(ActivityRow.seq).where(
        ActivityRow.account_id == row.account_id,
        ActivityRow.at > change.since - SLACK,
        ActivityRow.event.in_(sorted(events)),
        ActivityRow.phase.in_(HAPPENED),
        or_(ActivityRow.user_id == row.user_id, ActivityRow.user_name == row.user_name),
    )
    return connection.execute(asked.limit(1)).first() is not None


def _notice(account: AccountRow, row: PersonRow, change: Change) -> Notice:
    whose = row.user_id or row.user_name
    data: dict[str, Any] = {
        "user": row.user_name,
        "account": account.account_id,
        "at": change.at.isoformat(),
        "since": change.since.isoformat(),
    }
    which = change.which or change.at.isoformat()
    return Notice(
        kind=f"{SEEN}{change.event}",
        account_id=account.account_id,
        user_name=row.user_name,
        user_id=row.user_id,
        idempotency_key=f"{SEEN}{change.event}:{account.account_id}:{whose}:{which}"[:160],
        data=data,
        urgent=True,
    )
