"""An authenticator app that always has a valid code, without waiting for the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pyotp

STEP = 30
"""Seconds a code lasts."""
AROUND = (0, 1, -1, 2, -2)
"""Steps around now whose codes AWS takes at STS and the console, the surest first."""


@dataclass
class Phone:
    """The codes of one device. A code that AWS didn't accept isn't used up, so a denied call changes nothing."""

    seed: str = field(repr=False)
    offset: int = 0
    """Steps by which AWS takes this device for fast: the last pair's distance from the time it was given."""
    last: int | None = None
    """Step of the last pair's second code: a further pair is newer."""
    used: set[int] = field(default_factory=set)
    """Steps whose code AWS saw."""

    def code(self) -> str:
        """Return an unused code, for STS or the console. It counts as used, even if the call fails on the way."""
        now = _now() + self.offset
        step = next((now + around for around in AROUND if now + around not in self.used), now)
        self.used.add(step)
        return self._at(step)

    def give_pair(self, take: Callable[[str, str], object]) -> None:
        """Pass two consecutive codes to Enable or Resync. They count as used only if `take` raises nothing."""
        now = _now()
        first = now if self.last is None else max(now, self.last + 1)
        while {first, first + 1} & self.used:
            first += 1
        take(self._at(first), self._at(first + 1))
        self.last, self.offset = first + 1, first + 1 - now
        self.used |= {first, first + 1}

    def _at(self, step: int) -> str:
        return str(pyotp.TOTP(self.seed).generate_otp(step))


def _now() -> int:
    return int(time.time()) // STEP
