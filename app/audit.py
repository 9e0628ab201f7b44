"""The record of attempts and outcomes: intent before the call, outcome after it.

AWS cannot join our transaction, so each is a row of its own; an intent without an outcome is itself a
finding: what happened is unknown until AWS is asked.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Engine, insert, select
from sqlalchemy.exc import SQLAlchemyError

from app.aws.clients import last_request_id
from app.errors import NotRecorded, PortalError, Unanswered
from app.models import ActivityRow

log = logging.getLogger(__name__)


class Event(StrEnum):
    """What can be attempted."""

    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    MFA_DEVICE_CREATED = "mfa-device-created"
    MFA_DEVICE_DELETED = "mfa-device-deleted"
    MFA_DEVICE_ENABLED = "mfa-device-enabled"
    MFA_SESSION = "mfa-session"


@dataclass(frozen=True)
class Audit:
    """Writes what one person attempts, from one address."""

    engine: Engine
    account_id: str
    user_name: str
    address: str

    @contextmanager
    def attempt(self, event: Event, target: str = "") -> Iterator[str]:
        """Record the intent, let the caller ask AWS, record what came of it; gives the attempt's id.

        target: the ARN, serial number or key id it is about; never a secret.
        Raises NotRecorded, before anything was attempted, when the intent cannot be written.
        """
        attempt_id = secrets.token_hex(16)
        try:
            self._write(attempt_id, event, target, "intended")
        except SQLAlchemyError as error:
            raise NotRecorded from error
        try:
            yield attempt_id
        except PortalError as error:
            phase = "unknown" if isinstance(error, Unanswered) else "refused"
            self._write_outcome(attempt_id, event, target, phase, type(error).__name__, error.request_id)
            raise
        self._write_outcome(attempt_id, event, target, "done", "", last_request_id())

    def note(self, event: Event, target: str = "", refused: PortalError | None = None) -> None:
        """Record something that changes nothing at AWS: a sign-in, a refusal, a sign-out.

        Raises NotRecorded when it cannot be written.
        """
        phase = "refused" if refused else "done"
        reason, request_id = (type(refused).__name__, refused.request_id) if refused else ("", "")
        try:
            self._write(secrets.token_hex(16), event, target, phase, reason, request_id)
        except SQLAlchemyError as error:
            raise NotRecorded from error

    def _write_outcome(
        self, attempt_id: str, event: Event, target: str, phase: str, reason: str, request_id: str
    ) -> None:
        try:
            self._write(attempt_id, event, target, phase, reason, request_id)
        except SQLAlchemyError:
            # The change is made: the person must see its result. The intent alone reads as "unknown".
            log.exception("outcome of attempt %s could not be recorded", attempt_id)

    def _write(
        self, attempt_id: str, event: Event, target: str, phase: str, reason: str = "", request_id: str = ""
    ) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                insert(ActivityRow).values(
                    at=datetime.now(UTC),
                    attempt_id=attempt_id,
                    account_id=self.account_id,
                    user_name=self.user_name,
                    event=event.value,
                    target=target[:512],
                    phase=phase,
                    reason=reason,
                    request_id=request_id[:128],
                    address=self.address,
                )
            )

    def last_done(self, events: Collection[Event], target: str) -> str | None:
        """Id of the latest attempt of these kinds that succeeded on the target, from any browser."""
        query = (
            select(ActivityRow.attempt_id)
            .where(
                ActivityRow.account_id == self.account_id,
                ActivityRow.target == target,
                ActivityRow.event.in_(events),
                ActivityRow.phase == "done",
            )
            .order_by(ActivityRow.id.desc())
            .limit(1)
        )
        with self.engine.connect() as connection:
            return connection.execute(query).scalar()
