"""Which step a rotation is at: create the new key, use it everywhere, deactivate the old key, delete it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.access_keys.inactive import DELETE_AFTER
from app.access_keys.service import Uses
from app.aws.access_keys import AccessKey


@dataclass(frozen=True)
class Rotation:
    """A rotation that is under way."""

    step: int
    """The next one, of four: 2 use the new key, 3 deactivate the old one, 4 delete it."""
    old: AccessKey
    new: AccessKey
    now: datetime
    still_used_at: datetime | None = None
    """When the old key was used last, if that was after the new one was created."""
    inactive_since: datetime | None = None
    """Since when the old key is inactive; None while it is active, and where that isn't known."""

    days_to_wait = DELETE_AFTER.days
    """Days between deactivating and deleting."""

    @property
    def delete_at(self) -> datetime | None:
        """When the deletion of the old key is due (UTC), None where that isn't known."""
        return self.inactive_since + DELETE_AFTER if self.inactive_since else None

    @property
    def delete_now(self) -> bool:
        """Is the deletion due?"""
        return self.delete_at is not None and self.now >= self.delete_at

    @property
    def days_inactive(self) -> int:
        """How many whole days the old key has been inactive."""
        return max(0, (self.now - self.inactive_since).days) if self.inactive_since else 0


def rotation(
    keys: Sequence[AccessKey], uses: Uses, inactive_since: Mapping[str, datetime], now: datetime
) -> Rotation | None:
    """Return where the rotation of two keys is, None for fewer keys.

    keys: oldest first. The old one is the inactive one, and the older of two that are alike. uses, inactive_since: by
    key ID, as far as known.
    """
    if len(keys) < 2:
        return None
    old = next((key for key in keys if not key.active), keys[0])
    new = next(key for key in reversed(keys) if key is not old)
    if not old.active:
        return Rotation(4, old, new, now, inactive_since=inactive_since.get(old.access_key_id))
    use = uses.by_key.get(old.access_key_id)
    if use is None:
        return Rotation(2, old, new, now)
    still = use.at if use.at and use.at > new.created_at else None
    return Rotation(2 if still else 3, old, new, now, still_used_at=still)
