"""Replacing and giving up a device, interrupted: by a killed portal, a lost answer, a session that ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import Surfing, prove
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.waiting import wait_until


@pytest.mark.both_policies
def test_replacing_is_taken_up_where_it_was_left(
    surfing: Surfing, surfer: Surfer, nadia: Employee, phone: Phone, portal: Portal, policy: str
) -> None:
    surfer.press("Replace")
    surfer.press("Remove the old one and go on" if policy == "tutorial" else "Begin")
    portal.kill()
    portal.start()
    surfer.open("/")
    if policy == "tutorial":  # no device, and the session is as it was
        surfer.open("/mfa")
        assert "A new device is waiting for two codes" in surfer.text
        surfer.page.context.clear_cookies()
        surfer.sign_in(nadia)
        assert "Next: set up MFA" in surfer.text, "the key alone lets her begin anew"
        surfer.get_mfa()
    else:
        surfer.open("/mfa")
        surfer.press("Continue")
        prove(surfer)
        portal.kill()
        portal.start()
        surfer.open("/mfa")
        assert "One step left: give up the old device" in surfer.text
        surfer.press("Continue")
        surfer.press("Remove the old device")
    assert len(nadia.devices()) == 1
    assert not nadia.unassigned()
    checked = portal.flask("activity", "verify")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.both_policies
@pytest.mark.parametrize("lost", ["reset-before", "reset-after"])
def test_the_answer_to_giving_up_is_lost(
    surfer: Surfer,
    nadia: Employee,
    phone: Phone,
    sandbox: Sandbox,
    policy: str,
    lost: str,
    portal: Portal,
    clock: Clock,
) -> None:
    surfer.press("Replace")
    if policy == "recommended":
        surfer.press("Begin")
        prove(surfer)
    sandbox.set_faults([{"action": "iam:DeactivateMFADevice", "occurrences": [1], "fault": lost}])
    surfer.press("Remove the old one and go on" if policy == "tutorial" else "Remove the old device")
    sandbox.set_faults([])
    if lost == "reset-before":
        assert "could not be reached" in surfer.text
        assert nadia.serial_number in nadia.devices()
    else:
        assert nadia.serial_number not in nadia.devices()
    surfer.open("/activity?kind=mfa-device-deactivated")
    if lost == "reset-before":
        assert surfer.outcomes == ["unknown:no-response"], "AWS may only not show it yet"
    clock.move(31)
    surfer.page.reload()
    assert surfer.outcomes == ["found-undone" if lost == "reset-before" else "found-done"]
    assert ("mfa-device-deactivated", "unknown", "no-response") in portal.activity(nadia.name)


@pytest.mark.both_policies
def test_sessions_may_die_with_their_device(surfing: Surfing, scratch: Path, clock: Clock, policy: str) -> None:
    with Sandbox(
        scratch / f"mortal-{policy}", clock, "--policy", policy, "--outcome", "sessions-die-with=device"
    ) as aws:
        nadia = hire(aws, "nadia")
        with Portal(scratch / f"mortal-portal-{policy}", aws, FORCE_MFA_POLICY=policy) as portal:
            surfer = surfing(portal.url)
            surfer.sign_in(nadia)
            surfer.get_mfa()
            surfer.open("/mfa")
            surfer.press("Replace")
            if policy == "tutorial":
                surfer.press("Remove the old one and go on")
            else:
                surfer.press("Begin")
                prove(surfer)
                surfer.press("Remove the old device")
            assert surfer.path == "/sign-in", "AWS ended the session with the device"
            surfer.sign_in(nadia)
            if policy == "tutorial":
                surfer.get_mfa()
                assert nadia.devices() == [nadia.serial_number]
                assert not nadia.unassigned()
            else:
                assert surfer.heading == "MFA code", "the new device is asked for"


KILLED_AT = {
    "iam:CreateVirtualMFADevice": ("mfa-device-created", "Show the QR code"),
    "iam:EnableMFADevice": ("mfa-device-enabled", "Turn on MFA"),
    "iam:DeactivateMFADevice": ("mfa-device-deactivated", "Remove this device"),
    "iam:DeleteVirtualMFADevice": ("mfa-device-deleted", "Remove this device"),
}


@pytest.mark.parametrize(
    "action",
    [
        pytest.param("iam:CreateVirtualMFADevice", marks=pytest.mark.both_policies),
        # The tutorial's does not let a given-up one be deleted.
        "iam:EnableMFADevice",
        "iam:DeactivateMFADevice",
        "iam:DeleteVirtualMFADevice",
    ],
)
def test_the_portal_is_killed_while_aws_is_at_work(
    surfing: Surfing, sandbox: Sandbox, nadia: Employee, clock: Clock, portal: Portal, policy: str, action: str
) -> None:
    event, button = KILLED_AT[action]
    surfer = surfing()
    surfer.sign_in(nadia)
    giving_up = button == "Remove this device"
    if giving_up:
        surfer.get_mfa()
        nadia.given_device(clock, "device-2", path=f"/{nadia.name}/")
        surfer.open(f"/mfa/remove?id={nadia.serial_number}/device-2")
    else:
        surfer.open("/mfa/enroll")
        if action == "iam:EnableMFADevice":
            surfer.press("Show the QR code")
            phone = surfer.scan()
            first = phone.next()
            surfer.type(first_code=first, second_code=phone.next())
    mark = sandbox.calls()[-1]["seq"]
    sandbox.set_faults([{"action": action, "fault": "latency", "latency_ms": 1500, "occurrences": [1]}])
    surfer.page.locator(f"main button:has-text('{button}')").click(no_wait_after=True)
    wait_until(lambda: sandbox.begun(action))
    portal.kill()
    assert (event, "intended", "") in portal.activity(nadia.name)
    assert (event, "done", "") not in portal.activity(nadia.name)
    # AWS finishes what it was asked.
    wait_until(lambda: any(call["action"] == action for call in sandbox.calls(mark)))
    sandbox.set_faults([])
    portal.start()
    clock.move(61)
    surfer.open("/")
    assert (event, "found-done", "") in portal.activity(nadia.name)
    if action == "iam:CreateVirtualMFADevice":
        surfer.get_mfa()
    elif action == "iam:EnableMFADevice":
        assert "One more code and you are there" in surfer.text
        surfer.press("Enter the code")
        surfer.upgrade(phone)
    elif action == "iam:DeactivateMFADevice":
        surfer.navigate("/mfa")
        assert "Left behind: device-2" in surfer.text
        surfer.press("Delete it")
    assert nadia.devices() == [nadia.serial_number]
    assert policy == "tutorial" or not nadia.unassigned()
    checked = portal.flask("activity", "verify")
    assert checked.returncode == 0, checked.stdout
