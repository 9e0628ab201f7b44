"""What administrators do with exceptions: add, approve, end and restore them, one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, insert, select, update

from app.audit.events import Event
from app.audit.log import Audit
from app.compliance.data import queries, updates
from app.compliance.data.account_data import ensure_account_row, locked, not_over
from app.compliance.data.judgements import TermsOf
from app.compliance.data.models import ComplianceException
from app.compliance.data.rows import ExceptionRow, PersonRow
from app.compliance.rules.table import BY_ID
from app.errors import NotFound, Refused
from app.text.messages import N_, _


class UserNotFound(Refused):
    """No user of this name is known in the account."""

    code = "user-not-found"
    message = N_("There’s no user with this name in this account. Check the spelling. Nothing was changed.")
    field = "user_name"


class AnotherPersonNeeded(Refused):
    """Who asked for an exception, or whom it is about, can't approve it."""

    code = "another-person-needed"
    message = N_(
        "Another administrator must approve this exception: not the one who asked for it, and not the user it is "
        "about. Nothing was changed."
    )


class ExceptionAlreadyExists(Refused):
    """The same exception already exists, for example because a form was submitted twice."""

    code = "exception-already-exists"
    message = N_("This exception already exists. Nothing was changed.")


@dataclass(frozen=True)
class NewException:
    """An exception to add."""

    rule: str
    user_name: str
    """Ignored for a rule about the account."""
    reason: str
    owner: str
    """Who is responsible for it."""
    until: datetime
    """The moment after its last day."""


class By(NamedTuple):
    """The administrator who does it."""

    arn: str
    user_id: str
    """AWS's unique id, or that of a company account."""


def add_exception(
    engine: Engine,
    audit: Audit,
    account_id: str,
    wanted: NewException,
    by: By,
    terms: TermsOf,
    *,
    needs_approval: bool = False,
) -> None:
    """Add an exception, in force at once or when another administrator approves it.

    Raises UserNotFound, ExceptionAlreadyExists, NotRecorded.
    """
    about_account = BY_ID[wanted.rule].about_account
    whose = "" if about_account else wanted.user_name
    same = {"account_id": account_id, **asdict(replace(wanted, user_name=whose))}
    with engine.connect() as connection:
        if _not_over(connection, same):
            raise ExceptionAlreadyExists
        if not about_account and queries.person(connection, account_id, whose) is None:
            raise UserNotFound
    ensure_account_row(engine, account_id)
    last_day = wanted.until - timedelta(days=1)
    message = f"{wanted.rule}: {whose or account_id}, until the end of {last_day:%Y-%m-%d}"
    event = Event.EXCEPTION_REQUESTED if needs_approval else Event.EXCEPTION_ADDED
    with audit.attempt(event, message), locked(engine, account_id) as account:
        if _not_over(account.connection, same):  # of two at once the second finds what the first made
            raise ExceptionAlreadyExists
        made = {**same, "made_at": datetime.now(UTC), "made_by": by.arn, "made_by_id": by.user_id, "ended_by": ""}
        made["waits"] = needs_approval
        account.connection.execute(insert(ComplianceException).values(made))
        updates.judge_one(account, whose, terms)


def approve_exception(engine: Engine, audit: Audit, account_id: str, number: int, by: By, terms: TermsOf) -> None:
    """Let an exception count that waits for it. Raises NotFound, AnotherPersonNeeded, NotRecorded."""
    now = datetime.now(UTC)
    mine = _numbered(account_id, number) & not_over(now) & ComplianceException.waits
    with engine.connect() as connection:
        row = next((each for each in queries.waiting(connection, account_id, now) if each.id == number), None)
        if row is None:
            raise NotFound(_("This exception no longer waits for approval."))
        someone = queries.person(connection, account_id, row.user_name) if row.user_name else None
    if not may_approve(row, someone, by):
        raise AnotherPersonNeeded
    target = f"{row.rule}: {row.user_name or account_id}, asked for by {row.made_by}"[:512]
    with audit.attempt(Event.EXCEPTION_APPROVED, target), locked(engine, account_id) as account:
        approved = update(ComplianceException).where(mine).values(waits=False, approved_at=now, approved_by=by.arn)
        if not account.connection.execute(approved).rowcount:
            raise NotFound(_("This exception no longer waits for approval."))
        updates.judge_one(account, row.user_name, terms)


def may_approve(exception: ExceptionRow, about: PersonRow | None, by: By) -> bool:
    """Is the administrator neither who asked for the exception nor the user it is about?"""
    others = {exception.made_by, exception.made_by_id} | ({about.arn, about.user_id} if about else set())
    return not others.intersection(filter(None, by))


def _numbered(account_id: str, number: int) -> ColumnElement[bool]:
    return (ComplianceException.account_id == account_id) & (ComplianceException.id == number)


def _not_over(connection: Connection, exception: Mapping[str, Any]) -> bool:
    """Is an exception with the same rule, user, reason, owner and end in force, or waits for approval?"""
    alike = [getattr(ComplianceException, name) == value for name, value in exception.items()]
    query = select(ComplianceException.id).where(*alike, not_over(datetime.now(UTC)))
    return connection.execute(query).first() is not None


UNDONE_WITHIN = timedelta(hours=1)
"""How long an administrator can undo that they ended an exception: a message offers it once."""


def end_exception(engine: Engine, audit: Audit, account_id: str, number: int, by: str, terms: TermsOf) -> None:
    """End an exception early, or reject one that waits for approval. Raises NotFound, NotRecorded."""
    now = datetime.now(UTC)
    mine = _numbered(account_id, number) & not_over(now)
    changed = {"ended_at": now, "ended_by": by}
    _change_exception(
        engine, audit, Event.EXCEPTION_ENDED, mine, changed, terms, _("This exception has already ended.")
    )


def restore_exception(engine: Engine, audit: Audit, account_id: str, number: int, by: str, terms: TermsOf) -> None:
    """Undo `end_exception`: the exception is in force as it was, by who made it. The audit log has both.

    by: ARN of the administrator, who ended it within the last hour. Raises NotFound, ExceptionAlreadyExists where
    another one like it was made since, and NotRecorded.
    """
    now = datetime.now(UTC)
    mine = (
        _numbered(account_id, number)
        & (ComplianceException.until > now)
        & (ComplianceException.ended_by == by)
        & (ComplianceException.ended_at > now - UNDONE_WITHIN)
    )
    changed = {"ended_at": None, "ended_by": ""}
    over = _("This exception can’t be restored. Add it again.")
    _change_exception(engine, audit, Event.EXCEPTION_RESTORED, mine, changed, terms, over)


def _change_exception(
    engine: Engine,
    audit: Audit,
    event: Event,
    mine: ColumnElement[bool],
    changed: Mapping[str, Any],
    terms: TermsOf,
    otherwise: str,
) -> None:
    """Change the exception that `mine` selects. otherwise: the sentence of NotFound where it selects none."""
    with engine.connect() as connection:
        row = connection.execute(select(ComplianceException.__table__).where(mine)).first()
    if row is None:
        raise NotFound(otherwise)
    message = f"{row.rule}: {row.user_name or row.account_id}"
    with audit.attempt(event, message), locked(engine, row.account_id) as account:
        if row.ended_at and _not_over(account.connection, {name: getattr(row, name) for name in _SAME}):
            raise ExceptionAlreadyExists
        if not account.connection.execute(update(ComplianceException).where(mine).values(**changed)).rowcount:
            raise NotFound(otherwise)
        updates.judge_one(account, row.user_name, terms)


_SAME = ("account_id", "rule", "user_name", "reason", "owner", "until")
"""What makes two exceptions the same."""
