"""A limit for how long sending a message may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread


class TimeLimit:
    """Aborts a message that takes too long, from a thread of its own.

    The timeout of a socket isn't enough: it starts again with every byte that arrives.
    """

    def __init__(self, end: Callable[[], None], seconds: float) -> None:
        """End: closes the connection. It is called while the connection is in use."""
        self._end = end
        self._seconds = seconds
        self._until: float | None = None
        self._closed = Event()
        self.ended = False
        """Was the limit reached in the last `begun` block?"""
        Thread(target=self._watch, name="notices-time-limit", daemon=True).start()

    def _watch(self) -> None:
        while not self._closed.wait(min(self._seconds / 4, 0.5)):
            until = self._until
            if until is not None and time.monotonic() > until:
                self.ended, self._until = True, None
                self._end()

    @contextmanager
    def begun(self) -> Iterator[None]:
        """Limit the time of the block."""
        self.ended, self._until = False, time.monotonic() + self._seconds
        try:
            yield
        finally:
            self._until = None

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
