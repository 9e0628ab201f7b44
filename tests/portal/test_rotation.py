"""The step of a rotation, from the two keys AWS lists and what is known about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.access_keys.rotation import rotation
from app.access_keys.service import NO_USES, Uses
from app.aws.access_keys import AccessKey, LastUse

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OLD, NEW = AccessKey("AKIAOLD", True, NOW - 90 * DAY), AccessKey("AKIANEW", True, NOW - 2 * DAY)
OFF = AccessKey("AKIAOLD", False, OLD.created_at)


def used(at: datetime | None) -> Uses:
    return Uses({"AKIAOLD": LastUse(at), "AKIANEW": LastUse(NOW)})


def test_fewer_than_two_keys_are_no_rotation() -> None:
    assert rotation([], NO_USES, {}, NOW) is None
    assert rotation([OLD], NO_USES, {}, NOW) is None


def test_two_active_keys_are_told_apart_by_age_and_last_use() -> None:
    for uses, step, still in (
        (NO_USES, 2, None),
        (used(NEW.created_at + DAY), 2, NEW.created_at + DAY),
        (used(NEW.created_at - DAY), 3, None),
        (used(None), 3, None),
    ):
        found = rotation([OLD, NEW], uses, {}, NOW)
        assert found and (found.step, found.old, found.new, found.still_used_at) == (step, OLD, NEW, still)


def test_the_inactive_key_is_the_old_one_and_goes_after_a_week() -> None:
    for since, days, due in ((None, 0, False), (NOW, 0, False), (NOW - 6 * DAY, 6, False), (NOW - 7 * DAY, 7, True)):
        known = {"AKIAOLD": since} if since else {}
        found = rotation([OFF, NEW], NO_USES, known, NOW)
        assert found and (found.step, found.old, found.days_inactive, found.delete_now) == (4, OFF, days, due)
        assert found.delete_at == (since + 7 * DAY if since else None)
    newer_off = AccessKey("AKIANEW", False, NEW.created_at)
    found = rotation([OLD, newer_off], NO_USES, {}, NOW)
    assert found and (found.old, found.new) == (newer_off, OLD)
    found = rotation([OFF, newer_off], NO_USES, {}, NOW)
    assert found and (found.old, found.new) == (OFF, newer_off)
