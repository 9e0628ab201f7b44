"""What two codes show, before AWS is asked. Pure: seed, codes and time in, a finding out.

AWS stores by how much a pair of codes is off, whatever the reason, and then accepts only codes that are about as far
off (`CODES_TAKEN`). If the phone's clock is wrong, that helps. But if a pair was typed slowly, AWS would refuse all
later codes of a phone whose clock is right. So a pair counts only when it is fresh (`is_fresh`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import pyotp

from app.errors import Refused
from app.text.messages import N_, _, ngettext

STEP = 30
"""Seconds a code is shown (RFC 6238; AWS names the same)."""
WINDOW = range(-998, 1000)
"""Steps around now in which EnableMFADevice looks for a first code (observed: AWS documents none)."""
CODES_TAKEN = 2
"""Steps either way of the stored drift within which STS and the console take a code (observed)."""
SOON = CODES_TAKEN
"""Steps a pair may be off without any doubt: with it stored, AWS takes codes of a clock that is right. The clock of
this portal may be a minute off, too (`app.sessions.refresh.CLOCKS_APART`)."""
FRESH_FOR = timedelta(seconds=90)
"""From the moment two codes are asked for until they are sent. The second of two codes that were read in this time is
at most CODES_TAKEN steps older than the one that is shown when they are sent."""


class SameCodeTwice(Refused):
    """One code was entered twice, where two in a row are needed."""

    code = "same-code-twice"
    message = N_("You entered the same code twice. Wait until your app shows a new one, and enter that here.")
    field = "second_code"


class CodesSwapped(Refused):
    """The later code is in the first field."""

    code = "codes-swapped"
    message = N_("These two codes are swapped. Enter the older one in the first field.")
    field = "first_code"


class CodesNotConsecutive(Refused):
    """Another code came between the two."""

    code = "codes-not-consecutive"
    message = N_(
        "These codes don’t follow each other. Enter the code your app shows now, wait for the next one, "
        "and enter that in the second field."
    )
    field = "second_code"


class FirstCodeNotOfThisEntry(Refused):
    """Only the second code was made from this seed."""

    code = "first-code-not-of-this-entry"
    message = N_(
        "The first code doesn’t match. Check for typos, and that you’re looking at the right entry in your app."
    )
    field = "first_code"


class SecondCodeNotOfThisEntry(Refused):
    """Only the first code was made from this seed."""

    code = "second-code-not-of-this-entry"
    message = N_(
        "The second code doesn’t match. Check for typos, and that you’re looking at the right entry in your app."
    )
    field = "second_code"


class CodesNotOfThisEntry(Refused):
    """Neither code was made from this seed."""

    code = "codes-not-of-this-entry"
    message = N_(
        "Those codes don’t match this QR code. Check them, and use the newest AWS entry in your app. Or scan the QR "
        "code again."
    )
    field = "first_code"


@dataclass(frozen=True)
class Diagnosis:
    """problem: what is wrong, None when AWS would accept the pair.

    drift_s: by how many seconds the second code is ahead of the one a right clock shows now. step: of the second
    code, counted from 1970.
    """

    problem: type[Refused] | None = None
    drift_s: int = 0
    step: int = 0


def examine(seed: str, first: str, second: str, now: datetime) -> Diagnosis:
    """Would AWS take this pair for this seed, and if not, what exactly is wrong with it?

    seed: base32; now: aware. Both codes are six digits.
    """
    totp = pyotp.TOTP(seed)
    codes = [totp.at(now, counter_offset=step) for step in (*WINDOW, WINDOW.stop)]
    if first == second:
        known = first in codes
        return Diagnosis(SameCodeTwice if known else CodesNotOfThisEntry)
    pairs = list(pairwise(codes))
    found = [step for step, pair in zip(WINDOW, pairs, strict=True) if pair == (first, second)]
    if found:
        # A phone shows `second` as it is submitted: one on time makes the pair of steps (-1, 0).
        nearest = min(found, key=lambda step: abs(step + 1))
        return Diagnosis(drift_s=(nearest + 1) * STEP, step=_step(now) + nearest + 1)
    if (second, first) in pairs:
        return Diagnosis(CodesSwapped)
    if first in codes and second in codes:
        return Diagnosis(CodesNotConsecutive)
    if first in codes:
        return Diagnosis(SecondCodeNotOfThisEntry)
    if second in codes:
        return Diagnosis(FirstCodeNotOfThisEntry)
    return Diagnosis(CodesNotOfThisEntry)


def _step(time: datetime) -> int:
    return int(time.timestamp()) // STEP


def is_fresh(found: Diagnosis, now: datetime, asked_at: datetime, last_step: int = 0) -> bool:
    """Can AWS safely store the clock drift that this pair shows?

    asked_at: when these two codes were asked for. last_step: of the second code of a pair refused for its age.
    True for a pair of this moment. One that is off must have been read after it was asked for, and sent soon: within
    FRESH_FOR, with a change of code in between, and later than the codes of the refused pair, unless the
    phone's clock was corrected since.
    """
    if abs(found.drift_s) <= SOON * STEP:
        return True
    later = found.step > last_step or _put_right(found, now, asked_at, last_step)
    read_since = _step(now) > _step(asked_at) and later
    return read_since and timedelta(0) <= now - asked_at <= FRESH_FOR


def _put_right(found: Diagnosis, now: datetime, asked_at: datetime, last_step: int) -> bool:
    """Is this pair less ahead than waiting alone explains, so that the clock must have been corrected?

    Only a fast clock shows codes of the future: once it is right, all it shows is earlier than they were.
    """
    ahead, was_ahead = found.step - _step(now), last_step - _step(asked_at)
    return was_ahead > 0 and was_ahead - abs(ahead) > FRESH_FOR // timedelta(seconds=STEP) + 1


def stale_message(found: Diagnosis) -> str:
    """Return a sentence that asks for two fresh codes."""
    if found.drift_s < 0:
        return _(
            "These two codes are about %(time)s old. Enter the code your app shows now, then the next one, and send "
            "both right away. If you did that, your phone’s clock is off. Turn on automatic time on the phone.",
            time=_size(found.drift_s),
        )
    return _(
        "These two codes are about %(time)s early. Enter the code your app shows now, then the next one, and send "
        "both right away. If you did that, your phone’s clock is off. Turn on automatic time on the phone.",
        time=_size(found.drift_s),
    )


def drift_message(found: Diagnosis) -> str:
    """Return a sentence about the phone's clock if it is far enough off, else ""."""
    if abs(found.drift_s) <= CODES_TAKEN * STEP:
        return ""
    if found.drift_s > 0:
        return _(
            "Your phone’s clock is about %(time)s fast. AWS accepts your codes. Turn on automatic time on the phone, "
            "so that it doesn’t get worse.",
            time=_size(found.drift_s),
        )
    return _(
        "Your phone’s clock is about %(time)s slow. AWS accepts your codes. Turn on automatic time on the phone, "
        "so that it doesn’t get worse.",
        time=_size(found.drift_s),
    )


def _size(drift_s: int) -> str:
    amount = abs(drift_s)
    if amount < 120:
        return ngettext("%(num)d second", "%(num)d seconds", amount)
    return ngettext("%(num)d minute", "%(num)d minutes", round(amount / 60))
