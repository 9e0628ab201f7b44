"""The stage for a change: who acts, how AWS is made ready for it, and what AWS then has."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from tests.faults.people import with_device
from tests.support.clock import Clock
from tests.support.marks import BETTER_PASSWORD, PASSWORD
from tests.support.people import Employee
from tests.support.public_keys import certificate_pem, openssh
from tests.support.visitor import Visitor


@dataclass
class Scene:
    """Who acts, and the administrator's hands behind the stage."""

    who: Employee
    page: Visitor
    clock: Clock
    seed: str = ""
    """Of their own device, for those who have one."""
    fast_s: int = 0
    """How far that device's clock is ahead; AWS takes codes a minute around what it last learnt of it."""

    @property
    def iam(self) -> Any:
        return self.who.sandbox.as_administrator("iam")

    def codes(self, seed: str = "") -> dict[str, str]:
        """Two in a row that are new."""
        self.clock.move(60)
        show, steps = self.who.sandbox.code, self.fast_s // 30
        return {"first_code": show(seed or self.seed, steps), "second_code": show(seed or self.seed, steps + 1)}


# -- devices


def no_devices(scene: Scene) -> None:
    """An administrator takes them away."""
    for serial in scene.who.devices():
        scene.iam.deactivate_mfa_device(UserName=scene.who.name, SerialNumber=serial)
    for serial in scene.who.unassigned():
        scene.iam.delete_virtual_mfa_device(SerialNumber=serial)


def without_devices(scene: Scene) -> None:
    """As before the first enrollment."""
    no_devices(scene)
    page = scene.page.open("/mfa/enroll")  # then the session has no unfinished enrollment
    if page.has("/mfa/enroll/cancel"):
        page.submit("/mfa/enroll/cancel")


def enrolling(scene: Scene) -> None:
    """The QR code is on the screen."""
    without_devices(scene)
    scene.page.open("/mfa/enroll").submit("/mfa/enroll/begin")
    assert scene.page.seed(), scene.page.text


def out_of_step(scene: Scene) -> None:
    """The device's clock has run five minutes further ahead."""
    scene.fast_s += 300


def in_step(scene: Scene) -> bool:
    """Does AWS take its codes?"""
    scene.clock.move(60)  # a new code, and time for STS to have heard of a resync
    code = scene.who.sandbox.code(scene.seed, scene.fast_s // 30)
    try:
        scene.who.with_code("sts", code)
    except ClientError as refusal:
        assert "invalid MFA one time pass code" in refusal.response["Error"]["Message"]
        return False
    return True


def token(scene: Scene) -> tuple[str, str]:
    """Number and seed of a hardware token the account has."""
    number, seed = min(scene.who.sandbox.facts["hardware_tokens"].items())
    return str(number), str(seed)


def without_token(scene: Scene) -> None:
    """It is nobody's, and they have no device."""
    no_devices(scene)
    scene.page.open("/mfa/hardware")
    assert scene.page.has("/mfa/hardware"), scene.page.text


def token_typed(scene: Scene) -> dict[str, str]:
    number, seed = token(scene)
    return {"serial_number": number, **scene.codes(seed)}


def second_device(scene: Scene) -> str:
    return f"{scene.who.serial_number}-2"


def with_two_devices(scene: Scene) -> None:
    serial = second_device(scene)
    with suppress(ClientError):
        scene.iam.deactivate_mfa_device(UserName=scene.who.name, SerialNumber=serial)
    with suppress(ClientError):
        scene.iam.delete_virtual_mfa_device(SerialNumber=serial)
    with_device(scene.who.sandbox, scene.who, f"{scene.who.name}-2")


# -- keys and certificates


def key_ids(scene: Scene) -> dict[str, str]:
    listed = scene.iam.list_access_keys(UserName=scene.who.name)["AccessKeyMetadata"]
    return {key["AccessKeyId"]: key["Status"] for key in listed if key["AccessKeyId"] != scene.who.access_key_id}


def no_other_key(scene: Scene) -> None:
    scene.clock.move(31)  # a key that vanished is believed gone only then
    for key_id in key_ids(scene):
        scene.iam.delete_access_key(UserName=scene.who.name, AccessKeyId=key_id)


def one_other_key(scene: Scene) -> None:
    no_other_key(scene)
    scene.iam.create_access_key(UserName=scene.who.name)


def other_key(scene: Scene) -> str:
    return next(iter(key_ids(scene)))


def ssh_keys(scene: Scene) -> dict[str, str]:
    listed = scene.iam.list_ssh_public_keys(UserName=scene.who.name)["SSHPublicKeys"]
    return {key["SSHPublicKeyId"]: key["Status"] for key in listed}


def no_ssh_key(scene: Scene) -> None:
    for key_id in ssh_keys(scene):
        scene.iam.delete_ssh_public_key(UserName=scene.who.name, SSHPublicKeyId=key_id)


def one_ssh_key(scene: Scene) -> None:
    no_ssh_key(scene)
    scene.iam.upload_ssh_public_key(UserName=scene.who.name, SSHPublicKeyBody=openssh())


def certificates(scene: Scene) -> dict[str, str]:
    listed = scene.iam.list_signing_certificates(UserName=scene.who.name)["Certificates"]
    return {each["CertificateId"]: each["Status"] for each in listed}


def no_certificate(scene: Scene) -> None:
    for each in certificates(scene):
        scene.iam.delete_signing_certificate(UserName=scene.who.name, CertificateId=each)


def new_certificate(scene: Scene) -> str:
    return certificate_pem(datetime.fromtimestamp(int(scene.clock.time()), UTC) + timedelta(days=100))


def one_certificate(scene: Scene) -> None:
    no_certificate(scene)
    scene.iam.upload_signing_certificate(UserName=scene.who.name, CertificateBody=new_certificate(scene))


# -- the password


def opens(scene: Scene, password: str) -> bool:
    """Is this the console password? AWS looks at it first, and then refuses a new one of one letter."""
    try:
        scene.who.client("iam").change_password(OldPassword=password, NewPassword="x")
    except ClientError as refusal:
        return refusal.response["Error"]["Code"] == "PasswordPolicyViolation"
    raise AssertionError("AWS took a password of one letter")


def password(scene: Scene) -> bool:
    try:
        scene.iam.get_login_profile(UserName=scene.who.name)
    except ClientError:
        return False
    return True


def no_password(scene: Scene) -> None:
    if password(scene):
        scene.iam.delete_login_profile(UserName=scene.who.name)


def with_password(scene: Scene) -> None:
    no_password(scene)
    scene.iam.create_login_profile(UserName=scene.who.name, Password=PASSWORD)


def new_password(scene: Scene) -> dict[str, str]:
    return {"new": BETTER_PASSWORD, "again": BETTER_PASSWORD}
