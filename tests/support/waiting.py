"""Waiting for what another process does, in real time: no longer than it takes, and not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.support.forks import Runs


def wait_until(
    holds: Callable[[], object],
    seconds: float = 20,
    told: Callable[[], object] = str,
    while_runs: Runs | None = None,
) -> None:
    """Ask until it holds. Raises TimeoutError, or RuntimeError once the process is over, with what `told` answers."""
    deadline = time.monotonic() + seconds
    while not holds():
        if while_runs and while_runs.poll() is not None:
            raise RuntimeError(told())
        if time.monotonic() > deadline:
            raise TimeoutError(told())
        time.sleep(0.02)
