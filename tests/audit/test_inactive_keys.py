"""Since when a key is inactive: as the audit log shows, or since the portal first saw it so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app.access_keys import service
from app.access_keys.inactive import inactive_since
from app.access_keys.service import ACCESS_KEY
from app.audit.events import SPREADING, Event
from app.audit.history import latest
from app.aws.access_keys import AccessKey
from app.credentials import lifecycle
from tests.audit.conftest import somebody

KEY = AccessKey("AKIA1", True, datetime(2026, 1, 1, tzinfo=UTC))
OFF = AccessKey("AKIA1", False, KEY.created_at)
SOON, DAYS = timedelta(seconds=1), timedelta(days=9)


def now() -> datetime:
    return datetime.now(UTC)


class Aws:
    """It switches every key."""

    def list_for(self, _: str) -> list[AccessKey]:
        return []

    def set_active(self, _: str, __: str, /, *, active: bool) -> None:
        pass

    def delete(self, _: str, __: str, /) -> None:
        pass


def switch(*, active: bool) -> None:
    lifecycle.set_active(ACCESS_KEY, Aws(), somebody(), "nadia", "AKIA1", active=active)


def recorded(name: str = "nadia") -> Event | None:
    return latest(somebody(name), list(Event), ["AKIA1"]).get("AKIA1", (None, now()))[0]


def about_now(moment: datetime) -> bool:
    return abs(moment - now()) < timedelta(minutes=1)


def test_a_key_deactivated_here_is_inactive_since_then(portal: Flask) -> None:
    assert inactive_since([KEY], somebody(), now()) == {} and recorded() is None
    switch(active=False)
    assert about_now(inactive_since([OFF], somebody(), now() + DAYS)["AKIA1"])
    assert recorded() is Event.ACCESS_KEY_DEACTIVATED
    assert inactive_since([OFF], somebody("bob"), now()).keys() == {"AKIA1"}, "what nadia did is not bob's"
    assert recorded("bob") is Event.ACCESS_KEY_SEEN_INACTIVE


def test_a_key_deactivated_elsewhere_counts_from_when_it_is_first_seen(portal: Flask) -> None:
    seen = now()
    assert inactive_since([OFF], somebody(), seen) == {"AKIA1": seen}
    assert recorded() is Event.ACCESS_KEY_SEEN_INACTIVE
    assert about_now(inactive_since([OFF], somebody(), now() + DAYS)["AKIA1"]), "nine days by now"


def test_a_key_activated_elsewhere_in_between_begins_again(portal: Flask) -> None:
    switch(active=False)
    assert inactive_since([KEY], somebody(), now()) == {}
    assert recorded() is Event.ACCESS_KEY_DEACTIVATED, "a list right after it may be older"
    assert inactive_since([KEY], somebody(), now() + SPREADING + SOON) == {}
    assert recorded() is Event.ACCESS_KEY_SEEN_ACTIVE
    later = now() + DAYS
    assert inactive_since([OFF], somebody(), later) == {"AKIA1": later}


def test_an_attempt_here_without_an_outcome_is_not_taken_for_one_elsewhere(portal: Flask) -> None:
    class Killed(Exception):
        """As if the process died while AWS answered."""

    audit = somebody()
    with pytest.raises(Killed), audit.attempt(Event.ACCESS_KEY_DEACTIVATED, "AKIA1"):
        raise Killed
    assert inactive_since([OFF], audit, now()).keys() == {"AKIA1"}
    assert recorded() is None, "its outcome is found later"
    service.reconcile([OFF], audit, now() + timedelta(minutes=2))
    assert recorded() is Event.ACCESS_KEY_DEACTIVATED


def test_a_list_older_than_an_activation_here_says_nothing(portal: Flask) -> None:
    switch(active=True)
    assert inactive_since([OFF], somebody(), now()) == {} and recorded() is Event.ACCESS_KEY_ACTIVATED
    later = now() + SPREADING + SOON
    assert inactive_since([OFF], somebody(), later) == {"AKIA1": later}
