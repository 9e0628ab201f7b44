"""The call log: every request, without parameters or secrets."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 50_000

BUG = "bug of the sandbox in request"
"""How the process's log names an error that is neither an answer of AWS's nor moto's. Tests fail on it."""


@dataclass(frozen=True)
class Entry:
    """One request, how it was evaluated and answered. Fields that aren't known are None."""

    seq: int
    time: str
    principal: str | None
    access_key_id: str | None
    action: str | None
    resource: str | None
    mfa_present: bool | None
    decision: str | None
    statement: str | int | None
    not_evaluated: list[str]
    """Condition keys on which the decision hangs, and which the sandbox does not know."""
    status: int
    error: str | None
    request_id: str
    user_agent: str


class CallLog:
    """The latest calls, oldest first. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._entries: deque[Entry] = deque(maxlen=KEPT)

    def add(self, **facts: Any) -> None:
        """Append an entry with the next sequence number."""
        with self._lock:
            self._entries.append(Entry(seq=next(self._numbers), **facts))

    def since(self, number: int) -> list[dict[str, Any]]:
        """Return the entries after a sequence number."""
        with self._lock:
            latest = itertools.takewhile(lambda entry: entry.seq > number, reversed(self._entries))
            return [asdict(entry) for entry in latest][::-1]
