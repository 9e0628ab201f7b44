"""Records sent notices in the audit log: one entry for those that were stored as sent together.

The table of notices has the recipients. The entry has the SHA-256 of these rows, which shows if they were changed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from app.audit.events import Event, Phase
from app.audit.log import AfterCommit, AuditLog
from app.notices.models import NoticeRow

AGENT = "notices worker"
"""The user agent of these entries."""


def digest(rows: Sequence[NoticeRow]) -> str:
    """Return the SHA-256, in hex, of sent notices: message ID, channel, kind, account, user and address."""
    lines = sorted(
        "\t".join((row.message_id, row.channel, row.kind, row.account_id, row.user_name, row.sent_to)) for row in rows
    )
    return sha256("\n".join(lines).encode()).hexdigest()


def target_of(rows: Sequence[NoticeRow], at: datetime) -> str:
    """Return the target of the entry. at: the `sent_at` of the rows."""
    what = f"{rows[0].kind} to {rows[0].user_name}" if len(rows) == 1 else f"{len(rows)} notices"
    return f"{what}, {at.isoformat()}, SHA-256 {digest(rows)}"


class Recorder:
    """Writes these entries."""

    def __init__(self, audit_log: AuditLog) -> None:
        self._log = audit_log

    def record(self, connection: Connection, sent: Sequence[NoticeRow], at: datetime) -> Callable[[], None]:
        """Write an entry for each account, in the caller's transaction. Return what to call after the commit."""
        accounts = sorted({row.account_id for row in sent})
        entries = [
            self._entry(connection, account, [row for row in sent if row.account_id == account], at)
            for account in accounts
        ]

        def after() -> None:
            for entry in entries:
                entry()

        return after

    def _entry(self, connection: Connection, account_id: str, sent: Sequence[NoticeRow], at: datetime) -> AfterCommit:
        nobody = dict.fromkeys(("user_name", "reason", "request_id", "address", "session"), "")
        _, after = self._log.append_within(
            connection,
            account_id,
            **nobody,
            attempt_id=secrets.token_hex(16),
            event=Event.NOTICES_SENT.value,
            target=target_of(sent, at),
            phase=Phase.DONE.value,
            user_agent=AGENT,
        )
        return after
