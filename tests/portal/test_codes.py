"""Which pairs of codes AWS may store: fresh ones, for it stores by how much they are off."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pyotp
import pytest

from app.mfa.codes import CODES_TAKEN, FRESH_FOR, STEP, Diagnosis, examine, is_fresh, stale_message

SEED = pyotp.random_base32(64)
ASKED = datetime(2026, 5, 3, 12, 0, 10, tzinfo=UTC)


def pair(read_at: datetime, clock_off_s: int = 0) -> tuple[str, str]:
    """What a phone showed before the change of code at or before `read_at`, and what it shows then."""
    totp, shown = pyotp.TOTP(SEED), read_at + timedelta(seconds=clock_off_s)
    return totp.at(shown, counter_offset=-1), totp.at(shown)


def fresh(read_at: datetime, sent_at: datetime, clock_off_s: int = 0, last_step: int = 0) -> bool:
    found = examine(SEED, *pair(read_at, clock_off_s), sent_at)
    assert not found.problem
    return is_fresh(found, sent_at, ASKED, last_step)


@pytest.mark.parametrize("seconds", [0, 20, 30, 60])
def test_codes_of_this_moment_are_fresh_whatever_was_asked_when(seconds: int) -> None:
    late = ASKED + timedelta(minutes=10)
    assert fresh(late, late + timedelta(seconds=seconds))


@pytest.mark.parametrize("minutes", [2, 3, 10, 60])
def test_codes_typed_slowly_are_not(minutes: int) -> None:
    read = ASKED + timedelta(seconds=35)
    assert not fresh(read, read + timedelta(minutes=minutes))


@pytest.mark.parametrize("off", [-3600, -300, -90, 90, 300, 3600])
def test_a_clock_that_is_off_tells_by_codes_sent_soon(off: int) -> None:
    read, late = ASKED + timedelta(seconds=35), ASKED + FRESH_FOR
    assert fresh(read, read + timedelta(seconds=5), off)
    assert not fresh(late, late + timedelta(seconds=5), off), "too late to tell"


def test_codes_that_were_read_before_they_were_asked_for_tell_nothing() -> None:
    found = examine(SEED, *pair(ASKED - timedelta(minutes=3)), ASKED + timedelta(seconds=5))
    assert not is_fresh(found, ASKED + timedelta(seconds=5), ASKED), "within seconds nobody has read two"
    soon = ASKED + timedelta(seconds=40)
    assert not is_fresh(found, soon, ASKED, last_step=found.step), "the refused ones once more"


@pytest.mark.parametrize(
    ("was_off", "off", "counts"),
    [
        (7200, 75, True),
        (7200, -75, True),
        (7200, 3600, True),
        (7200, 7200, True),  # read since
        (7200, 7140, False),  # its earlier codes
        (-7200, 75, True),
        (-7200, -7260, False),
        (-600, -1200, False),  # old codes, then older ones
        (300, 240, False),
    ],
)
def test_codes_are_later_than_the_refused_ones_unless_the_clock_was_put_right(
    was_off: int, off: int, counts: bool
) -> None:
    refused = examine(SEED, *pair(ASKED, was_off), ASKED)
    assert fresh(ASKED + timedelta(seconds=35), ASKED + timedelta(seconds=40), off, refused.step) is counts


def test_codes_of_a_fast_clock_stay_refused_when_they_are_sent_once_more() -> None:
    refused = examine(SEED, *pair(ASKED, 7200), ASKED)
    for later in range(0, FRESH_FOR.seconds + 1, 10):
        assert not fresh(ASKED, ASKED + timedelta(seconds=later), 7200, refused.step)


@pytest.mark.parametrize("asked_s", range(0, 30, 7))
def test_what_counts_as_fresh_leaves_a_right_clock_within_what_aws_takes(asked_s: int) -> None:
    """Whenever two codes are read after they were asked for, and whenever sent."""
    asked = ASKED.replace(second=asked_s)
    for read_s in range(30, 121, 5):
        read = asked + timedelta(seconds=read_s)
        for sent_s in range(read_s, 300, 5):
            sent = asked + timedelta(seconds=sent_s)
            shown, now = int(read.timestamp()) // STEP, int(sent.timestamp()) // STEP
            found = Diagnosis(drift_s=(shown - now) * STEP, step=shown)
            if is_fresh(found, sent, asked):
                assert abs(found.drift_s) <= CODES_TAKEN * STEP, (read_s, sent_s)


def test_the_refusal_says_how_old_they_are() -> None:
    read = ASKED + timedelta(seconds=35)
    late = examine(SEED, *pair(read), read + timedelta(minutes=3))
    assert late.drift_s < 0 and numbers(stale_message(late)) == ["3"], "minutes ago"
    early = examine(SEED, *pair(read, 90), read)
    assert early.drift_s == 90 and numbers(stale_message(early)) == ["90"], "seconds ahead"
    assert stale_message(early).replace("90", "3") != stale_message(late)


def numbers(sentence: str) -> list[str]:
    return re.findall("[0-9]+", sentence)
