"""The steps of a campaign, and which of them is due. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple


class Step(NamedTuple):
    """A step: its kind of notice, its day, and a code, which is part of the notice's idempotency key."""

    code: str
    kind: str
    day: date


MANAGER = "manager"


def steps(begins: date, deadline: date, ahead: Sequence[int], *, to_managers: bool) -> list[Step]:
    """Return a campaign's steps in order. Reminders before or on the day of the announcement are left out.

    ahead: days before the deadline.
    """
    found = [Step("announcement", "campaign-announcement", begins)]
    for days in sorted({*ahead}, reverse=True):
        day = deadline - timedelta(days=days)
        if days > 0 and day > begins:
            found.append(Step(str(days), "campaign-reminder", day))
    if deadline > begins:
        found.append(Step("day", "campaign-day", deadline))
    if to_managers:
        found.append(Step(MANAGER, "campaign-manager", deadline + timedelta(days=1)))
    return found


def due(all_steps: Sequence[Step], today: date, joined: date | None = None) -> Step | None:
    """Return a user's current step, None before the first one or after the deadline.

    joined: the day the user joined. Users who join later get the announcement first, whatever day it is. A missed
    step isn't sent later, because the next one says the same.
    """
    own = [step for step in all_steps if step.code != MANAGER and step.day <= today]
    if not own or today > _deadline(all_steps):
        return None
    if joined is not None and joined >= own[-1].day and joined > all_steps[0].day:
        return all_steps[0]
    return own[-1]


def managers_due(all_steps: Sequence[Step], today: date) -> bool:
    """Return whether the notice to managers is due."""
    return any(step.code == MANAGER and step.day <= today for step in all_steps)


def _deadline(all_steps: Sequence[Step]) -> date:
    return max(step.day for step in all_steps if step.code != MANAGER)
