"""One request on its way through the sandbox: what becomes known of it, what goes wrong with it."""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.sandbox.api import Caller
from app.sandbox.auth.judge import Verdict
from app.sandbox.call_log import CallLog
from app.sandbox.faults import Faults, refusal_of
from app.sandbox.protocol.wire import Reading
from app.sandbox.state import State


@dataclass
class Exchange:
    """What becomes known of one request while it is handled; the log entry is made of it."""

    state: State
    """The account whose credentials signed the request; the first account until that is known."""
    request_id: str = field(default_factory=lambda: secrets.token_hex(16))
    reading: Reading | None = None
    caller: Caller | None = None
    verdict: Verdict | None = None
    not_evaluated: list[str] = field(default_factory=list)
    """Of a call that asks for several things: the keys on which any of the verdicts depends."""
    error: str | None = None
    action: str | None = None
    cut: bool = False
    """Send half of the body."""
    stale: bool = False
    """Answer as of before the latest change."""
    status: int = 0

    @property
    def service(self) -> str:
        """Return the signing name, "" until it is known."""
        return self.reading.service if self.reading else ""

    def note(self, log: CallLog, environ: dict[str, Any]) -> None:
        """Add the entry to the call log."""
        caller, verdict = self.caller, self.verdict
        log.add(
            time=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
            principal=caller.arn if caller else None,
            access_key_id=(caller.access_key_id or None) if caller else None,
            action=self.action,
            resource=verdict.resource if verdict else None,
            mfa_present=caller.mfa_present if caller else None,
            decision=verdict.decision.effect.value if verdict else None,
            statement=verdict.decision.statement if verdict else None,
            not_evaluated=self.not_evaluated or list(verdict.not_evaluated if verdict else ()),
            status=self.status,
            error=self.error,
            request_id=self.request_id,
            user_agent=str(environ.get("HTTP_USER_AGENT", ""))[:256],
        )


class Around:
    """Applies the faults of one call before and after it takes effect."""

    def __init__(self, faults: Faults, environ: dict[str, Any], exchange: Exchange) -> None:
        self._found, self._replaced = faults.of(exchange.action or "")
        self._service = (exchange.action or "").partition(":")[0]
        self._environ = environ
        self._exchange = exchange

    def __enter__(self) -> None:
        for fault in self._found:
            if fault.name == "latency":
                self._replaced.wait(fault.latency_ms / 1000)
            refusal = refusal_of(fault, self._service)
            if refusal:
                raise refusal
            if fault.name == "reset-before":
                self._hang_up()

    def __exit__(self, error_type: object, *_: object) -> None:
        for fault in self._found:
            if fault.name == "reset-after" and error_type is None:
                self._hang_up()
            self._exchange.cut = self._exchange.cut or fault.name == "truncated"
            self._exchange.stale = self._exchange.stale or fault.name == "stale-read"

    def _hang_up(self) -> None:
        """Close the connection without an answer."""
        self._exchange.error = "connection reset on purpose"
        connection: socket.socket = self._environ["werkzeug.socket"]
        connection.shutdown(socket.SHUT_RDWR)
        raise ConnectionResetError("a fault of the sandbox")
