"""Queries about notices, for pages and metrics."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from sqlalchemy import ColumnElement, Connection, Engine, Table, bindparam, func, insert, select, update

from app.notices.models import NoticeRow, ScheduleRow
from app.notices.notice import BOUNCED, CAME_BACK, MAIL, SENT_AGAIN, TO_BE_SENT, Audience, State
from app.notices.schedules import WORKER

PAGE = 50
"""Notices on a page."""
SILENT = timedelta(seconds=60)
"""If there's no sign of life for this long, no worker is running."""


class Figures(NamedTuple):
    """Figures of the outbox."""

    states: Mapping[str, int]
    """How many notices there are, by state. Sent ones are counted only if accounts are given."""
    oldest: datetime | None
    """When the oldest due notice became due, None if none is due."""
    beat_at: datetime | None
    """The last sign of life of a worker."""

    def no_worker(self, now: datetime) -> bool:
        """Return whether no worker is running, so that nothing is sent."""
        return self.beat_at is None or now - self.beat_at > SILENT


def figures(engine: Engine, now: datetime, accounts: Collection[str] | None = None) -> Figures:
    """Count notices. accounts: only about these; None: all, without those that were sent."""
    mine = NoticeRow.account_id.in_(accounts) if accounts is not None else NoticeRow.state != State.SENT.value
    states = select(NoticeRow.state, func.count().label("number")).where(mine).group_by(NoticeRow.state)
    due = NoticeRow.state.in_(TO_BE_SENT), NoticeRow.not_before <= now
    with engine.connect() as connection:
        counted = {row.state: row.number for row in connection.execute(states)}
        oldest = connection.execute(select(NoticeRow.not_before).where(*due).order_by(NoticeRow.not_before).limit(1))
        return Figures(counted, oldest.scalar(), _beat_at(connection))


def no_worker(engine: Engine, now: datetime) -> bool:
    """Return whether no worker is running."""
    with engine.connect() as connection:
        return Figures({}, None, _beat_at(connection)).no_worker(now)


def _beat_at(connection: Connection) -> datetime | None:
    return connection.execute(select(ScheduleRow.beat_at).where(ScheduleRow.name == WORKER)).scalar()


def listed(
    engine: Engine, accounts: Collection[str], states: Collection[str], before: int | None = None
) -> Sequence[NoticeRow]:
    """Return notices about these accounts in these states, the newest first, one more than PAGE at most.

    before: only those with a smaller number.
    """
    which: list[ColumnElement[bool]] = [NoticeRow.account_id.in_(accounts), NoticeRow.state.in_(states)]
    if before is not None:
        which.append(NoticeRow.id < before)
    with engine.connect() as connection:
        return rows(connection, *which, most=PAGE + 1)


def of_user(engine: Engine, account_id: str, user_id: str, most: int = 20) -> Sequence[NoticeRow]:
    """Return the latest notices to a user that were sent, the newest first. user_id: AWS's unique ID.

    Notices without that ID are left out: they may be those of an earlier user of the same name.
    """
    if not user_id:
        return []
    mine = NoticeRow.account_id == account_id, NoticeRow.user_id == user_id
    sent = NoticeRow.state == State.SENT.value, NoticeRow.audience == Audience.USER.value, NoticeRow.channel == MAIL
    with engine.connect() as connection:
        return rows(connection, *mine, *sent, most=most)


def rows(connection: Connection, *which: ColumnElement[bool], most: int) -> Sequence[NoticeRow]:
    """Return notices, the newest first."""
    query = select(*NoticeRow.__table__.c).where(*which).order_by(NoticeRow.id.desc()).limit(most)
    return [NoticeRow(**row._mapping) for row in connection.execute(query)]


def bounced_addresses(connection: Connection) -> frozenset[str]:
    """Return users' addresses, in lower case, from which a mail came back, and none was sent again since."""
    query = select(NoticeRow.sent_to).where(*_BOUNCED, NoticeRow.audience != Audience.ADDRESS.value).distinct()
    return frozenset(address.lower() for address in connection.execute(query).scalars())


_BOUNCED = NoticeRow.state == State.DEAD.value, NoticeRow.last_error == BOUNCED, NoticeRow.sent_to != ""


def send_again(connection: Connection, now: datetime, *which: ColumnElement[bool]) -> int:
    """Make failed and cancelled notices wait to be sent, with all their attempts. Return how many.

    which: conditions on NoticeRow. The message IDs stay the same, except of mails that came back.
    """
    again = _send_bounced_again(connection, now, *which)
    ended = NoticeRow.state.in_((State.DEAD.value, State.CANCELLED.value, State.FAILED.value))
    values = {"state": State.WAITING.value, "attempts": 0, "unsure": 0, "not_before": now, "last_error": ""}
    values |= {"refused_since": None}
    return again + int(connection.execute(update(NoticeRow).where(ended, *which).values(values)).rowcount)


def _send_bounced_again(connection: Connection, now: datetime, *which: ColumnElement[bool]) -> int:
    """Write notices whose mail came back once more. Their own rows stay as the audit log has them: they were sent.

    Others to these addresses that came back no longer keep anything from being sent.
    """
    came_back = NoticeRow.state == State.DEAD.value, NoticeRow.last_error.in_((BOUNCED, CAME_BACK))
    again = update(NoticeRow).where(*came_back, NoticeRow.sent_to != "", *which)
    values = {"state": State.WAITING.value, "attempts": 0, "unsure": 0, "not_before": now, "created_at": now}
    values |= {"sent_at": None, "sent_to": "", "last_error": ""}
    old = [
        dict(row._mapping)
        for row in connection.execute(
            again.values(state=State.SENT.value, last_error=SENT_AGAIN).returning(*NoticeRow.__table__.c)
        )
    ]
    if not old:
        return 0
    new = [row | values | _names_of_a_new_row() for row in old]
    for row in new:
        del row["id"]
    connection.execute(insert(NoticeRow), new)
    addresses = {row["sent_to"].lower() for row in old}
    others = connection.execute(select(NoticeRow.id, NoticeRow.sent_to).where(*_BOUNCED))
    if cleared := [{"row": row.id} for row in others if row.sent_to.lower() in addresses]:
        table = cast("Table", NoticeRow.__table__)
        connection.execute(update(table).where(table.c.id == bindparam("row")).values(last_error=CAME_BACK), cleared)
    return len(new)


def _names_of_a_new_row() -> dict[str, str]:
    message_id = secrets.token_hex(16)
    return {"message_id": message_id, "idempotency_key": f"again:{message_id}"}
