"""Security notices about what happens in the portal. Changes outside of it: `app.compliance.notices.outside`.

Each entry in the audit log about a changed credential or a sign-in becomes a notice, in the same transaction. If the
outcome of a change was unknown, the notice is written when AWS shows that it happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import Connection, select

from app.audit.chain import ChainedRow
from app.audit.events import HAPPENED, NEW_BROWSER, Event
from app.audit.log import AfterCommit, AuditLog
from app.credentials.labels import LabelRow
from app.notices.models import NoticeRow
from app.notices.notice import Notice
from app.notices.outbox import Outbox
from app.notices.texts.security import CHANGES

REPLACED_WITHIN = timedelta(hours=1)
"""If a device is removed this soon after another was added, the notice calls it a replacement."""


def listen(app: Flask) -> None:
    """Start writing a notice for each such entry in the audit log."""
    audit_log: AuditLog = app.extensions["audit_log"]
    outbox: Outbox = app.extensions["outbox"]
    if not outbox.channels:
        return

    def watch(connection: Connection, entry: ChainedRow) -> AfterCommit | None:
        kind = kind_of(entry)
        if kind == Event.MFA_DEVICE_DEACTIVATED and _was_replaced(connection, entry):
            kind = "mfa-device-replaced"
        if not kind:
            return None
        outbox.enqueue(connection, [_notice(kind, entry, _label(connection, entry))])
        return outbox.ring

    audit_log.watchers.append(watch)


def kind_of(entry: ChainedRow) -> str:
    """Return the kind of notice an entry becomes, "" for none."""
    if not entry.user_name or entry.phase not in HAPPENED:
        return ""
    if entry.event == Event.SIGN_IN:
        return NEW_BROWSER if entry.reason == NEW_BROWSER else ""
    return entry.event if entry.event in CHANGES else ""


def _notice(kind: str, entry: ChainedRow, label: str) -> Notice:
    data: Mapping[str, Any] = {
        "user": entry.user_name,
        "account": entry.account_id,
        "at": entry.at.isoformat(),
        "address": entry.address,
        "user_agent": entry.user_agent,
        "seq": entry.seq,
        "target": "" if kind == NEW_BROWSER else entry.target,
        "name": label,
    }
    return Notice(
        kind=kind,
        account_id=entry.account_id,
        user_name=entry.user_name,
        user_id=entry.user_id,
        # The attempt's ID, not the entry's: an outcome may be found twice.
        idempotency_key=f"change:{entry.account_id}:{entry.attempt_id}",
        data={name: value for name, value in data.items() if value != ""},
        urgent=True,
    )


def _label(connection: Connection, entry: ChainedRow) -> str:
    """Return the name that the user gave the device or key, "" for none."""
    mine = (LabelRow.account_id == entry.account_id, LabelRow.user_id == entry.user_id)
    asked = select(LabelRow.label).where(*mine, LabelRow.credential_id == entry.target)
    return connection.execute(asked).scalar() or ""


def _was_replaced(connection: Connection, entry: ChainedRow) -> bool:
    """Return whether the user added another MFA device just before."""
    asked = select(NoticeRow.data).where(
        NoticeRow.account_id == entry.account_id,
        NoticeRow.user_id == entry.user_id,
        NoticeRow.created_at > entry.at - REPLACED_WITHIN,
        NoticeRow.kind == Event.MFA_DEVICE_ENABLED.value,
    )
    return any(row.data.get("target") != entry.target for row in connection.execute(asked))
