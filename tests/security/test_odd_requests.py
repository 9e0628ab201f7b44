"""Requests that no page of ours makes: each is refused in words, and none gets around a limit."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask, request
from sqlalchemy import text

from app.db import db
from app.web.error_pages import in_words
from tests.security.conftest import Entering, Guest, portal_of
from tests.support.clock import Clock
from tests.support.inside import BASE, cookie
from tests.support.sandbox import Sandbox
from tests.support.visitor import refused_as

KEY = {"access_key_id": "AKIA" + "Z" * 16, "secret_access_key": "s" * 40}


def test_a_port_behind_the_address_is_nobodys(sandbox: Sandbox, tmp_path: Path) -> None:
    app = portal_of(sandbox, tmp_path, TRUSTED_PROXIES="1", SIGN_IN_LIMIT_PER_ADDRESS="2 per 5 minutes")

    def tried(*clients: str) -> list[int]:
        guest, told = Guest(app), []
        for client in clients:
            form = {"csrf_token": guest.token(), **KEY}
            told.append(guest.ask("POST", "/sign-in", form, headers={"X-Forwarded-For": client}).status_code)
        return told

    assert tried("203.0.113.8:40001", "203.0.113.8:40002", "203.0.113.8") == [303, 303, 429]
    assert tried("[2001:db8::1]:40001", "2001:db8::2", "[2001:db8::3]") == [303, 303, 429], "one network"
    assert tried("unknown", "_hidden", "unknown:1") == [303, 303, 429], "what cannot be read counts as one"
    with app.app_context():
        kept = db.session.execute(text("select distinct address from activity")).scalars().all()
        db.engine.dispose()
    assert {"203.0.113.8", "2001:db8::1", "2001:db8::2"} < set(kept)


def test_a_file_is_no_text(portal: Flask, entering: Entering) -> None:
    for guest, path, name in (
        (Guest(portal), "/sign-in", "access_key_id"),
        (entering(), "/mfa/hardware", "serial_number"),
        (entering(), "/ssh-keys/new", "pasted"),
    ):
        data = {"csrf_token": guest.token(), name: (io.BytesIO(b"x"), "x.txt")}
        form = {"content_type": "multipart/form-data", "follow_redirects": True}
        assert guest.ask("POST", path, data, **form).status_code == 422, path


NO_ADDRESSES = (
    "http://[",
    "//[",
    "//",
    "http://127.0.0.1:x/",
    "/mfa//enroll",
    "/access-keys//new",
    "javascript:alert(1)",
)


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_an_address_that_was_made_up_leads_nowhere(portal: Flask, entering: Entering, address: str) -> None:
    for where in (address, f"{BASE}{address}"):
        assert Guest(portal).ask("GET", "/mfa/lost", headers={"Referer": where}).status_code == 200
        guest = entering()
        page = guest.ask("GET", "/mfa/hardware", headers={"Referer": where})
        assert page.status_code == 200 and address not in page.text
        form = {"csrf_token": guest.token(), "came_from": where, "serial_number": "?"}
        refused = guest.ask("POST", "/mfa/hardware", form, follow_redirects=True)
        assert refused.status_code == 422 and "serial_number" in refused.text and address not in refused.text


@pytest.mark.parametrize("next_", ["", "&next=", "&next=/mfa//enroll", "&next=//[", "&next=/nowhere"])
def test_the_end_of_a_session_is_told_wherever_it_ended(portal: Flask, next_: str) -> None:
    page = Guest(portal).ask("GET", f"/sign-in?ended=yes{next_}")
    assert page.status_code == 200 and refused_as(page.text) == "session-ended"


def test_what_waits_longest_makes_room(entering: Entering) -> None:
    guest = entering()
    pages = [f"/mfa/hardware?tab={number}" for number in range(9)]
    for page in pages:
        guest.ask("POST", page, {"csrf_token": guest.token()})
    assert [page for page in pages if guest.ask("GET", page).status_code == 422] == pages[-3:]


def test_forms_are_forms(portal: Flask) -> None:
    guest = Guest(portal)
    headers = {"X-CSRFToken": guest.token(), "Origin": BASE}
    for body in ("[1, 2]", '"x"', '{"access_key_id": 5}', json.dumps(KEY)):
        answer = guest.ask("POST", "/sign-in", body, content_type="application/json", headers=headers)
        assert answer.status_code == 415 and refused_as(answer.text) == "wrong-content-type", body


def test_a_refused_method_and_a_refused_try_say_what_comes_next(sandbox: Sandbox, tmp_path: Path) -> None:
    app = portal_of(sandbox, tmp_path, SIGN_IN_LIMIT_PER_ADDRESS="1 per 5 minutes")
    guest = Guest(app)
    for method, path, allowed in (
        ("GET", "/sign-out", {"OPTIONS", "POST"}),
        ("POST", "/activity", {"GET", "HEAD", "OPTIONS"}),
        ("DELETE", "/sign-in", {"GET", "HEAD", "OPTIONS", "POST"}),
    ):
        answer = guest.ask(method, path)
        assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, allowed), path
        assert answer.mimetype == "text/html" and refused_as(answer.text) == "wrong-method"
    tries = [guest.ask("POST", "/sign-in", {"csrf_token": guest.token(), **KEY}) for _ in range(2)]
    assert [answer.status_code for answer in tries] == [303, 429]
    assert 0 < (wait := int(tries[1].headers["Retry-After"])) <= 301
    assert in_words(timedelta(seconds=wait)) in tries[1].text
    with app.app_context():
        db.engine.dispose()


def test_a_part_without_a_name_is_no_form(portal: Flask) -> None:
    guest = Guest(portal)
    headers = {"X-CSRFToken": guest.token(), "Origin": BASE}
    body = b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--"
    answer = guest.ask("POST", "/sign-in", body, content_type="multipart/form-data; boundary=x", headers=headers)
    assert answer.status_code == 400


def test_what_is_no_text_or_no_date_is_refused(
    portal: Flask, entering: Entering, entering_as_chief: Callable[[], Guest]
) -> None:
    guest, chief = entering(), entering_as_chief()
    for someone, path in (
        (guest, "/activity?kind=%00"),
        (chief, "/activity/everyone?user=a%00b"),
        (chief, "/compliance/people/a%00b"),
        (chief, "/compliance/people?text=%00"),
        (guest, "/activity?kind=&kind=%00"),
    ):
        assert someone.ask("GET", path).status_code == 400, path
    form = {"csrf_token": guest.token(), "serial_number": "GAHT\0"}
    assert guest.ask("POST", "/mfa/hardware", form).status_code == 400
    assert guest.open("/activity?until=9999-12-31").wrong == {"until": "other-time"}
    assert guest.open("/activity?since=0001-01-01").wrong == {"since": "other-time"}
    assert chief.open("/activity/everyone?until=9999-12-31").wrong == {"until": "other-time"}
    assert chief.ask("GET", "/activity/everyone.csv?until=9999-12-31").status_code == 400


def test_a_page_in_a_files_place_is_kept_by_nobody(entering: Entering) -> None:
    guest = entering()
    answer = guest.ask("GET", "/static/nothing.css")
    assert answer.status_code == 404 and answer.headers["Cache-Control"] == "no-store"
    assert guest.ask("GET", "/static/latchkey.css").headers["Cache-Control"] != "no-store"


def test_pages_elsewhere_cannot_use_up_the_way_through_aws(sandbox: Sandbox, tmp_path: Path) -> None:
    app = portal_of(sandbox, tmp_path, SIGN_IN_LIMIT_PER_ADDRESS="5 per 5 minutes")
    sent = Guest(app)
    assert {sent.ask("GET", "/oauth/callback?state=x&code=y").status_code for _ in range(9)} == {303}
    guest = Guest(app)
    assert guest.ask("POST", "/sign-in/aws", {"csrf_token": guest.token()}).status_code == 303
    told = [guest.ask("GET", "/oauth/callback?state=x&code=y").status_code for _ in range(6)]
    assert told == [303] * 5 + [429], "guesses at the state of one sign-in"
    with app.app_context():
        db.engine.dispose()


def test_no_secret_outlives_its_time_whichever_page_is_open(portal: Flask, entering: Entering, clock: Clock) -> None:
    guest = entering()
    assert guest.ask("POST", "/access-keys/create", {"csrf_token": guest.token()}).status_code == 303
    assert guest.ask("POST", "/mfa/add", {"csrf_token": guest.token()}).status_code == 303

    def held() -> set[str]:
        cookies = {"Cookie": f"latchkey-8000={cookie(guest.client)}"}
        with portal.test_request_context("/", base_url=BASE, headers=cookies):
            session = portal.session_interface.open_session(portal, request)
            return {"new_key", "enrollment"} & set(session or ())

    assert held() == {"new_key", "enrollment"}
    for _ in range(4):
        clock.move(4 * 60)
        assert guest.open("/account").status == 200
    assert held() == set()
