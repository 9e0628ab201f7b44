"""Setting up MFA asks AWS little more than it needs: what a form has just read, the page that follows shows."""

from __future__ import annotations

from flask import Flask

from tests.security.conftest import Guest
from tests.support.clock import Clock
from tests.support.people import Phone, hire
from tests.support.sandbox import Sandbox

NEEDED = [
    "sts:GetCallerIdentity",
    "iam:ListMFADevices",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "sts:GetSessionToken",
]
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
