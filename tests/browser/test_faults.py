"""AWS throttles, falls silent, restarts or goes away while people work: the page says what is true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import AwsServerError, CredentialsRefused, NoResponse, NotRecorded, PortalError, Throttled
from app.mfa.upgrading import CodeMayBeUsed
from tests.browser.conftest import Surfing, Visiting
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
    surfer.begin_enrolling(nadia)
    phone = surfer.scan()
    sandbox.set_faults([{"action": "iam:EnableMFADevice", "occurrences": [1], "fault": "throttle"}])
    surfer.give_two_codes(phone)
    assert surfer.refused_as == Throttled.code
    assert nadia.devices() == []
    surfer.give_two_codes(phone)
    assert nadia.devices() == [nadia.serial_number]


def test_the_answer_to_enable_is_lost_after_it_took_effect(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox, portal: Portal
) -> None:
    surfer = visiting()
    surfer.sign_in(nadia)
    surfer.submit("/mfa/enroll/begin")
    sandbox.set_faults([{"action": "iam:EnableMFADevice", "occurrences": [1], "fault": "reset-after"}])
    surfer.give_two_codes(surfer.scan())
    assert nadia.devices() == [nadia.serial_number]
    assert surfer.has("/mfa/activate"), "the page asked AWS what is true"
    assert ("mfa-device-enabled", "unknown", "no-response") in portal.activity(nadia.name)
    surfer.open("/")
    assert ("mfa-device-enabled", "found-done", "") in portal.activity(nadia.name), "asked once more, and recorded"


def test_the_answer_to_enable_is_lost_before_it_took_effect(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox
) -> None:
    surfer = visiting()
    surfer.sign_in(nadia)
    surfer.submit("/mfa/enroll/begin")
    phone = surfer.scan()
    sandbox.set_faults([{"action": "iam:EnableMFADevice", "occurrences": [1], "fault": "reset-before"}])
    surfer.give_two_codes(phone)
    assert surfer.refused_as == NoResponse.code
    surfer.give_two_codes(phone)
    assert nadia.devices() == [nadia.serial_number]


TOLD: dict[str, type[PortalError]] = {
    "reset-before": NoResponse,
    "reset-after": NoResponse,
    "error-500": AwsServerError,
    "throttle": Throttled,
}


@pytest.mark.parametrize("fault", TOLD)
def test_making_the_device_fails_and_is_tried_again(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox, fault: str
) -> None:
    surfer = visiting()
    surfer.sign_in(nadia)
    sandbox.set_faults([{"action": "iam:CreateVirtualMFADevice", "occurrences": [1], "fault": fault}])
    surfer.submit("/mfa/enroll/begin")
    assert surfer.refused_as == TOLD[fault].code
    surfer.follow("/")
    surfer.submit("/mfa/enroll/begin")
    surfer.give_two_codes(surfer.scan())
    assert nadia.devices() == [nadia.serial_number]


def test_a_change_is_asked_once_and_a_read_again(surfing: Surfing, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = surfing()
    surfer.arrive(nadia)
    mark = sandbox.mark()
    sandbox.set_faults(
        [
            {"action": "iam:CreateVirtualMFADevice", "occurrences": "every", "fault": "throttle"},
            {"action": "iam:ListMFADevices", "occurrences": [1], "fault": "throttle"},
        ]
    )
    surfer.submit("/mfa/enroll/begin")
    actions = [call["action"] for call in sandbox.calls(mark)]
    assert actions.count("iam:CreateVirtualMFADevice") == 1
    assert actions.count("iam:ListMFADevices") == 2, "the read that was refused, and its repetition"
    surfer.open("/")
    assert surfer.is_inside(nadia.name)


def test_the_lost_answer_of_a_code_asks_for_the_next(visiting: Visiting, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = visiting()
    surfer.sign_in(nadia)
    phone = surfer.enroll()
    sandbox.set_faults([{"action": "sts:GetSessionToken", "occurrences": [1], "fault": "reset-after"}])
    surfer.upgrade(phone)
    assert surfer.refused_as == CodeMayBeUsed.code
    surfer.upgrade(phone)
    assert surfer.path == "/mfa/finished"


def test_aws_restarted_underneath(visiting: Visiting, scratch: Path, clock: Clock, policy: str) -> None:
    with Sandbox(scratch / f"restarting-{policy}", clock, "--policy", policy) as aws:
        nadia = hire(aws, "nadia")
        with Portal(scratch / f"restarting-portal-{policy}", aws) as portal:
            surfer = visiting(portal.url)
            surfer.sign_in(nadia)

            aws.stop()
            surfer.open("/")
            assert surfer.refused_as == NoResponse.code

            aws.start()
            surfer.open("/")
            assert surfer.path == "/sign-in"
            assert surfer.refused_as == CredentialsRefused.code

            again = hire(aws, "nadia")
            surfer.sign_in(again)
            surfer.get_mfa()
            assert surfer.path == "/mfa/finished"


def test_nothing_is_changed_that_cannot_be_recorded(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox, portal: Portal
) -> None:
    surfer = visiting()
    surfer.sign_in(nadia)
    portal.rows("alter table activity rename to activity_gone")
    try:
        surfer.submit("/mfa/enroll/begin")
        assert surfer.refused_as == NotRecorded.code
        assert not nadia.leftover()
    finally:
        portal.rows("alter table activity_gone rename to activity")
    surfer.open("/")
    surfer.submit("/mfa/enroll/begin")
    assert nadia.leftover()


def test_aws_throttles_at_sign_in(visiting: Visiting, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = visiting()
    sandbox.set_faults([{"action": "sts:GetCallerIdentity", "occurrences": [1, 2, 3], "fault": "throttle"}])
    surfer.sign_in(nadia)
    assert surfer.refused_as == Throttled.code
    surfer.sign_in(nadia)
    assert surfer.is_inside(nadia.name)
