"""Writing notices, in the caller's transaction: a notice is stored if and only if its event is."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import Flask, current_app
from sqlalchemy import ColumnElement, Connection, Insert, and_, case, delete, update

from app.db.upserting import insert_into
from app.notices.models import NoticeRow
from app.notices.notice import CANCELLED, PAUSED, TO_BE_SENT, Notice, State

if TYPE_CHECKING:
    from app.notices.queue import Bell

_CREATED = {
    "state": State.WAITING.value,
    "attempts": 0,
    "unsure": 0,
    "lease_by": "",
    "sent_to": "",
    "last_error": "",
}
_BATCH = 500
"""Rows in one statement: SQLite takes 32,766 values."""


class Outbox:
    """Writes notices. One per portal."""

    def __init__(self, channels: Collection[str], bell: Bell | None = None) -> None:
        """channels: names of configured channels. If there are none, nothing is written."""
        self.channels = frozenset(channels)
        self._bell = bell

    def ring(self) -> None:
        """Wake a worker, after a transaction that wrote notices. Otherwise they are sent about a second later."""
        if self._bell:
            self._bell.ring()

    def enqueue(self, connection: Connection, notices: Sequence[Notice]) -> int:
        """Write notices in the caller's transaction, one row for each channel. Return how many rows are new.

        A notice whose idempotency key is already there is left out. Raises SQLAlchemyError.
        """
        now = datetime.now(UTC)
        rows = [
            _row(notice, channel, now)
            for notice in notices
            for channel in notice.channels
            if channel in self.channels
        ]
        added = 0
        for start in range(0, len(rows), _BATCH):
            statement = _insert(connection).values(rows[start : start + _BATCH]).returning(NoticeRow.id)
            added += len(connection.execute(statement).all())
        return added

    def cancel(self, connection: Connection, *which: ColumnElement[bool], paused: bool = False) -> int:
        """Cancel notices that aren't sent yet, in the caller's transaction. Return how many.

        which: conditions on NoticeRow. One that a worker has claimed is marked: the worker leaves it out, or if it is
        sending it at this moment, doesn't try it again. paused: only until `forget_paused`.
        """
        mine = (NoticeRow.state.in_((*TO_BE_SENT, State.SENDING)), *which)
        claimed = NoticeRow.state == State.SENDING.value
        values = {
            "state": case((claimed, State.SENDING.value), else_=State.CANCELLED.value),
            "last_error": case(
                (and_(claimed, NoticeRow.last_error == CANCELLED), CANCELLED),
                (claimed, PAUSED if paused else CANCELLED),
                else_=PAUSED if paused else NoticeRow.last_error,
            ),
        }
        return int(connection.execute(update(NoticeRow).where(*mine).values(values)).rowcount)

    def forget_paused(self, connection: Connection, *which: ColumnElement[bool]) -> None:
        """Undo `cancel(paused=True)` in the caller's transaction: the same notices can be written again.

        which: conditions on NoticeRow. Cancelled ones are deleted, except those that a worker may have sent. Those
        that a worker still has are sent.
        """
        paused = NoticeRow.last_error == PAUSED
        claimed = NoticeRow.state == State.SENDING.value
        connection.execute(update(NoticeRow).where(claimed, paused, *which).values(last_error=""))
        mine = NoticeRow.state == State.CANCELLED.value, paused, NoticeRow.unsure == 0
        connection.execute(delete(NoticeRow).where(*mine, *which))


def _insert(connection: Connection) -> Insert:
    return insert_into(NoticeRow, connection.dialect).on_conflict_do_nothing()


def _row(notice: Notice, channel: str, now: datetime) -> dict[str, Any]:
    return _CREATED | {
        "message_id": secrets.token_hex(16),
        "idempotency_key": notice.idempotency_key,
        "channel": channel,
        "account_id": notice.account_id,
        "user_name": notice.user_name,
        "user_id": notice.user_id,
        "audience": notice.audience.value,
        "kind": notice.kind,
        "data": dict(notice.data),
        "urgent": notice.urgent,
        "not_before": notice.not_before or now,
        "created_at": now,
        "campaign_id": notice.campaign_id,
    }


def open_outbox(app: Flask, channels: Collection[str]) -> None:
    """Open the portal's outbox. channels: names of those that are set up."""
    app.extensions["outbox"] = Outbox(channels, _bell(app.config["REDIS_URL"]))


def _bell(redis_url: str) -> Bell | None:
    if not redis_url:
        return None
    # Imported here, since only portals with Redis need Huey.
    from app.notices.queue import Bell  # noqa: PLC0415 # see above

    return Bell(redis_url)


def outbox() -> Outbox:
    """Return the portal's outbox."""
    found: Outbox = current_app.extensions["outbox"]
    return found
