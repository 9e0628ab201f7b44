"""What a rule can say: pass, fail, or unknown with the reason. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple


class State(StrEnum):
    """What a rule says of someone."""

    PASS = "pass"  # noqa: S105 # a verdict
    FAIL = "fail"
    UNKNOWN = "unknown"
    EXCEPTED = "excepted"
    """It would not pass, and somebody answers for that until a date."""


class Verdict(NamedTuple):
    """A state and why. The sentence is made when somebody reads it: thousands are reached, few are read."""

    state: State
    why: str
    about: tuple[Any, ...] = ()
    until: datetime | None = None
    """When time alone makes it another."""

    @property
    def sentence(self) -> str:
        """The reason as people read it."""
        return self.why.format(*(f"{each:%-d %B %Y}" if isinstance(each, datetime) else each for each in self.about))


PASS, FAIL, UNKNOWN = State.PASS, State.FAIL, State.UNKNOWN


def aged(made: datetime, days: int, now: datetime, still: str, too_old: str) -> Verdict:
    """Pass while at most so many days old."""
    limit = made + timedelta(days=days)
    if now > limit:
        return Verdict(FAIL, too_old, (made, (now - made).days))
    return Verdict(PASS, still, (made,), limit)


def worst(found: Sequence[Verdict]) -> Verdict | None:
    """One for several credentials: a fail counts most, then what is not known; the next change of any of them."""
    if len(found) <= 1:
        return found[0] if found else None
    chosen, until = found[0], None
    for each in found:
        if each.state is FAIL:
            return each
        if each.state is UNKNOWN and chosen.state is not UNKNOWN:
            chosen = each
        if each.until and (until is None or each.until < until):
            until = each.until
    return chosen if chosen.until is until else chosen._replace(until=until)
