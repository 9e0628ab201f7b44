"""Notices to users who are gone: their name may already be someone else's, who mustn't get them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import Flask
from sqlalchemy import Connection, select

from app.compliance.data.account_data import AccountData
from app.compliance.data.merge import Merged, is_another, is_later
from app.compliance.data.people_data import read_user_ids
from app.compliance.data.rows import PersonRow
from app.compliance.data.storing import people_merged
from app.compliance.receivers import listen_to
from app.db import db
from app.notices.addresses import know_ids_with
from app.notices.models import NoticeRow
from app.notices.notice import TO_BE_SENT, Audience, State
from app.notices.outbox import Outbox

_AT_ONCE = 500
"""Notices in one statement."""


def _cancel_notices(account: AccountData, outbox: Outbox, *, known: Mapping[str, PersonRow], merged: Merged) -> None:
    """Cancel what waits for users who were deleted, and for those whose name is another user's now."""
    gone = {name: known[name] for name in merged.gone if name in known}
    others = {row.user_name: row for row in merged.people if _is_other(known.get(row.user_name), row)}
    if not gone and not others:
        return
    connection = account.connection
    old = [
        notice.id
        for notice in _open(connection, account.account_id)
        if _was_for(notice, gone.get(notice.user_name))
        or (
            notice.user_name in others
            and (_was_for(notice, known.get(notice.user_name)) or _is_too_old_for(notice, others[notice.user_name]))
        )
    ]
    for start in range(0, len(old), _AT_ONCE):
        outbox.cancel(connection, NoticeRow.id.in_(old[start : start + _AT_ONCE]))


def _is_other(old: PersonRow | None, row: PersonRow) -> bool:
    return old is None or is_later(old.created_at, row.created_at) or is_another(old.user_id, row.user_id)


def _was_for(notice: Any, former: PersonRow | None) -> bool:
    """Was it written to this former user? Without an ID it was, by the name."""
    return former is not None and notice.user_id in ("", former.user_id)


def _is_too_old_for(notice: Any, row: PersonRow) -> bool:
    return is_another(row.user_id, notice.user_id) or is_later(notice.created_at, row.created_at)


def _open(connection: Connection, account_id: str) -> Sequence[Any]:
    """Return what isn't sent yet to users of the account, or to their managers."""
    query = select(NoticeRow.id, NoticeRow.user_name, NoticeRow.user_id, NoticeRow.created_at).where(
        NoticeRow.state.in_((*TO_BE_SENT, State.SENDING)),
        NoticeRow.account_id == account_id,
        NoticeRow.audience.in_((Audience.USER.value, Audience.MANAGER.value)),
    )
    return connection.execute(query).all()


def _ids_of(account_id: str, user_names: Collection[str]) -> Mapping[str, str]:
    with db.engine.connect() as connection:
        return read_user_ids(connection, account_id, user_names)


def listen(app: Flask) -> None:
    """Cancel notices to deleted users from now on, when the portal or a command sees that they are gone."""
    listen_to(people_merged, app, _cancel_notices)
    know_ids_with(app, _ids_of)
