"""MFA is real: seeds told once, codes checked, none works twice."""

from __future__ import annotations

import base64
from typing import Any

import pyotp
import pytest

from tests.sandbox.conftest import Refused
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox


class Device:
    """A device of an employee, made with the plain key."""

    def __init__(self, employee: Employee, clock: Clock) -> None:
        self.employee, self.clock = employee, clock
        self.iam = employee.client("iam")
        made = self.iam.create_virtual_mfa_device(VirtualMFADeviceName=employee.name)["VirtualMFADevice"]
        self.made = made
        self.serial = made["SerialNumber"]
        self.seed = made["Base32StringSeed"].decode()
        self.totp = pyotp.TOTP(self.seed)

    def code(self, steps: int = 0) -> str:
        return self.totp.at(int(self.clock.time()), counter_offset=steps)

    def enable(self, first: str, second: str) -> None:
        self.iam.enable_mfa_device(
            UserName=self.employee.name,
            SerialNumber=self.serial,
            AuthenticationCode1=first,
            AuthenticationCode2=second,
        )

    def on(self) -> Device:
        self.clock.to_next_code()
        self.enable(self.code(-1), self.code())
        self.clock.to_next_code()
        return self

    def session(self, code: str | None = None) -> Any:
        return self.employee.with_code("iam", code or self.code())


@pytest.fixture
def device(alice: Employee, clock: Clock) -> Device:
    return Device(alice, clock)


def test_the_seed_is_told_once_and_listed_never(device: Device, one: Sandbox) -> None:
    assert len(device.seed) == 64 and len(base64.b32decode(device.seed)) == 40
    assert device.made["QRCodePNG"].startswith(b"\x89PNG\r\n\x1a\n")
    listed = one.as_administrator("iam").list_virtual_mfa_devices()
    assert device.seed not in str(listed) and "QRCodePNG" not in str(listed)


def test_two_consecutive_codes_and_nothing_else(device: Device, refused: Refused, clock: Clock) -> None:
    clock.to_next_code()
    no = ("InvalidAuthenticationCode", 403)
    assert refused(device.enable, first=device.code(), second=device.code()) == no
    assert refused(device.enable, first=device.code(), second=device.code(-1)) == no
    assert refused(device.enable, first=device.code(-2), second=device.code()) == no
    assert refused(device.enable, first="000000", second="000001") == no
    assert refused(device.enable, first="12345", second="000001") == ("ValidationError", 400)
    assert device.employee.devices() == []
    device.enable(device.code(-1), device.code())
    assert device.employee.devices() == [device.serial]


@pytest.mark.parametrize("steps", [-990, -3, 3, 990])
def test_a_drifting_clock_is_found_and_remembered(device: Device, clock: Clock, steps: int, refused: Refused) -> None:
    clock.to_next_code()
    device.enable(device.code(steps - 1), device.code(steps))
    clock.to_next_code()
    assert refused(device.session, code=device.code(steps + 20))[0] == "AccessDenied"
    device.session(device.code(steps))


def test_codes_from_far_away_are_refused(device: Device, refused: Refused) -> None:
    assert (
        refused(device.enable, first=device.code(-1010), second=device.code(-1009))[0] == "InvalidAuthenticationCode"
    )


def test_no_code_works_twice_anywhere(device: Device, clock: Clock, refused: Refused, alice: Employee) -> None:
    clock.to_next_code()
    first, second = device.code(-1), device.code()
    device.enable(first, second)
    assert refused(device.session, code=second) == ("AccessDenied", 403)
    assert refused(device.session, code=first) == ("AccessDenied", 403)
    clock.to_next_code()
    code = device.code()
    device.session(code)
    assert refused(device.session, code=code) == ("AccessDenied", 403)
    again = refused(
        alice.client("iam").resync_mfa_device,
        UserName=alice.name,
        SerialNumber=device.serial,
        AuthenticationCode1=second,
        AuthenticationCode2=code,
    )
    assert again == ("InvalidAuthenticationCode", 403)


def test_nine_tries_in_three_minutes_then_even_the_right_code_waits(
    device: Device, clock: Clock, refused: Refused
) -> None:
    device.on()
    clock.move(180 - clock.time() % 180 + 1)
    for _ in range(9):
        assert refused(device.session, code="000000")[0] == "AccessDenied"
    with pytest.raises(Exception, match="unable to validate"):
        device.session(device.code())
    clock.move(180)
    device.session(device.code())


