"""How the syncs of accounts ended, so that a sync that was killed continues where it stopped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.compliance.data.models import ComplianceSync
from app.compliance.listed_accounts import ListedAccount


@dataclass(frozen=True)
class Synced:
    """An account that a sync has seen. The fields are ComplianceSync's."""

    account_id: str
    name: str
    unit: str
    tried_at: datetime | None
    problem: str
    done_at: datetime | None
    parts: str

    def is_done(self, parts: frozenset[str], now: datetime) -> bool:
        """Did a sync store these parts today (UTC)?"""
        return self.done_at is not None and self.done_at.date() == now.date() and parts <= set(self.parts.split())


def read_syncs(connection: Connection, account_ids: Iterable[str] | None = None) -> dict[str, Synced]:
    """Return what is known of accounts, or of all."""
    query = select(ComplianceSync.__table__)
    if account_ids is not None:
        query = query.where(ComplianceSync.account_id.in_(list(account_ids)))
    return {row.account_id: Synced(**row._mapping) for row in connection.execute(query)}


def introduce(engine: Engine, listed: Iterable[ListedAccount]) -> None:
    """Store names and units. A list without names keeps those that are known."""
    with engine.connect() as connection:
        known = read_syncs(connection)
    for each in listed:
        before = known.get(each.account_id)
        if before is None:
            _add(engine, each)
            continue
        named = {"name": each.name or before.name, "unit": before.unit if each.unit is None else each.unit}
        if named != {"name": before.name, "unit": before.unit}:
            with engine.begin() as connection:
                connection.execute(update(ComplianceSync).where(_is(each.account_id)).values(**named))


def _add(engine: Engine, listed: ListedAccount) -> None:
    blank = {"tried_at": None, "problem": "", "done_at": None, "parts": ""}
    row = {"account_id": listed.account_id, "name": listed.name, "unit": listed.unit or "", **blank}
    try:
        with engine.begin() as connection:
            connection.execute(insert(ComplianceSync).values(row))
    except IntegrityError:
        pass  # another sync was faster


def finish_sync(
    connection: Connection, account_id: str, now: datetime, parts: Iterable[str] = (), problem: str = ""
) -> None:
    """Store how the sync of an account ended, within a transaction. problem: why it failed, "" if it didn't."""
    done = {} if problem else {"done_at": now, "parts": " ".join(sorted(parts))}
    values = {"tried_at": now, "problem": problem[:1024], **done}
    connection.execute(update(ComplianceSync).where(_is(account_id)).values(**values))


def _is(account_id: str) -> ColumnElement[bool]:
    return ComplianceSync.account_id == account_id
