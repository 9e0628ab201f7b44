"""Codes that are refused, a lost phone, a device that cannot be used here."""

from __future__ import annotations

import pytest

from app.mfa.codes import SameCodeTwice
from app.signin.service import OnlySecurityKeys
from tests.browser.conftest import Surfing, Visiting
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader


@pytest.mark.both_policies
def test_out_of_step_at_sign_in(browser_of_policy: Surfer | Reader, nadia: Employee, clock: Clock) -> None:
    phone = nadia.given_device(clock, nadia.name)
    slow = Phone(clock, f"otpauth://totp/x?secret={phone.seed}", slow_s=600)
    clock.move(30)  # STS knows it
    other = browser_of_policy
    other.sign_in(nadia)
    assert not other.leads_to("/mfa/resync"), "offered where it helps, not before"
    other.submit("/sign-in/code", code=slow.next())
    other.follow("/mfa/resync")
    code = slow.next()
    other.submit("/mfa/resync", first_code=code, second_code=code)
    assert other.refused_as == SameCodeTwice.code
    # New codes of a slow clock are older than the pair of the enrollment until its ten minutes have passed.
    clock.move(601)
    other.sign_in(nadia)
    other.open("/mfa/resync")
    first = slow.next()
    other.submit("/mfa/resync", first_code=first, second_code=slow.next())
    assert (other.path, other.notices) == ("/sign-in/code", ["success"]), "AWS knows her phone's clock again"
    clock.move(10)
    other.submit("/sign-in/code", code=slow.next())
    assert other.is_inside(nadia.name)


def test_only_a_security_key(surfing: Surfing, sandbox: Sandbox) -> None:
    user = sandbox.user("SecurityKeyUser")
    surfer = surfing()
    surfer.sign_in(Employee(sandbox, "SecurityKeyUser", user["access_key_id"], user["secret_access_key"]))
    assert surfer.refused_as == OnlySecurityKeys.code
    assert surfer.button("/sign-in/aws").is_visible(), "where it works"


def test_a_lost_phone(surfing: Surfing, visiting: Visiting, nadia: Employee, sandbox: Sandbox, clock: Clock) -> None:
    nadia.given_device(clock, nadia.name)
    other = visiting()
    other.open("/mfa/lost")
    assert "YOUR-USER-NAME" in other.at("#note")
    other.sign_in(nadia)
    other.follow("/mfa/lost")
    surfing().continue_from(other, at="/mfa/lost")
    note = other.at("#note")
    assert f"user/{nadia.name}" in note
    # The administrator runs what the note says.
    iam = sandbox.as_administrator("iam")
    for line in note.splitlines():
        if line.startswith("aws iam "):
            words = line.split()
            options = dict(zip(words[3::2], words[4::2], strict=True))
            if words[2] == "deactivate-mfa-device":
                iam.deactivate_mfa_device(UserName=options["--user-name"], SerialNumber=options["--serial-number"])
            else:
                iam.delete_virtual_mfa_device(SerialNumber=options["--serial-number"])
    assert nadia.devices() == [] and not nadia.unassigned()
    other.sign_in(nadia)
    assert other.is_inside(nadia.name) and other.has("/mfa/enroll/begin"), "to set up MFA again"
