"""Exceptions for several users at once. Each is a row, with its own entries in the audit log.

A batch is added, approved, ended or restored completely or not at all.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, func, insert, select, update

from app.audit.events import Event
from app.audit.log import Audit
from app.compliance.data import updates
from app.compliance.data.account_data import ensure_account_row, locked, not_over
from app.compliance.data.judgements import TermsOf
from app.compliance.data.models import ComplianceException
from app.compliance.data.people_data import batched, read_named
from app.compliance.data.rows import ExceptionRow
from app.compliance.exceptions import (
    UNDONE_WITHIN,
    AnotherPersonNeeded,
    By,
    ExceptionAlreadyExists,
    NewException,
    UserNotFound,
    may_approve,
)
from app.errors import NotFound, Refused
from app.text.messages import N_, _

MOST = 5000
"""Users in a batch, at most: AWS's default quota of users in an account."""


class TooManyUsers(Refused):
    """More than MOST users."""

    code = "too-many-users"
    message = N_(
        "You can add exceptions for up to 5,000 users at once. Use the filters to choose fewer. Nothing was changed."
    )


class ListChanged(Refused):
    """Since the page was opened, the filter matches other users, or another administrator changed an exception."""

    code = "list-changed"
    message = N_(
        "The list changed while this page was open. Check the users again, then send the form. Nothing was changed."
    )


class Added(NamedTuple):
    """The added batch. left: how many users were left out, because they have this exception or were deleted."""

    batch: str
    number: int
    left: int


def add_batch(
    engine: Engine,
    audit: Audit,
    account_id: str,
    wanted: NewException,
    names: Collection[str],
    by: By,
    terms: TermsOf,
    *,
    needs_approval: bool = False,
) -> Added:
    """Add an exception for each of these users, in force at once or when another administrator approves it.

    wanted: its user name is ignored. Raises TooManyUsers, UserNotFound if no user is known, ExceptionAlreadyExists if
    all have this exception, ListChanged and NotRecorded.
    """
    names = sorted(set(names))
    if len(names) > MOST:
        raise TooManyUsers
    same = {name: value for name, value in asdict(wanted).items() if name != "user_name"} | {"account_id": account_id}
    with engine.connect() as connection:
        free = _free(connection, same, names)
    ensure_account_row(engine, account_id)
    last_day = wanted.until - timedelta(days=1)
    event = Event.EXCEPTION_REQUESTED if needs_approval else Event.EXCEPTION_ADDED
    targets = [f"{wanted.rule}: {name}, until the end of {last_day:%Y-%m-%d}" for name in free]
    batch = secrets.token_hex(16)
    with audit.attempts(event, targets), locked(engine, account_id) as account:
        if _free(account.connection, same, names) != free:  # another request was faster
            raise ListChanged
        made = {**same, "made_at": datetime.now(UTC), "made_by": by.arn, "made_by_id": by.user_id, "ended_by": ""}
        rows = [{**made, "user_name": name, "waits": needs_approval, "batch": batch} for name in free]
        account.connection.execute(insert(ComplianceException), rows)
        updates.judge_named(account, free, terms)
    return Added(batch, len(free), len(names) - len(free))


