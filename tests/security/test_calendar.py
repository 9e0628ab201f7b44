"""A user's calendar opens with its address alone, until the user changes or removes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from icalendar import Calendar
from sqlalchemy import select, update

from app.compliance.data.models import CompliancePerson
from app.compliance.notices.calendar import CalendarRow
from app.compliance.notices.calendar_views import WRONG_CODES
from app.db import db
from tests.security.conftest import Entering, Guest
from tests.support.clock import Clock
from tests.support.people import hire
from tests.support.sandbox import Sandbox


def opened(portal: Flask, address: str) -> tuple[int, list[tuple[str, str]]]:
    """What a calendar program gets: status, and day and title of each event."""
    parts = urlsplit(address)
    answer = Guest(portal).ask("GET", f"{parts.path}?{parts.query}")
    if answer.status_code != 200:
        return answer.status_code, []
    assert (
        answer.headers["Content-Type"].startswith("text/calendar") and "no-store" in answer.headers["Cache-Control"]
    )
    calendar = Calendar.from_ical(answer.data)
    assert b"X-PUBLISHED-TTL:PT12H" in answer.data, "programs read a duration"
    return 200, [(str(each.decoded("dtstart")), str(each["summary"])) for each in calendar.walk("VEVENT")]


def address(guest: Guest) -> str:
    """The address on the user's page, "" where there is none."""
    guest.go("GET", "/calendar")
    found = re.search(r"https?://[^\s<]+/calendar\.ics\?code=[\w-]+", guest.html)
    return found[0] if found else ""


def test_a_calendar_has_the_owners_due_dates_until_it_is_removed(
    portal: Flask, sandbox: Sandbox, entering: Entering
) -> None:
    alice = entering(hire(sandbox, "alice"))
    alice.go("GET", "/access-keys")
    assert not address(alice)
    alice.go("POST", "/calendar", {"csrf_token": alice.token()})
    assert "was created" in alice.text and "new address" not in alice.text
    mine = address(alice)
    due = (datetime.now(UTC) + timedelta(days=90)).date()
    status, events = opened(portal, mine)
    assert status == 200 and [title for _, title in events] == ["Replace your access key"]
    assert abs(datetime.fromisoformat(events[0][0]).date() - due) <= timedelta(days=1)
    assert re.findall('data-due="(.+?)"', alice.html) == [events[0][0]], "the page shows the same"

    alice.go("POST", "/calendar", {"csrf_token": alice.token()})
    assert "new address" in alice.text
    other = address(alice)
    assert other != mine and opened(portal, mine)[0] == 404 and opened(portal, other)[0] == 200
    alice.go("POST", "/calendar/end", {"csrf_token": alice.token()})
    assert not address(alice) and opened(portal, other)[0] == 404
    alice.go("GET", "/activity")
    done = [event for event in re.findall('data-event="(.+?)"', alice.html) if event.startswith("calendar")]
    assert done == ["calendar-address-removed", *["calendar-address-created"] * 2], "she sees if someone else did it"


def test_only_the_whole_code_opens_it_and_the_database_does_not_have_it(
    portal: Flask, sandbox: Sandbox, entering: Entering
) -> None:
    bob = entering(hire(sandbox, "bob"))
    bob.go("POST", "/calendar", {"csrf_token": bob.token()})
    mine = address(bob)
    (code,) = parse_qs(urlsplit(mine).query)["code"]
    number, mac = code.split("-")
    flipped = mac[:-1] + ("0" if mac[-1] != "0" else "1")
    wrong = ("", "x", number, f"{number}-", f"{number}-{mac[:-1]}", f"{number}-{flipped}", f"{int(number) + 1}-{mac}")
    for attempt in (*wrong, f"-{code}", f"{code}é", f"{'9' * 40}-{mac}", f"²-{mac}"):
        assert opened(portal, f"/calendar.ics?code={attempt}")[0] == 404, attempt
    with portal.app_context(), db.engine.connect() as connection:
        assert mac not in str(connection.execute(select(CalendarRow.__table__)).all())


def test_a_calendar_does_not_sign_in(portal: Flask, sandbox: Sandbox, entering: Entering) -> None:
    carol = entering(hire(sandbox, "carol"))
    carol.go("POST", "/calendar", {"csrf_token": carol.token()})
    stranger = Guest(portal)
    parts = urlsplit(address(carol))
    stranger.ask("GET", f"{parts.path}?{parts.query}")
    assert not stranger.is_inside("carol")
    assert stranger.ask("GET", "/calendar").status_code == 303


def test_wrong_codes_are_limited_and_right_ones_are_not(
    portal: Flask, sandbox: Sandbox, entering: Entering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(portal.config, "SIGN_IN_LIMIT_PER_ADDRESS", "2 per 5 minutes")
    dora = entering(hire(sandbox, "dora"))
    dora.go("POST", "/calendar", {"csrf_token": dora.token()})
    path = address(dora).removeprefix(dora.urls[0])
    company, guesser = Guest(portal, "192.0.2.77"), Guest(portal, "192.0.2.78")
    allowed = int(WRONG_CODES.split()[0])
    assert {company.ask("GET", path).status_code for _ in range(allowed + 10)} == {200}
    statuses = [guesser.ask("GET", f"{path}{number}").status_code for number in range(allowed + 1)]
    assert statuses == [404] * allowed + [429]


@pytest.mark.parametrize("has_id", [True, False])
def test_a_calendar_of_a_deleted_user_shows_nothing_of_a_later_one_of_that_name(
    portal: Flask, sandbox: Sandbox, entering: Entering, clock: Clock, *, has_id: bool
) -> None:
    who = hire(sandbox, "erin")
    erin = entering(who)
    erin.go("GET", "/access-keys")
    erin.go("POST", "/calendar", {"csrf_token": erin.token()})
    mine = address(erin)
    change(portal, who.name, user_id="", created_at=datetime.now(UTC) - timedelta(days=1))
    assert len(opened(portal, mine)[1]) == 1, "known from the credential report only"
    clock.move(3600)
    change(portal, who.name, user_id="AIDALATERERIN" if has_id else "", created_at=datetime.now(UTC))
    assert opened(portal, mine) == (200, [])


def test_a_calendar_stays_the_users_after_a_rename(portal: Flask, sandbox: Sandbox, entering: Entering) -> None:
    who = hire(sandbox, "fay")
    fay = entering(who)
    fay.go("GET", "/access-keys")
    fay.go("POST", "/calendar", {"csrf_token": fay.token()})
    mine = address(fay)
    before = opened(portal, mine)
    change(portal, who.name, user_name="fay.renamed")
    assert opened(portal, mine) == before and before[1]


def change(portal: Flask, name: str, **values: Any) -> None:
    """What compliance knows of a user becomes something else."""
    with portal.app_context(), db.engine.begin() as connection:
        known = CompliancePerson.user_name == name
        assert connection.execute(update(CompliancePerson).where(known).values(**values)).rowcount == 1
