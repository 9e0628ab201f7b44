"""Replacing and removing a device is interrupted: by a killed portal, a lost answer or a session that ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import NoResponse
from tests.browser.conftest import Surfing, Visiting, prove
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Broken
from tests.support.waiting import wait_until


@pytest.mark.both_policies
def test_replacing_is_taken_up_where_it_was_left(
    visiting: Visiting, nadia: Employee, portal: Portal, policy: str
) -> None:
    surfer = visiting()
    surfer.arrive_with_mfa(nadia, at="/mfa")
    surfer.follow("/mfa/replace")
    surfer.submit("/mfa/replace")
    portal.kill()
    portal.start()
    surfer.open("/")
    if policy == "tutorial":  # no device, and the session is as it was
        surfer.open("/mfa")
        assert surfer.leads_to("/mfa/enroll"), "a new device waits for two codes"
        surfer.cookies.clear()
        surfer.sign_in(nadia)
        assert surfer.is_inside(nadia.name), "with the key alone, to start again"
        surfer.get_mfa()
    else:
        surfer.open("/mfa")
        surfer.follow("/mfa/enroll")
        prove(surfer)
        portal.kill()
        portal.start()
        surfer.open("/mfa")
        surfer.follow("/mfa/replaced")  # one step is left
        surfer.submit("/mfa/replaced")
    assert len(nadia.devices()) == 1
    assert not nadia.unassigned()
    checked = portal.flask("activity", "verify")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.both_policies
@pytest.mark.parametrize("lost", ["reset-before", "reset-after"])
def test_the_answer_to_giving_up_is_lost(
    surfing: Surfing,
    visiting: Visiting,
    nadia: Employee,
    sandbox: Sandbox,
    policy: str,
    lost: str,
    portal: Portal,
    clock: Clock,
) -> None:
    surfer = surfing() if lost == "reset-before" else visiting()
    surfer.arrive_with_mfa(nadia, at="/mfa")
    surfer.follow("/mfa/replace")
    if policy == "recommended":
        surfer.submit("/mfa/replace")
        prove(surfer)
    sandbox.set_faults([{"action": "iam:DeactivateMFADevice", "occurrences": [1], "fault": lost}])
    surfer.submit("/mfa/replace" if policy == "tutorial" else "/mfa/replaced")
    sandbox.set_faults([])
    if lost == "reset-before":
        assert surfer.refused_as == NoResponse.code
        assert nadia.serial_number in nadia.devices()
    else:
        assert nadia.serial_number not in nadia.devices()
    surfer.open("/activity?kind=mfa-device-deactivated")
    if lost == "reset-before":
        assert surfer.outcomes == ["unknown:no-response"], "AWS may only not show it yet"
    clock.move(31)
    surfer.open("/activity?kind=mfa-device-deactivated")
    assert surfer.outcomes == ["found-undone" if lost == "reset-before" else "found-done"]
    assert ("mfa-device-deactivated", "unknown", "no-response") in portal.activity(nadia.name)


@pytest.mark.both_policies
def test_sessions_may_die_with_their_device(visiting: Visiting, scratch: Path, clock: Clock, policy: str) -> None:
    with Sandbox(
        scratch / f"mortal-{policy}", clock, "--policy", policy, "--outcome", "sessions-die-with=device"
    ) as aws:
        nadia = hire(aws, "nadia")
        with Portal(scratch / f"mortal-portal-{policy}", aws, FORCE_MFA_POLICY=policy) as portal:
            surfer = visiting(portal.url)
            surfer.arrive_with_mfa(nadia, at="/mfa")
            surfer.follow("/mfa/replace")
            surfer.submit("/mfa/replace")
            if policy == "recommended":
                prove(surfer)
                surfer.submit("/mfa/replaced")
            assert surfer.path == "/sign-in", "AWS ended the session with the device"
            surfer.sign_in(nadia)
            if policy == "tutorial":
                surfer.get_mfa()
                assert nadia.devices() == [nadia.serial_number]
                assert not nadia.unassigned()
            else:
                assert surfer.path == "/sign-in/code", "the new device is asked for"


KILLED_AT = {
    "iam:CreateVirtualMFADevice": ("mfa-device-created", "/mfa/enroll/begin"),
    "iam:EnableMFADevice": ("mfa-device-enabled", "/mfa/enroll"),
    "iam:DeactivateMFADevice": ("mfa-device-deactivated", "/mfa/remove"),
    "iam:DeleteVirtualMFADevice": ("mfa-device-deleted", "/mfa/remove"),
}


@pytest.mark.parametrize(
    "action",
    [
        pytest.param("iam:CreateVirtualMFADevice", marks=pytest.mark.both_policies),
        # The tutorial's policy doesn't allow deleting a deactivated device.
        "iam:EnableMFADevice",
        "iam:DeactivateMFADevice",
        "iam:DeleteVirtualMFADevice",
    ],
)
def test_the_portal_is_killed_while_aws_is_at_work(
    visiting: Visiting, sandbox: Sandbox, nadia: Employee, clock: Clock, portal: Portal, policy: str, action: str
) -> None:
    event, form = KILLED_AT[action]
    surfer = visiting()
    giving_up, typed = form == "/mfa/remove", dict[str, str]()
    if giving_up:
        surfer.arrive_with_mfa(nadia)
        nadia.given_device(clock, "device-2", path=f"/{nadia.name}/")
        surfer.open(f"/mfa/remove?id={nadia.serial_number}/device-2")
    else:
        surfer.sign_in(nadia)
        surfer.open("/mfa/enroll")
        if action == "iam:EnableMFADevice":
            surfer.submit("/mfa/enroll/begin")
            phone = surfer.scan()
            first = phone.next()
            typed = {"first_code": first, "second_code": phone.next()}
    mark = sandbox.mark()
    sandbox.set_faults([{"action": action, "fault": "latency", "latency_ms": 1500, "occurrences": [1]}])
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(surfer.submit, form, **typed)
        wait_until(lambda: sandbox.begun(action))
        portal.kill()
        assert isinstance(sent.exception(), Broken)
    assert (event, "intended", "") in portal.activity(nadia.name)
    assert (event, "done", "") not in portal.activity(nadia.name)
    # AWS finishes the call.
    wait_until(lambda: any(call["action"] == action for call in sandbox.calls(mark)))
    sandbox.set_faults([])
    portal.start()
    clock.move(61)
    surfer.open("/")
    assert (event, "found-done", "") in portal.activity(nadia.name)
    if action == "iam:CreateVirtualMFADevice":
        surfer.get_mfa()
    elif action == "iam:EnableMFADevice":
        surfer.follow("/mfa/activate")
        surfer.upgrade(phone)
    elif action == "iam:DeactivateMFADevice":
        surfer.open("/mfa")
        assert f"left-behind:{nadia.serial_number}/device-2" in surfer.states
        surfer.submit("/mfa/clear")
    assert nadia.devices() == [nadia.serial_number]
    assert policy == "tutorial" or not nadia.unassigned()
    checked = portal.flask("activity", "verify")
    assert checked.returncode == 0, checked.stdout