def _free(connection: Connection, same: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Return the known users without an exception like this one.

    Raises UserNotFound if no user is known, ExceptionAlreadyExists if all known users have one.
    """
    alike = [getattr(ComplianceException, name) == value for name, value in same.items()]
    have: set[str] = set()
    for some in batched(names):
        mine = select(ComplianceException.user_name).where(
            *alike, not_over(datetime.now(UTC)), ComplianceException.user_name.in_(some)
        )
        have.update(connection.execute(mine).scalars())
    known = read_named(connection, same["account_id"], names).keys()
    if not known:
        raise UserNotFound(field="users")
    if not known - have:
        raise ExceptionAlreadyExists
    return sorted(known - have)


def _of(account_id: str, batch: str) -> ColumnElement[bool]:
    own = ComplianceException.batch
    return (ComplianceException.account_id == account_id) & (own == batch) & (own != "")


def approve_batch(
    engine: Engine, audit: Audit, account_id: str, batch: str, by: By, terms: TermsOf
) -> tuple[int, int]:
    """Approve the waiting exceptions of a batch. Return how many were approved, and how many still wait.

    Administrators can't approve one about themselves. Raises NotFound, AnotherPersonNeeded, ListChanged, NotRecorded.
    """
    now = datetime.now(UTC)
    waiting = _of(account_id, batch) & not_over(now) & ComplianceException.waits
    with engine.connect() as connection:
        rows = _rows(connection, waiting)
        people = read_named(connection, account_id, [row.user_name for row in rows])
    if not rows:
        raise NotFound(_("These exceptions no longer wait for approval."))
    mine = [row for row in rows if may_approve(row, people.get(row.user_name), by)]
    if not mine:
        raise AnotherPersonNeeded
    targets = [f"{row.rule}: {row.user_name}, asked for by {row.made_by}" for row in mine]
    changed = {"waits": False, "approved_at": now, "approved_by": by.arn}
    chosen = waiting & ComplianceException.id.in_([row.id for row in mine])
    _change(engine, audit, Event.EXCEPTION_APPROVED, mine, targets, chosen, changed, terms)
    return len(mine), len(rows) - len(mine)


def end_batch(engine: Engine, audit: Audit, account_id: str, batch: str, by: str, terms: TermsOf) -> int:
    """End the exceptions of a batch early, or reject those that wait for approval. Return how many.

    by: ARN of the administrator. Raises NotFound if all of them have ended, ListChanged, NotRecorded.
    """
    now = datetime.now(UTC)
    mine = _of(account_id, batch) & not_over(now)
    with engine.connect() as connection:
        rows = _rows(connection, mine)
    if not rows:
        raise NotFound(_("These exceptions have already ended."))
    changed = {"ended_at": now, "ended_by": by}
    _change(engine, audit, Event.EXCEPTION_ENDED, rows, [_target(row) for row in rows], mine, changed, terms)
    return len(rows)


def restore_batch(engine: Engine, audit: Audit, account_id: str, batch: str, by: str, terms: TermsOf) -> int:
    """Undo the last `end_batch` of an administrator in the last hour. Return how many exceptions were restored.

    by: ARN of the administrator. Raises NotFound, ExceptionAlreadyExists if a user got a new exception like it since,
    ListChanged and NotRecorded.
    """
    now = datetime.now(UTC)
    theirs = (
        _of(account_id, batch)
        & (ComplianceException.until > now)
        & (ComplianceException.ended_by == by)
        & (ComplianceException.ended_at > now - UNDONE_WITHIN)
    )
    with engine.connect() as connection:
        last = connection.execute(select(func.max(ComplianceException.ended_at)).where(theirs)).scalar()
        mine = theirs & (ComplianceException.ended_at == last)
        rows = _rows(connection, mine) if last else []
        if not rows:
            raise NotFound(_("These exceptions can’t be restored. Add them again."))
        same = {name: getattr(rows[0], name) for name in ("account_id", "rule", "reason", "owner", "until")}
        names = [row.user_name for row in rows]
        if _free(connection, same, names) != sorted(read_named(connection, account_id, names)):
            raise ExceptionAlreadyExists
    changed = {"ended_at": None, "ended_by": ""}
    _change(engine, audit, Event.EXCEPTION_RESTORED, rows, [_target(row) for row in rows], mine, changed, terms)
    return len(rows)


def _rows(connection: Connection, mine: ColumnElement[bool]) -> list[ExceptionRow]:
    query = select(ComplianceException.__table__).where(mine).order_by(ComplianceException.user_name)
    return [ExceptionRow(*columns) for columns in connection.execute(query)]


def _target(row: ExceptionRow) -> str:
    return f"{row.rule}: {row.user_name}"


def _change(
    engine: Engine,
    audit: Audit,
    event: Event,
    rows: Sequence[ExceptionRow],
    targets: Sequence[str],
    mine: ColumnElement[bool],
    changed: Mapping[str, Any],
    terms: TermsOf,
) -> None:
    """Change these rows of one account. Raises ListChanged if `mine` no longer selects as many."""
    with audit.attempts(event, targets), locked(engine, rows[0].account_id) as account:
        if account.connection.execute(update(ComplianceException).where(mine).values(**changed)).rowcount != len(
            rows
        ):
            raise ListChanged
        updates.judge_named(account, [row.user_name for row in rows], terms)
