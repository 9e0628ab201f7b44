"""Exceptions for many users at once, on both databases, and two administrators at the same time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from app.activity.queries import chain_of
from app.audit.chain import Keyring, verify
from app.audit.events import Event
from app.audit.log import Audit, AuditLog
from app.audit.models import ActivityRow
from app.compliance import exception_batches
from app.compliance.data import daily, queries
from app.compliance.data.account_data import ensure_account_row, locked
from app.compliance.data.merge import Merged
from app.compliance.data.rows import PersonRow
from app.compliance.data.storing import judge_and_write_all
from app.compliance.exception_batches import ListChanged, TooManyUsers, add_batch, approve_batch, end_batch
from app.compliance.exceptions import By, ExceptionAlreadyExists, NewException
from app.compliance.rules.subjects import Terms
from app.compliance.rules.verdicts import State
from app.errors import NotFound

ACCOUNT = "123456789012"
KEYS = Keyring({"a": b"k" * 32})
ADA, BEA = By("arn:ada", "AIDAADA"), By("arn:bea", "AIDABEA")


def wanted() -> NewException:
    """By the clock of the test, which others have moved."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return NewException("mfa", "", "new laptops", "boss", today + timedelta(days=9))


def terms_of(_others: int | None) -> Terms:
    return Terms(datetime.now(UTC))


def audit(engine: Engine) -> Audit:
    return Audit(AuditLog(engine, KEYS), ACCOUNT, "ada", "127.0.0.1", "", "")


def fill(engine: Engine, number: int) -> list[str]:
    """Let so many users be known. Nothing is known of their MFA."""
    names = [f"user{each:05}" for each in range(number)]
    ensure_account_row(engine, ACCOUNT)
    with locked(engine, ACCOUNT) as account:
        judge_and_write_all(account, {}, Merged([PersonRow(ACCOUNT, name) for name in names]), terms_of(None))
    return names


def excepted(engine: Engine) -> tuple[int, int]:
    """How many users are excepted, in the rows and in the day's figures."""
    with engine.connect() as connection:
        found = queries.people(connection, ACCOUNT, queries.Filter(rule="mfa", state=State.EXCEPTED))
        history = daily.days(connection, ACCOUNT, datetime.now(UTC))
    return found.total, history[-1][1].of("mfa").excepted


MOST = 600
"""More than go into one statement."""


def test_as_many_as_one_batch_takes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exception_batches, "MOST", MOST)
    names = fill(engine, MOST + 1)
    with pytest.raises(TooManyUsers):
        add_batch(engine, audit(engine), ACCOUNT, wanted(), names, ADA, terms_of)
    added = add_batch(engine, audit(engine), ACCOUNT, wanted(), names[:MOST], ADA, terms_of, needs_approval=True)
    assert added.number == MOST and excepted(engine) == (0, 0)
    assert approve_batch(engine, audit(engine), ACCOUNT, added.batch, BEA, terms_of) == (MOST, 0)
    assert excepted(engine) == (MOST, MOST)
    with engine.connect() as connection:
        rows = list(connection.execute(select(ActivityRow.__table__).order_by(ActivityRow.seq)).mappings())
    assert len(rows) == 4 * MOST, "an intent and an outcome of each"
    assert len({row["target"] for row in rows if row["event"] == "exception-approved"}) == MOST
    assert verify(ACCOUNT, chain_of(engine, ACCOUNT), KEYS).flaws == []


def test_what_another_changes_meanwhile_is_left_as_it_is(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    names = fill(engine, 4)
    attempts = Audit.attempts
    others: list[Callable[[], object]] = []

    def after_others(self: Audit, event: Event, targets: Sequence[str]) -> object:
        """Between reading and changing, another administrator is faster."""
        while others:
            others.pop()()
        return attempts(self, event, targets)

    monkeypatch.setattr(Audit, "attempts", after_others)
    others.append(lambda: add_batch(engine, audit(engine), ACCOUNT, wanted(), names[:2], BEA, terms_of))
    with pytest.raises(ListChanged):
        add_batch(engine, audit(engine), ACCOUNT, wanted(), names, ADA, terms_of)
    assert excepted(engine) == (2, 2), "what Bea added, and nothing else"
    others.append(lambda: add_batch(engine, audit(engine), ACCOUNT, wanted(), names, BEA, terms_of))
    with pytest.raises(ExceptionAlreadyExists):
        add_batch(engine, audit(engine), ACCOUNT, wanted(), names, ADA, terms_of)
    assert excepted(engine) == (4, 4)
    with engine.connect() as connection:
        (first, second) = {row.batch for row in queries.exceptions(connection, ACCOUNT, datetime.now(UTC))}
    others.append(lambda: end_batch(engine, audit(engine), ACCOUNT, first, "arn:bea", terms_of))
    with pytest.raises(ListChanged):
        end_batch(engine, audit(engine), ACCOUNT, first, "arn:ada", terms_of)
    with pytest.raises(NotFound):
        end_batch(engine, audit(engine), ACCOUNT, first, "arn:ada", terms_of)
    assert excepted(engine) == (2, 2) and end_batch(engine, audit(engine), ACCOUNT, second, "arn:ada", terms_of) == 2