def test_a_leftover_answers_already_exists_and_can_be_deleted(device: Device, refused: Refused) -> None:
    again = refused(device.iam.create_virtual_mfa_device, VirtualMFADeviceName=device.employee.name)
    assert again == ("EntityAlreadyExists", 409)
    device.iam.delete_virtual_mfa_device(SerialNumber=device.serial)
    assert refused(device.iam.delete_virtual_mfa_device, SerialNumber=device.serial) == ("NoSuchEntity", 404)
    Device(device.employee, device.clock)


def test_who_has_a_device_needs_its_session_whatever_the_policy_says(
    device: Device, refused: Refused, one: Sandbox, alice: Employee, clock: Clock
) -> None:
    device.on()
    iam = alice.client("iam")
    second = {"UserName": alice.name, "SerialNumber": "arn:aws:iam::123456789012:mfa/nothing-there"}
    codes = {"AuthenticationCode1": "000000", "AuthenticationCode2": "000001"}
    with pytest.raises(Exception, match="authenticated with an MFA device"):
        iam.enable_mfa_device(**second, **codes)
    one.as_administrator("iam").put_user_policy(
        UserName=alice.name,
        PolicyName="all",
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}',
    )
    one.as_administrator("iam").remove_user_from_group(UserName=alice.name, GroupName="EC2MFA")
    with pytest.raises(Exception, match="authenticated with an MFA device"):
        iam.deactivate_mfa_device(UserName=alice.name, SerialNumber=device.serial)

    session = device.session()
    assert refused(session.delete_virtual_mfa_device, SerialNumber=device.serial) == ("DeleteConflict", 409)
    assert refused(session.enable_mfa_device, **second | {"SerialNumber": device.serial}, **codes) == (
        "EntityAlreadyExists",
        409,
    )
    session.deactivate_mfa_device(UserName=alice.name, SerialNumber=device.serial)
    assert alice.devices() == [] and alice.leftover()
    clock.move(60)
    device.enable(device.code(-1), device.code())
    assert alice.devices() == [device.serial], "with the last device gone a plain key may enroll again"


def test_somebody_elses_device(device: Device, one: Sandbox, refused: Refused, clock: Clock) -> None:
    device.on()
    bob = hire(one, "bob")
    codes = {"AuthenticationCode1": device.code(), "AuthenticationCode2": device.code(1)}
    taken = refused(bob.client("iam").enable_mfa_device, UserName=bob.name, SerialNumber=device.serial, **codes)
    assert taken == ("EntityAlreadyExists", 409)
    resync = refused(bob.client("iam").resync_mfa_device, UserName=bob.name, SerialNumber=device.serial, **codes)
    assert resync == ("NoSuchEntity", 404)
    with pytest.raises(Exception, match="unable to validate"):
        bob.client("sts").get_session_token(SerialNumber=device.serial, TokenCode=device.code())
    denied = refused(bob.client("iam").list_mfa_devices, UserName=device.employee.name)
    assert denied == ("AccessDenied", 403)


def test_resync_works_with_a_plain_key(device: Device, clock: Clock, alice: Employee) -> None:
    device.on()
    clock.move(120)
    ahead = 40
    alice.client("iam").resync_mfa_device(
        UserName=alice.name,
        SerialNumber=device.serial,
        AuthenticationCode1=device.code(ahead - 1),
        AuthenticationCode2=device.code(ahead),
    )
    clock.to_next_code()
    device.session(device.code(ahead))


def test_lists_tell_assignment(device: Device, one: Sandbox, alice: Employee) -> None:
    iam = one.as_administrator("iam")

    def serials(status: str) -> set[str]:
        pages = iam.get_paginator("list_virtual_mfa_devices").paginate(AssignmentStatus=status)
        return {entry["SerialNumber"] for page in pages for entry in page["VirtualMFADevices"]}

    assert device.serial in serials("Unassigned") and device.serial not in serials("Assigned")
    device.on()
    assert device.serial in serials("Assigned") and device.serial in serials("Any")
    (listed,) = iam.list_mfa_devices(UserName=alice.name.upper())["MFADevices"]
    assert listed["UserName"] == alice.name, "in any letter case, answered in the stored one"


def test_the_quota_of_eight(one: Sandbox, alice: Employee, clock: Clock, refused: Refused) -> None:
    iam = one.as_administrator("iam")

    def add(number: int) -> None:
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=f"{alice.name}-{number}")["VirtualMFADevice"]
        totp, now = pyotp.TOTP(made["Base32StringSeed"].decode()), int(clock.time())
        iam.enable_mfa_device(
            UserName=alice.name,
            SerialNumber=made["SerialNumber"],
            AuthenticationCode1=totp.at(now - 30),
            AuthenticationCode2=totp.at(now),
        )

    for number in range(8):
        add(number)
    assert refused(add, number=8) == ("LimitExceeded", 409)
