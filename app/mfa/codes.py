"""What two codes tell, before AWS is asked. Pure: seed, codes and time in, a finding out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import pyotp

STEP = 30
"""Seconds a code is shown (RFC 6238; AWS names the same)."""
WINDOW = range(-998, 1000)
"""Steps around now in which EnableMFADevice looks for a first code; observed, AWS documents none."""
DRIFT_WORTH_TELLING = 2
"""STS later accepts about two steps either way around the drift it found; beyond, tell the person."""


@dataclass(frozen=True)
class Diagnosis:
    """problem: a sentence, empty when AWS would accept the pair; drift_s: the phone's clock, minus ours."""

    problem: str = ""
    field: str = ""
    drift_s: int = 0


def examine(seed: str, first: str, second: str, now: datetime) -> Diagnosis:
    """Would AWS take this pair for this seed, and if not, what exactly is wrong with it?

    seed: base32; now: aware. Both codes are six digits.
    """
    totp = pyotp.TOTP(seed)
    codes = [totp.at(now, counter_offset=step) for step in (*WINDOW, WINDOW.stop)]
    if first == second:
        known = first in codes
        return Diagnosis(
            "This is the same code twice. Wait until your app shows a new one, and type that here."
            if known
            else NOT_FROM_THIS_ENTRY,
            "second_code" if known else "first_code",
        )
    pairs = list(pairwise(codes))
    found = [step for step, pair in zip(WINDOW, pairs, strict=True) if pair == (first, second)]
    if found:
        # A phone shows `second` as it is submitted: one on time makes the pair of steps (-1, 0).
        nearest = min(found, key=lambda step: abs(step + 1))
        return Diagnosis(drift_s=(nearest + 1) * STEP)
    if (second, first) in pairs:
        return Diagnosis("These two codes are swapped: the older one goes into the first field.", "first_code")
    if first in codes and second in codes:
        return Diagnosis(
            "These codes do not follow each other. Type the code your app shows now, wait for the next one, "
            "and type that into the second field.",
            "second_code",
        )
    if first in codes:
        return Diagnosis("The second code is not from this entry of your app, or it has a slip.", "second_code")
    if second in codes:
        return Diagnosis("The first code is not from this entry of your app, or it has a slip.", "first_code")
    return Diagnosis(NOT_FROM_THIS_ENTRY, "first_code")


NOT_FROM_THIS_ENTRY = (
    "These codes do not fit this QR code. Check the digits; if your app has several entries for AWS, use the newest, "
    "or scan the QR code again."
)


def told_drift(diagnosis: Diagnosis) -> str:
    """A sentence about the phone's clock where it is worth one, else ""."""
    if abs(diagnosis.drift_s) <= DRIFT_WORTH_TELLING * STEP:
        return ""
    amount = abs(diagnosis.drift_s)
    size = f"{amount} seconds" if amount < 120 else f"{round(amount / 60)} minutes"
    way = "fast" if diagnosis.drift_s > 0 else "slow"
    return (
        f"Your phone’s clock is about {size} {way}. AWS accepts that, "
        "but let the phone set its clock by itself so that it does not get worse."
    )
