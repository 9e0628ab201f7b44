"""A sign-in with a browser that the user hadn't used before is recorded as that, whatever the browser claims."""

from __future__ import annotations

import pytest
from flask import Flask

from app.audit.models import ActivityRow
from app.db import db
from tests.security.conftest import Guest
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox

COOKIE = "latchkey-8000-browser"


def sign_ins(app: Flask, who: Employee) -> list[str]:
    """What the audit log remarks on each of the user's sign-ins, oldest first."""
    with app.app_context():
        mine = db.session.query(ActivityRow).filter_by(event="sign-in", user_name=who.name).order_by(ActivityRow.seq)
        assert {row.phase for row in mine} <= {"done"}
        return [row.reason for row in mine]


def entered(app: Flask, who: Employee, browser: Guest | None = None) -> Guest:
    """The user's browser, signed in."""
    guest = browser or Guest(app)
    guest.sign_in(who)
    assert guest.is_inside(who.name), guest.text
    return guest


@pytest.fixture
def alice(sandbox: Sandbox) -> Employee:
    return hire(sandbox, "alice")


def signed_out(guest: Guest) -> Guest:
    guest.go("POST", "/sign-out", {"csrf_token": guest.token()})
    return guest


def test_the_first_sign_in_with_each_browser_is_marked(portal: Flask, sandbox: Sandbox, alice: Employee) -> None:
    office = signed_out(entered(portal, alice))
    signed_out(entered(portal, alice, office))
    assert sign_ins(portal, alice) == ["new-browser", ""]
    phone = signed_out(entered(portal, alice))
    signed_out(entered(portal, alice, office))
    entered(portal, alice, phone)
    assert sign_ins(portal, alice) == ["new-browser", "", "new-browser", "", ""]


def test_each_user_of_a_browser_counts_alone(portal: Flask, sandbox: Sandbox, alice: Employee) -> None:
    bob = hire(sandbox, "bob")
    shared = signed_out(entered(portal, alice))
    signed_out(entered(portal, bob, shared))
    entered(portal, alice, shared)
    assert sign_ins(portal, alice) == ["new-browser", ""] and sign_ins(portal, bob) == ["new-browser"]


@pytest.mark.parametrize("planted", ["", "x", "é" * 3, "gAAAA" + "A" * 3000])
def test_a_cookie_that_is_not_ours_makes_no_browser_known(portal: Flask, alice: Employee, planted: str) -> None:
    guest = Guest(portal)
    guest.client.set_cookie(COOKIE, planted, domain="127.0.0.1")
    entered(portal, alice, guest)
    assert sign_ins(portal, alice) == ["new-browser"]


def test_the_cookie_does_not_say_who_signed_in(portal: Flask, alice: Employee) -> None:
    guest = entered(portal, alice)
    cookie = guest.client.get_cookie(COOKIE, domain="127.0.0.1")
    assert cookie and cookie.http_only and alice.name not in cookie.value
    assert cookie.max_age and cookie.max_age > 300 * 24 * 3600
