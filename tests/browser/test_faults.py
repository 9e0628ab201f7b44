"""AWS throttles, falls silent, restarts or goes away while people work: the page says what is true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Surfing
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox


@pytest.fixture
def nadia(sandbox: Sandbox, clock: Clock) -> Iterator[Employee]:
    hired = hire(sandbox, "nadia")
    clock.move(10)
    yield hired
    sandbox.set_faults([])


def test_throttled_while_turning_on(surfing: Surfing, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = surfing()
    surfer.sign_in(nadia)
    surfer.press("Set up MFA")
    phone = surfer.scan()
    sandbox.set_faults([{"action": "iam:EnableMFADevice", "occurrences": [1], "fault": "throttle"}])
    surfer.give_two_codes(phone)
    assert "AWS is busy" in surfer.text and "Nothing was changed" in surfer.text
    assert nadia.devices() == []
    surfer.give_two_codes(phone)
    assert nadia.devices() == [nadia.serial_number]


def test_the_answer_to_enable_is_lost_after_it_took_effect(
    surfing: Surfing, nadia: Employee, sandbox: Sandbox, portal: Portal
) -> None:
    surfer = surfing()
    surfer.sign_in(nadia)
    surfer.press("Set up MFA")
    sandbox.set_faults([{"action": "iam:EnableMFADevice", "occurrences": [1], "fault": "reset-after"}])
    surfer.give_two_codes(surfer.scan())
    assert nadia.devices() == [nadia.serial_number]
    assert surfer.heading == "Enter the next code", "the page asked AWS what is true"
    assert ("mfa-device-enabled", "unknown", "no-response") in portal.activity(nadia.name)
    surfer.open("/")
    assert ("mfa-device-enabled", "found-done", "") in portal.activity(nadia.name), "asked once more, and settled"


def test_the_answer_to_enable_is_lost_before_it_took_effect(
    surfing: Surfing, nadia: Employee, sandbox: Sandbox
) -> None:
    surfer = surfing()
    surfer.sign_in(nadia)
    surfer.press("Set up MFA")
    phone = surfer.scan()
    sandbox.set_faults([{"action": "iam:EnableMFADevice", "occurrences": [1], "fault": "reset-before"}])
    surfer.give_two_codes(phone)
    assert "could not be reached" in surfer.text
    surfer.give_two_codes(phone)
    assert nadia.devices() == [nadia.serial_number]


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "error-500", "throttle"])
def test_making_the_device_fails_and_is_tried_again(
    surfing: Surfing, nadia: Employee, sandbox: Sandbox, fault: str
) -> None:
    surfer = surfing()
    surfer.sign_in(nadia)
    sandbox.set_faults([{"action": "iam:CreateVirtualMFADevice", "occurrences": [1], "fault": fault}])
    surfer.press("Set up MFA")
    assert surfer.heading == "That did not work"
    surfer.press("Go to the overview")
    surfer.press("Set up MFA")
    surfer.give_two_codes(surfer.scan())
    assert nadia.devices() == [nadia.serial_number]


def test_a_change_is_asked_once_and_a_read_again(surfing: Surfing, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = surfing()
    surfer.sign_in(nadia)
    mark = sandbox.calls()[-1]["seq"]
    sandbox.set_faults(
        [
            {"action": "iam:CreateVirtualMFADevice", "occurrences": "every", "fault": "throttle"},
            {"action": "iam:ListMFADevices", "occurrences": [1], "fault": "throttle"},
        ]
    )
    surfer.press("Set up MFA")
    actions = [call["action"] for call in sandbox.calls(mark)]
    assert actions.count("iam:CreateVirtualMFADevice") == 1
    assert actions.count("iam:ListMFADevices") == 2, "the read that was refused, and its repetition"
    surfer.open("/")
    assert surfer.heading == f"Hello, {nadia.name}"


def test_the_lost_answer_of_a_code_asks_for_the_next(surfing: Surfing, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = surfing()
    surfer.sign_in(nadia)
    phone = surfer.enroll()
    sandbox.set_faults([{"action": "sts:GetSessionToken", "occurrences": [1], "fault": "reset-after"}])
    surfer.upgrade(phone)
    assert "the code may be used up" in surfer.text
    surfer.upgrade(phone)
    assert surfer.heading == "You are set up"


def test_aws_restarted_underneath(surfing: Surfing, scratch: Path, clock: Clock, policy: str) -> None:
    with Sandbox(scratch / f"restarting-{policy}", clock, "--policy", policy) as aws:
        nadia = hire(aws, "nadia")
        with Portal(scratch / f"restarting-portal-{policy}", aws) as portal:
            surfer = surfing(portal.url)
            surfer.sign_in(nadia)

            aws.stop()
            surfer.open("/")
            assert "AWS could not be reached" in surfer.text

            aws.start()
            surfer.open("/")
            assert surfer.path == "/sign-in"
            assert "no longer accepts the credentials of your session" in surfer.text

            again = hire(aws, "nadia")
            surfer.sign_in(again)
            surfer.get_mfa()
            assert surfer.heading == "You are set up"


def test_nothing_is_changed_that_cannot_be_recorded(
    surfing: Surfing, nadia: Employee, sandbox: Sandbox, portal: Portal
) -> None:
    surfer = surfing()
    surfer.sign_in(nadia)
    portal.rows("alter table activity rename to activity_gone")
    try:
        surfer.press("Set up MFA")
        assert "cannot write its audit log" in surfer.text
        assert not nadia.leftover()
    finally:
        portal.rows("alter table activity_gone rename to activity")
    surfer.open("/")
    surfer.press("Set up MFA")
    assert nadia.leftover()


def test_aws_throttles_at_the_door(surfing: Surfing, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = surfing()
    sandbox.set_faults([{"action": "sts:GetCallerIdentity", "occurrences": [1, 2, 3], "fault": "throttle"}])
    surfer.sign_in(nadia)
    assert "AWS is busy" in surfer.text
    surfer.sign_in(nadia)
    assert surfer.heading == f"Hello, {nadia.name}"
