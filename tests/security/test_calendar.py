"""A user's calendar opens with its address alone, until the user changes or removes it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from icalendar import Calendar
from sqlalchemy import select

from app.compliance.reminders.calendar import CalendarRow
from app.db import db
from tests.security.conftest import Entering, Guest
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
    mine = address(alice)
    due = (datetime.now(UTC) + timedelta(days=90)).date()
    status, events = opened(portal, mine)
    assert status == 200 and [title for _, title in events] == ["Replace your access key"]
    assert abs(datetime.fromisoformat(events[0][0]).date() - due) <= timedelta(days=1)
    assert re.findall('data-due="(.+?)"', alice.html) == [events[0][0]], "the page shows the same"

    alice.go("POST", "/calendar", {"csrf_token": alice.token()})
    other = address(alice)
    assert other != mine and opened(portal, mine)[0] == 404 and opened(portal, other)[0] == 200
    alice.go("POST", "/calendar/end", {"csrf_token": alice.token()})
    assert not address(alice) and opened(portal, other)[0] == 404


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
