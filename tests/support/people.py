"""People of the stories: an IAM user with a key, and a phone that shows codes."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyotp

from tests.support.clock import Clock
from tests.support.marks import PASSWORD
from tests.support.sandbox import Sandbox

_number = itertools.count(1)


class Phone:
    """An authenticator app with one entry."""

    def __init__(self, clock: Clock, otpauth_uri: str, slow_s: float = 0) -> None:
        parts = urlsplit(otpauth_uri)
        self.label = parts.path.lstrip("/")
        self.seed = parse_qs(parts.query)["secret"][0]
        self.slow_s = slow_s
        self.latest = ""
        """What `next` gave last: once that was typed, a used code, whatever the phone shows by now."""
        self._clock = clock
        self._totp = pyotp.TOTP(self.seed)

    def shows(self) -> str:
        """The code on the screen now."""
        return self._totp.at(int(self._clock.time() - self.slow_s))

    def never_shows(self) -> str:
        """A code that no step of a whole day around now has: AWS looks far for a pair."""
        around = {self._totp.at(int(self._clock.time()), counter_offset=step) for step in range(-1440, 1440)}
        return next(code for code in map("{:06d}".format, range(1_000_000)) if code not in around)

    def next(self) -> str:
        """Wait for the next code."""
        self._clock.to_next_code()
        self.latest = self.shows()
        return self.latest


@dataclass
class Employee:
    """An IAM user of the sandbox, made for one story."""

    sandbox: Sandbox
    name: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    path: str = "/"
    password: str = field(default="", repr=False)
    """Console password, for those who have one; then they have no key."""

    @property
    def serial_number(self) -> str:
        """Of the virtual device the portal makes."""
        return f"arn:aws:iam::{self.sandbox.account_id}:mfa/{self.name}"

    def client(self, service: str) -> Any:
        """Acts with the plain key."""
        return self.sandbox.client(
            service, aws_access_key_id=self.access_key_id, aws_secret_access_key=self.secret_access_key
        )

    def with_code(self, service: str, code: str) -> Any:
        """Acts with an MFA session of the device the portal made."""
        answer = self.client("sts").get_session_token(SerialNumber=self.serial_number, TokenCode=code)
        return self.sandbox.session_client(service, answer["Credentials"])

    def devices(self) -> list[str]:
        """Serial numbers assigned to the user, as AWS has them."""
        listed = self.sandbox.as_administrator("iam").list_mfa_devices(UserName=self.name)
        return [device["SerialNumber"] for device in listed["MFADevices"]]

    def given_device(self, clock: Clock, serial_name: str, path: str = "/") -> Phone:
        """A further virtual device, which an administrator made and enabled for them; its phone."""
        iam = self.sandbox.as_administrator("iam")
        made = iam.create_virtual_mfa_device(VirtualMFADeviceName=serial_name, Path=path)["VirtualMFADevice"]
        seed = made["Base32StringSeed"].decode()
        phone = Phone(clock, f"otpauth://totp/{serial_name}?secret={seed}")
        first = phone.next()
        iam.enable_mfa_device(
            UserName=self.name,
            SerialNumber=made["SerialNumber"],
            AuthenticationCode1=first,
            AuthenticationCode2=phone.next(),
        )
        return phone

    def unassigned(self) -> list[str]:
        """Unassigned devices that bear the user's name."""
        pages = self.sandbox.as_administrator("iam").get_paginator("list_virtual_mfa_devices")
        found = [
            d["SerialNumber"] for p in pages.paginate(AssignmentStatus="Unassigned") for d in p["VirtualMFADevices"]
        ]
        return [each for each in found if each == self.serial_number or each.startswith(f"{self.serial_number}/")]

    def denied(self, *actions: str) -> None:
        """From now on a policy of their own denies them these, whatever else allows them."""
        statement = {"Effect": "Deny", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        self.sandbox.as_administrator("iam").put_user_policy(
            UserName=self.name, PolicyName="denied", PolicyDocument=document
        )

    def no_longer_denied(self) -> None:
        """As before."""
        self.sandbox.as_administrator("iam").delete_user_policy(UserName=self.name, PolicyName="denied")

    def leftover(self) -> bool:
        """Is there an unassigned device of the user's name?"""
        return self.serial_number in self.unassigned()


def hire_without_key(sandbox: Sandbox, name: str, path: str = "/", group: str | None = "EC2MFA") -> Employee:
    """As the tutorial hires MFAUser: a console password and no access key."""
    iam = sandbox.as_administrator("iam")
    name = f"{name}-{next(_number)}"
    iam.create_user(UserName=name, Path=path)
    if group:
        iam.add_user_to_group(GroupName=group, UserName=name)
    iam.create_login_profile(UserName=name, Password=PASSWORD)
    return Employee(sandbox, name, "", "", path, PASSWORD)


def hire(sandbox: Sandbox, name: str, path: str = "/", group: str | None = "EC2MFA") -> Employee:
    """A new IAM user with an access key in the tutorial's group; the name gets a number of its own."""
    iam = sandbox.as_administrator("iam")
    name = f"{name}-{next(_number)}"
    iam.create_user(UserName=name, Path=path)
    if group:
        iam.add_user_to_group(GroupName=group, UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return Employee(sandbox, name, key["AccessKeyId"], key["SecretAccessKey"], path)
