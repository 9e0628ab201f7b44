"""The refreshes of accounts: one at a time for an account, whatever the number of replicas, and visible to all."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, insert, or_, select, update

from app.compliance.data.account_data import ensure_account_row
from app.compliance.data.models import ComplianceAccount, ComplianceRun
from app.errors import PortalError, Refused
from app.text.messages import N_

DEAD_AFTER = timedelta(seconds=20)
"""A refresh that gave no sign of life for this long counts as killed."""


class RunState(StrEnum):
    """The state of a refresh."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    KILLED = "killed"
    """Its process ended before it did."""


class RefreshAlreadyRunning(Refused):
    """Another refresh of the account is running."""

    code = "refresh-already-running"
    message = N_("A refresh of this account is already running. This page shows its progress.")


class RefreshReplaced(PortalError):
    """Another refresh found this one dead and took its place."""

    code = "refresh-replaced"
    message = N_("Another refresh has taken over.")


@dataclass(frozen=True)
class Progress:
    """The latest refresh of an account. The counts are zero where they aren't known yet."""

    state: RunState
    started_at: datetime
    ended_at: datetime | None
    begun_by: str
    problem: str
    users_read: int
    devices_read: int
    expected: int
    """Users in the account, 0 while it isn't known."""
    calls: int
    slowed: int

    @property
    def share(self) -> float:
        """How much is done, from 0 to 1."""
        if self.state is RunState.DONE:
            return 1.0
        # Storing takes about a tenth.
        return min(0.9, 0.9 * self.users_read / self.expected) if self.expected else 0.0


def claim(engine: Engine, account_id: str, begun_by: str, now: datetime) -> str:
    """Begin a refresh of the account and return its id. Raises RefreshAlreadyRunning."""
    ensure_account_row(engine, account_id)
    run_id = secrets.token_hex(16)
    with engine.begin() as connection:
        free = or_(ComplianceAccount.running == "", ComplianceAccount.beat_at < now - DEAD_AFTER)
        taken = connection.execute(
            update(ComplianceAccount)
            .where(ComplianceAccount.account_id == account_id, free)
            .values(running=run_id, beat_at=now)
        )
        if not taken.rowcount:
            raise RefreshAlreadyRunning
        connection.execute(
            update(ComplianceRun)
            .where(ComplianceRun.account_id == account_id, ComplianceRun.state == RunState.RUNNING)
            .values(state=RunState.KILLED, ended_at=now)
        )
        counts = dict.fromkeys(("users_read", "devices_read", "expected", "calls", "slowed"), 0)
        connection.execute(
            insert(ComplianceRun).values(
                run_id=run_id,
                account_id=account_id,
                started_at=now,
                begun_by=begun_by,
                state=RunState.RUNNING,
                problem="",
                **counts,
            )
        )
    return run_id


def beat(engine: Engine, account_id: str, run_id: str, now: datetime, **counts: int) -> None:
    """Store a sign of life and the progress of the refresh. Raises RefreshReplaced."""
    with engine.begin() as connection:
        mine = connection.execute(
            update(ComplianceAccount)
            .where(ComplianceAccount.account_id == account_id, ComplianceAccount.running == run_id)
            .values(beat_at=now)
        )
        if not mine.rowcount:
            raise RefreshReplaced
        connection.execute(update(ComplianceRun).where(ComplianceRun.run_id == run_id).values(**counts))


def finish(
    connection: Connection, account_id: str, run_id: str, now: datetime, problem: str = "", **counts: int
) -> None:
    """End the refresh, within a transaction. problem: why it failed, "" if it didn't. Raises RefreshReplaced."""
    mine = connection.execute(
        update(ComplianceAccount)
        .where(ComplianceAccount.account_id == account_id, ComplianceAccount.running == run_id)
        .values(running="")
    )
    if not mine.rowcount:
        raise RefreshReplaced
    connection.execute(
        update(ComplianceRun)
        .where(ComplianceRun.run_id == run_id)
        .values(state=RunState.FAILED if problem else RunState.DONE, ended_at=now, problem=problem[:1024], **counts)
    )


def latest(connection: Connection, account_id: str, now: datetime) -> Progress | None:
    """Return the latest refresh of an account, None where there was none."""
    query = (
        select(ComplianceRun.__table__, ComplianceAccount.beat_at)
        .join(ComplianceAccount, ComplianceAccount.account_id == ComplianceRun.account_id)
        .where(ComplianceRun.account_id == account_id)
        .order_by(ComplianceRun.started_at.desc())
        .limit(1)
    )
    row: Any = connection.execute(query).first()
    if row is None:
        return None
    state = RunState(row.state)
    if state is RunState.RUNNING and (row.beat_at is None or row.beat_at < now - DEAD_AFTER):
        state = RunState.KILLED
    return Progress(
        state,
        row.started_at,
        row.ended_at,
        row.begun_by,
        row.problem,
        row.users_read,
        row.devices_read,
        row.expected,
        row.calls,
        row.slowed,
    )
