"""Setting up MFA asks AWS little more than it needs: what a form has just read, the page that follows shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cachetools import TTLCache
from flask import Flask

from app.credentials.observed import ObservedCredentials, credentials_observed
from app.sessions import just_read
from app.sessions.contents import Person, owner_of
from tests.security.conftest import Guest
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire
from tests.support.sandbox import Sandbox

NEEDED = [
    "sts:GetCallerIdentity",
    "iam:ListMFADevices",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "sts:GetSessionToken",
]
WAITS = 600  # seconds
ALIAS, DEVICES = "iam:ListAccountAliases", "iam:ListMFADevices"


def test_a_newcomer_waits_for_few_calls(portal: Flask, sandbox: Sandbox, clock: Clock) -> None:
    who, guest = hire(sandbox, "newcomer"), Guest(portal)
    before = sandbox.mark()
    guest.sign_in(who)
    guest.submit("/mfa/enroll/begin")
    phone = Phone(clock, f"otpauth://totp/x?secret={guest.seed()}")
    guest.submit("/mfa/enroll", first_code=phone.next(), second_code=phone.next())
    guest.submit("/mfa/activate", code=phone.next())
    assert guest.path == "/mfa/finished", guest.text
    asked = [call["action"] for call in sandbox.calls(before)]
    # Before a device is created, AWS is asked whether there is one by now. The last list is read beside a token.
    assert sorted(asked) == sorted([*NEEDED, ALIAS, DEVICES, DEVICES]), asked
    assert who.devices() == [who.serial_number]


def test_what_was_passed_on_is_shown_once(portal: Flask, sandbox: Sandbox, clock: Clock) -> None:
    who, guest = hire(sandbox, "twice"), Guest(portal)
    guest.sign_in(who)
    assert guest.has("/mfa/enroll/begin"), guest.text
    who.given_device(clock, who.name)
    guest.open("/")
    assert not guest.has("/mfa/enroll/begin") and "/mfa/activate" in guest.html, "AWS was asked again"


@pytest.fixture(autouse=True)
def on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is passed on waits longer than these stories take, not 3 seconds, by the clock it always goes by."""
    clock = just_read._waiting.timer
    monkeypatch.setattr(just_read, "_waiting", TTLCache(maxsize=100, ttl=WAITS, timer=clock))


@pytest.fixture
def reports() -> Iterator[list[int]]:
    """How many devices each report to compliance has."""
    heard: list[int] = []

    def hear(_: Person, observed: ObservedCredentials) -> None:
        if observed.mfa_devices is not None:
            heard.append(len(list(observed.mfa_devices)))

    with credentials_observed.connected_to(hear):
        yield heard


def arrives(guest: Guest, who: Employee) -> None:
    """Signs in, without the page that the browser is led to."""
    form = {"access_key_id": who.access_key_id, "secret_access_key": who.secret_access_key}
    assert guest.ask("POST", "/sign-in", {**form, "csrf_token": guest.token()}).status_code == 303


def test_devices_are_reported_by_the_request_that_read_them(
    portal: Flask, sandbox: Sandbox, clock: Clock, reports: list[int]
) -> None:
    who, guest = hire(sandbox, "reported"), Guest(portal)
    arrives(guest, who)
    assert reports == [0]
    guest.open("/")
    assert guest.has("/mfa/enroll/begin") and reports == [0], "that page has read nothing"
    phone = who.given_device(clock, who.name)
    guest.open("/mfa/activate")
    guest.submit("/mfa/activate", code=phone.next())
    assert guest.path == "/mfa/finished" and reports == [0, 1], guest.text
    guest.open("/mfa/finished")
    assert reports == [0, 1, 1], "it asked AWS"


def test_what_another_session_changed_meanwhile_is_shown(
    portal: Flask, sandbox: Sandbox, clock: Clock, reports: list[int]
) -> None:
    who, one, other = hire(sandbox, "twofold"), Guest(portal), Guest(portal)
    other.sign_in(who)
    other.submit("/mfa/enroll/begin")
    phone = Phone(clock, f"otpauth://totp/x?secret={other.seed()}")
    arrives(one, who)
    other.submit("/mfa/enroll", first_code=phone.next(), second_code=phone.next())
    reports.clear()
    one.open("/")
    assert not one.has("/mfa/enroll/begin") and "/mfa/activate" in one.html, one.text
    assert reports == [1] and who.devices() == [who.serial_number]


def test_a_page_that_is_opened_too_late_asks_aws(portal: Flask, sandbox: Sandbox, clock: Clock) -> None:
    who, guest = hire(sandbox, "latecomer"), Guest(portal)
    arrives(guest, who)
    who.given_device(clock, who.name)
    clock.move(WAITS + 1)
    guest.open("/")
    assert not guest.has("/mfa/enroll/begin") and "/mfa/activate" in guest.html, guest.text


def test_nothing_waits_after_the_sign_out(portal: Flask, sandbox: Sandbox) -> None:
    who, guest = hire(sandbox, "leaver"), Guest(portal)
    arrives(guest, who)
    user_id = sandbox.as_administrator("iam").get_user(UserName=who.name)["User"]["UserId"]
    waits = owner_of(sandbox.account_id, user_id)
    assert waits in just_read._waiting
    guest.ask("POST", "/sign-out", {"csrf_token": guest.token()})
    assert waits not in just_read._waiting
