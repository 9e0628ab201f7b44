"""How far apart two clocks are. Pure."""

from __future__ import annotations

from datetime import datetime

APART = 30
"""Seconds up to which two clocks count as the same: answers take time, and HTTP tells whole seconds only."""
TOO_FAR = 240
"""Seconds from which AWS soon refuses signatures: it accepts 5 minutes (IAM User Guide, reference_aws-signing)."""


def far_apart(theirs: datetime, ours: datetime) -> int:
    """Return by how many seconds their clock is ahead of ours, 0 where that is no more than APART."""
    seconds = round((theirs - ours).total_seconds())
    return seconds if abs(seconds) > APART else 0
