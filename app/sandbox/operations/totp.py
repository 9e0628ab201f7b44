"""Codes of a device's seed, and which of them AWS accepts (observed, because AWS documents no figures)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

from app.sandbox.state import Device

STEP = 30
PAIR_WINDOW = range(-998, 1001)
"""Steps around now in which Enable and Resync look for a pair."""
CODE_WINDOW = range(-2, 3)
"""Steps around the device's stored offset in which STS and the console take a code."""
MOST_TRIES = 9
"""Verifications per device and three-minute window of UTC, good and bad."""
TRIES_WINDOW_S = 180


def step_of(now: datetime) -> int:
    """Return the number of the 30-second step since 1970 (RFC 6238)."""
    return int(now.timestamp()) // STEP


def code_at(key: bytes, step: int) -> str:
    """Return the six digits of a step (RFC 4226 with SHA-1). key: the seed, decoded."""
    digest = hmac.digest(key, step.to_bytes(8, "big"), hashlib.sha1)
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def take_pair(device: Device, first: str, second: str, now: datetime) -> bool:
    """Accept two consecutive, unused codes that are newer than the last pair. Both are then used, and the
    drift is kept.
    """
    key, current = base64.b32decode(device.seed), step_of(now)
    steps = [current + ahead for ahead in PAIR_WINDOW]
    codes = {step: code_at(key, step) for step in (*steps, steps[-1] + 1)}
    found = [
        step
        for step in steps
        if codes[step] == first
        and codes[step + 1] == second
        and (device.last_step is None or step > device.last_step)
        and not device.used_steps & {step, step + 1}
    ]
    if not found:
        return False
    step = min(found, key=lambda candidate: abs(candidate + 1 - current))
    device.last_step = step + 1
    device.offset_steps = step + 1 - current
    device.used_steps |= {step, step + 1}
    return True


def take_code(device: Device, code: str, now: datetime) -> bool | None:
    """Return True if the code is accepted (and now used), False if it is wrong or used, None after too many tries."""
    window = int(now.timestamp()) // TRIES_WINDOW_S
    recent = [moment for moment in device.tries if int(moment.timestamp()) // TRIES_WINDOW_S == window]
    if len(recent) >= MOST_TRIES:
        return None
    device.tries = [*recent, now]
    key, current = base64.b32decode(device.seed), step_of(now) + device.offset_steps
    for ahead in CODE_WINDOW:
        step = current + ahead
        if step not in device.used_steps and hmac.compare_digest(code_at(key, step), code):
            device.used_steps.add(step)
            return True
    return False
