"""One clock for sandbox, portal, tests and their phones, moved through Debian's libfaketime.

`python -m tests` starts pytest with the library preloaded; children inherit it. So the time of this
process is everyone's time, and nothing waits 30 seconds for a code or 90 days for a key.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.support.loopback import loopback_only

CHILD = Path(__file__).parent / "child"
"""Holds the sitecustomize.py of every Python process of a test run."""


def environment(file: Path) -> dict[str, str]:
    """What a process needs in its environment to follow the clock in `file` and stay on loopback.

    Raises LookupError where libfaketime is not installed.
    """
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise LookupError("Debian's package libfaketime is missing: apt-get install libfaketime")
    file.write_text("+0\n")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
        # Its repair of timed waits is for a glibc long gone, and makes threads wait ten times as long.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        "PYTHONPATH": str(CHILD),
        # Hundreds of processes import the same modules: one compiles them, wherever this is turned off by default.
        "PYTHONDONTWRITEBYTECODE": "",
    }


def stay_on_loopback() -> None:
    """Keep this process, and the Python children it starts from now on, on this machine; `python -m tests` did so."""
    if os.environ.get("PYTHONPATH") != str(CHILD):
        loopback_only()
        os.environ["PYTHONPATH"] = str(CHILD)


class Clock:
    """Lets time pass, for everyone at once. It never goes back: what was, stays past."""

    @staticmethod
    def can_be_moved() -> bool:
        """Was this process started by `python -m tests`, which gives it a clock of its own?"""
        return "libfaketime" in os.environ.get("LD_PRELOAD", "")

    def __init__(self) -> None:
        self._file = Path(os.environ["FAKETIME_TIMESTAMP_FILE"])

    def move(self, seconds: float) -> None:
        """Let this many seconds pass."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{float(self._file.read_text()) + seconds:+f}\n")
        beside.replace(self._file)  # atomic: nobody reads half a number

    def time(self) -> float:
        """Seconds since 1970, as everyone sees them."""
        return time.time()

    def to_next_code(self) -> None:
        """Move to just after the next step of 30 seconds, when phones show a new code."""
        self.move(30 - self.time() % 30 + 1)
