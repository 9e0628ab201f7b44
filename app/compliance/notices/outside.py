"""Security notices about changes made outside of the portal, found by comparing compliance data with earlier data.

Changes in the portal are in its audit log and already have a notice (`app.notices.changes`). The first data about a
credential isn't a change. SSH keys are only seen on users' own visits, because AWS shows them only to their owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

from flask import Flask
from sqlalchemy import Connection, or_, select

from app.audit.events import HAPPENED, Event
from app.audit.models import ActivityRow
from app.compliance.data.account_data import AccountData
from app.compliance.data.judgements import subject_of
from app.compliance.data.rows import AccountRow, PersonRow
from app.compliance.data.storing import people_changed
from app.compliance.receivers import listen_to
from app.compliance.rules.subjects import Subject
from app.notices.notice import Notice
from app.notices.outbox import Outbox
from app.notices.texts.security import SEEN

TOLERANCE = timedelta(minutes=10)
"""How late AWS's lists may be: a change made in the portal this long before the earlier evidence may show only now.

Where AWS shows when a change was made, its entry in the audit log is at most this far from that time."""


class Change(NamedTuple):
    """A credential that changed between two sources."""

    event: Event
    """The event that the portal would have recorded."""
    which: str
    """Text that distinguishes it from other changes of the same kind."""
    since: datetime
    """The time of the last data before the change."""
    at: datetime
    """The time of the data that shows it."""
    made_at: datetime | None = None
    """When AWS made it. None: AWS doesn't show it."""


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


def _write_notices(
    account: AccountData, outbox: Outbox, *, before: Mapping[str, PersonRow], after: Iterable[PersonRow]
) -> None:
    """Write notices about what changed outside of the portal."""
    outbox.enqueue(account.connection, list(_notices(account, before, after)))


def listen(app: Flask) -> None:
    """Start writing notices about changes that the portal or a command sees. Without a channel, none are written."""
    outbox: Outbox = app.extensions["outbox"]
    if outbox.channels:
        listen_to(people_changed, app, _write_notices)


def _notices(account: AccountData, before: Mapping[str, PersonRow], after: Iterable[PersonRow]) -> Iterator[Notice]:
    for row in after:
        old = before.get(row.user_name)
        if old is None or not _is_same_user(old, row) or _facts(old) == _facts(row):
            continue
        found = list(changes(subject_of(old, account.found), subject_of(row, account.row)))
        entries = _entries(account.connection, row, found) if found else []
        yield from (_notice(account.row, row, change) for change in _left(found, entries))


def _is_same_user(old: PersonRow, row: PersonRow) -> bool:
    """Return False for a new user with the name of a deleted one."""
    return old.created_at == row.created_at if old.created_at and row.created_at else old.user_id == row.user_id


def _facts(row: PersonRow) -> tuple[object, ...]:
    return row.report, row.own, row.virtual_devices, row.in_user_list


def changes(old: Subject, new: Subject) -> Iterator[Change]:
    """Yield the changes of a user's credentials between two sources."""
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
        yield Change(
            Event.PASSWORD_CHANGED, new.password_changed_at.isoformat(), *looks, made_at=new.password_changed_at
        )


def _looks(name: str, old: Subject, new: Subject) -> tuple[datetime, datetime] | None:
    """Return the times of the earlier and the present evidence of a fact. None if it wasn't known, or isn't newer."""
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
            yield Change(events.created, which, since, at, made_at=made)
        elif active is not before[made]:
            yield Change(events.activated if active else events.deactivated, f"{which} {at.isoformat()}", since, at)
    for made in before:
        if made not in now:
            yield Change(events.deleted, made.isoformat() if made else "", since, at)


class _Entry(NamedTuple):
    """What the user did in the portal. It accounts for one change."""

    event: str
    began: datetime
    ended: datetime
    """When it was known to be done: maybe much later, when AWS was asked."""


def _entries(connection: Connection, row: PersonRow, found: Iterable[Change]) -> list[_Entry]:
    """Return what the user did in the portal that may be among these changes, oldest first."""
    since = min(min(change.since, change.made_at or change.since) for change in found) - TOLERANCE
    by_name = ActivityRow.user_name == row.user_name
    by_id = or_(ActivityRow.user_id == row.user_id, by_name & (ActivityRow.user_id == ""))
    if row.created_at:  # earlier entries belong to a deleted user of that name
        since = max(since, row.created_at)
    query = select(ActivityRow.attempt_id, ActivityRow.event, ActivityRow.phase, ActivityRow.at).where(
        ActivityRow.account_id == row.account_id,
        ActivityRow.at > since,
        ActivityRow.event.in_(sorted({event for change in found for event in _events(change)})),
        by_id if row.user_id else by_name,
    )
    attempts: dict[str, list[Any]] = {}
    for each in connection.execute(query.order_by(ActivityRow.seq)):
        attempts.setdefault(each.attempt_id, []).append(each)
    return [
        _Entry(rows[0].event, rows[0].at, rows[-1].at)
        for rows in attempts.values()
        if any(each.phase in HAPPENED for each in rows)
    ]


def _events(change: Change) -> tuple[Event, ...]:
    """Return what the portal may have recorded for a change."""
    setting = Event.PASSWORD_CHANGED, Event.PASSWORD_SET
    return setting if change.event in setting else (change.event,)


def _left(found: Iterable[Change], entries: Sequence[_Entry]) -> Iterator[Change]:
    """Yield the changes that no entry accounts for. An entry accounts for the one that is nearest to it."""
    free = list(entries)

    def nearest(change: Change) -> timedelta:
        return min((_apart(change, entry) for entry in entries if _may_be(entry, change)), default=TOLERANCE)

    for change in sorted(found, key=nearest):
        mine = [entry for entry in free if _may_be(entry, change)]
        if mine:
            free.remove(min(mine, key=lambda entry: _apart(change, entry)))
        else:
            yield change


def _may_be(entry: _Entry, change: Change) -> bool:
    if entry.event not in _events(change):
        return False
    return _apart(change, entry) <= TOLERANCE if change.made_at else entry.ended > change.since - TOLERANCE


def _apart(change: Change, entry: _Entry) -> timedelta:
    """How far an entry is from a change, 0 where AWS doesn't show when that was."""
    return abs(entry.began - change.made_at) if change.made_at else timedelta(0)


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
