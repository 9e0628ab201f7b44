"""A browser that sent a form gets its error page at an address that opens again; other clients get it at once."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from sqlalchemy import text

from app.db import db
from app.errors import CredentialsRefused, NotRecorded
from app.policy.documents import read
from app.web.refused import WAITS
from tests.faults.people import with_device
from tests.security.conftest import Entering, Guest, portal_of
from tests.support.clock import Clock
from tests.support.people import hire
from tests.support.sandbox import Sandbox
from tests.support.visitor import refused_as

FORM_OF_OURS = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-origin"}
"""What browsers say when a form on a page of ours is sent."""
NO_FORM_OF_OURS: dict[str, dict[str, str]] = {
    "no browser": {},
    "a script": {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"},
    "a page that waits": {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "Latchkey-Part": "yes"},
    "another site": {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"},
    "another port": {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "same-site"},
}


def told(html: str) -> tuple[str, str]:
    """Heading and sentence of a page."""
    soup = BeautifulSoup(html, "html.parser")
    heading, sentence = soup.select_one("h1"), soup.select_one("main p")
    return heading.get_text(strip=True) if heading else "", sentence.get_text(" ", strip=True) if sentence else ""


def shown_again(guest: Guest, form: str, page: str, status: int, **data: str) -> Any:
    """Send a form as every kind of client; the answer that other clients get."""
    sent = {"csrf_token": guest.token(), **data}
    for client, headers in NO_FORM_OF_OURS.items():
        direct = guest.ask("POST", form, data=sent, headers=headers)
        assert direct.status_code == status, (client, direct.status_code)
    answer = guest.ask("POST", form, data=sent, headers=FORM_OF_OURS)
    assert (answer.status_code, answer.headers["Location"]) == (303, page)
    shown = guest.ask("GET", page)
    assert (shown.status_code, told(shown.text)) == (status, told(direct.text))
    assert shown.headers.get("Retry-After", "0").isdigit() == direct.headers.get("Retry-After", "0").isdigit()
    assert told(guest.ask("GET", page, follow_redirects=True).text) != told(shown.text), "once"
    return direct


def test_what_aws_refuses(sandbox: Sandbox, entering: Entering) -> None:
    who = hire(sandbox, "nadia")
    guest, form = entering(who), f"/access-keys/activate?id={who.access_key_id}"
    who.denied("iam:UpdateAccessKey")
    direct = shown_again(guest, form, "/access-keys", 403)
    assert "iam:UpdateAccessKey" in direct.text


def test_what_aws_does_not_answer(sandbox: Sandbox, entering: Entering) -> None:
    who = hire(sandbox, "nadia")
    guest, form = entering(who), f"/access-keys/activate?id={who.access_key_id}"
    sandbox.set_faults([{"action": "iam:UpdateAccessKey", "fault": "throttle"}])
    try:
        shown_again(guest, form, "/access-keys", 503)
    finally:
        sandbox.set_faults([])


@pytest.mark.parametrize("form", ["a key", "a wrong secret", "a code"])
def test_a_sign_in_that_cannot_be_recorded(sandbox: Sandbox, tmp_path: Path, form: str) -> None:
    app, who = portal_of(sandbox, tmp_path), hire(sandbox, "nadia")
    guest, page = Guest(app), "/sign-in"
    secret = "a" * 40 if form == "a wrong secret" else who.secret_access_key
    data = {"access_key_id": who.access_key_id, "secret_access_key": secret}
    if form == "a code":
        seed = with_device(sandbox, who)
        guest.ask("POST", page, {"csrf_token": guest.token(), **data})
        page, data = "/sign-in/code", {"serial_number": who.devices()[0], "code": sandbox.code(seed)}
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("alter table activity rename to activity_gone"))
    answer = guest.ask("POST", page, {"csrf_token": guest.token(), **data})
    assert answer.status_code == 503 and refused_as(answer.text) == NotRecorded.code
    assert guest.open("/access-keys").path == "/sign-in", "not let in"


def test_what_is_no_longer_there(entering: Entering) -> None:
    page = "/mfa/replace?id=arn:aws:iam::123456789012:mfa/nobody"
    guest = entering()
    answer = guest.ask("POST", page, data={"csrf_token": guest.token()}, headers=FORM_OF_OURS)
    assert (answer.status_code, answer.headers["Location"]) == (303, page)
    assert guest.open(page).status == 404 and guest.refused_as == "not-yours"


def test_pages_for_administrators(entering: Entering) -> None:
    guest = entering()
    answer = guest.ask("POST", "/policy/check", data={"csrf_token": guest.token()}, headers=FORM_OF_OURS)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/policy/check")
    for _ in range(2):  # it is for them in any case
        assert guest.open("/policy/check").status == 403 and guest.refused_as == "for-administrators"


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_form_that_is_out_of_date(portal: Flask, entering: Entering, signed_in: bool) -> None:
    guest = entering() if signed_in else Guest(portal)
    form, page = ("/ssh-keys/new", "/ssh-keys/new") if signed_in else ("/sign-in", "/sign-in")
    shown_again(guest, form, page, 400, csrf_token="of another session")


@pytest.mark.parametrize("signed_in", [True, False])
def test_too_many(
    sandbox: Sandbox, tmp_path: Path, entering: Callable[..., Guest], clock: Clock, signed_in: bool
) -> None:
    app = portal_of(sandbox, tmp_path, SIGN_IN_LIMIT_PER_ADDRESS="9 per hour", SIGN_IN_LIMIT_PER_KEY="9 per hour")
    guest = entering(app=app) if signed_in else Guest(app)
    form, page = ("/mfa/resync", "/mfa/resync") if signed_in else ("/sign-in", "/sign-in")
    token = guest.token()
    for _ in range(9):
        guest.ask("POST", form, data={"csrf_token": token})
    assert shown_again(guest, form, page, 429).headers["Retry-After"]


def test_what_the_policy_rules_out(sandbox: Sandbox, tmp_path: Path, entering: Callable[..., Guest]) -> None:
    document = read("recommended")
    document["Statement"].append(
        {"Sid": "NoKeys", "Effect": "Deny", "Action": "iam:CreateAccessKey", "Resource": "*"}
    )
    (tmp_path / "policy.json").write_text(json.dumps(document))
    guest = entering(app=portal_of(sandbox, tmp_path, FORCE_MFA_POLICY=str(tmp_path / "policy.json")))
    shown_again(guest, "/access-keys/create", "/access-keys", 403)


def test_an_error_that_nobody_looked_at_is_forgotten(sandbox: Sandbox, entering: Entering, clock: Clock) -> None:
    who = hire(sandbox, "nadia")
    guest, form = entering(who), f"/access-keys/activate?id={who.access_key_id}"
    who.denied("iam:UpdateAccessKey")
    assert guest.ask("POST", form, data={"csrf_token": guest.token()}, headers=FORM_OF_OURS).status_code == 303
    clock.move(WAITS.total_seconds() + 1)
    assert guest.open("/access-keys").status == 200 and guest.refused_as == ""


def test_every_kind_of_refusal_gives_a_code_and_a_reference(portal: Flask, entering: Entering) -> None:
    """`Guest` looks at both on every page that says no."""
    stranger = Guest(portal)
    assert stranger.open("/access-keys").path == "/sign-in" and not stranger.soup.select("[data-reference]")
    assert stranger.open("/sign-in?ended=yes").refused_as == "session-ended"
    page = stranger.open("/sign-in")
    page.submit("/sign-in", access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="a" * 40)
    assert stranger.refused_as == CredentialsRefused.code and stranger.soup.select("[data-reference]")
    guest = entering()
    for path, code in (("/no-such-page", "no-such-page"), ("/compliance", "for-administrators")):
        assert guest.open(path).refused_as == code and guest.soup.select("[data-reference]")
    assert guest.open("/mfa").status == 200 and not guest.soup.select("[data-reference]")


def test_the_reference_is_that_of_the_form_that_was_refused(sandbox: Sandbox, entering: Entering) -> None:
    """The log has what went wrong under it, not under that of the page that shows it."""
    who = hire(sandbox, "nadia")
    guest = entering(who)
    who.denied("iam:UpdateAccessKey")
    forms = {
        f"/access-keys/activate?id={who.access_key_id}": "/access-keys",  # an error page
        "/ssh-keys/new": "/ssh-keys/new",  # its own page again, with the form
    }
    for form, page in forms.items():
        sent = {"csrf_token": guest.token(), "pasted": "something else"}
        refused = guest.ask("POST", form, data=sent, headers=FORM_OF_OURS)
        shown = guest.open(page).soup.select("[data-reference] code")
        assert shown[1].get_text() == refused.headers["X-Request-Id"] != guest.headers["X-Request-Id"], form


def test_a_wrong_name_of_the_site_is_answered_with_a_code_in_plain_text(portal: Flask) -> None:
    answer = portal.test_client().get("/sign-in", base_url="http://elsewhere.example.com")
    assert answer.status_code == 400 and answer.mimetype == "text/plain"
    assert answer.text.endswith(f" wrong-address {answer.headers['X-Request-Id']}\n")
