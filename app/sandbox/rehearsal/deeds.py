"""One function per action: the call a user would make, with valid parameters."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from app.sandbox.rehearsal.login import log_in
from app.sandbox.rehearsal.phone import Phone


def new_password() -> str:
    """Return a password that the default rules accept."""
    return f"{secrets.token_urlsafe(18)}-aA1!"


@dataclass
class Person:
    """The user who tries everything. iam: a boto3 client that signs as them, replaced once they have MFA."""

    url: str
    account_id: str
    name: str
    iam: Any
    admin: Any
    password: str = field(repr=False)
    phones: dict[str, Phone] = field(default_factory=dict)
    """By serial number."""
    made: dict[str, str] = field(default_factory=dict)
    """What they made last, by kind: id."""

    @property
    def serial_number(self) -> str:
        """Return the serial number of the device with their own name."""
        return f"arn:aws:iam::{self.account_id}:mfa/{self.name}"

    @property
    def further(self) -> str:
        """Return the serial number of a second device."""
        return f"{self.serial_number}/device-2"

    @property
    def phone(self) -> Phone:
        """Return their authenticator app."""
        return self.phones.get(self.serial_number) or Phone(pyotp.random_base32())


def create_device(person: Person, iam: Any, serial_number: str) -> None:
    """Create a virtual device. An existing one is fine."""
    path, _, name = serial_number.partition(":mfa")[2].rpartition("/")
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, Path=f"{path}/")["VirtualMFADevice"]
    person.phones[serial_number] = Phone(made["Base32StringSeed"].decode())


def enable_device(person: Person, iam: Any, serial_number: str) -> None:
    """Enable it with two codes."""
    phone = person.phones.get(serial_number) or Phone(pyotp.random_base32())
    phone.give_pair(
        lambda first, second: iam.enable_mfa_device(
            UserName=person.name,
            SerialNumber=serial_number,
            AuthenticationCode1=first,
            AuthenticationCode2=second,
        )
    )


def _restart(person: Person) -> None:
    """Start to enroll without finishing, so that the device is in the way of the next try."""
    with suppress(ClientError):
        create_device(person, person.iam, person.serial_number)
    person.iam.delete_virtual_mfa_device(SerialNumber=person.serial_number)


def _resync(person: Person) -> None:
    person.phone.give_pair(
        lambda first, second: person.iam.resync_mfa_device(
            UserName=person.name,
            SerialNumber=person.serial_number,
            AuthenticationCode1=first,
            AuthenticationCode2=second,
        )
    )


def _sign_in(person: Person) -> None:
    typed = {"account": person.account_id, "user_name": person.name, "password": person.password}
    log_in(person.url, typed, person.phone.code)


def _change_password(person: Person) -> None:
    new = new_password()
    person.iam.change_password(OldPassword=person.password, NewPassword=new)
    person.password = new


def _update_login_profile(person: Person) -> None:
    new = new_password()
    person.iam.update_login_profile(UserName=person.name, Password=new)
    person.password = new


def _delete_login_profile(person: Person) -> None:
    person.iam.delete_login_profile(UserName=person.name)
    person.admin.create_login_profile(UserName=person.name, Password=person.password)


def _create_access_key(person: Person) -> None:
    person.made["key"] = person.iam.create_access_key(UserName=person.name)["AccessKey"]["AccessKeyId"]


def _upload_ssh_key(person: Person) -> None:
    public = rsa.generate_private_key(65537, 2048).public_key()
    body = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    uploaded = person.iam.upload_ssh_public_key(UserName=person.name, SSHPublicKeyBody=body)
    person.made["ssh"] = uploaded["SSHPublicKey"]["SSHPublicKeyId"]


def _upload_certificate(person: Person) -> None:
    key, now = rsa.generate_private_key(65537, 2048), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, person.name)])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1), now + timedelta(days=1)
    )
    body = builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()
    uploaded = person.iam.upload_signing_certificate(UserName=person.name, CertificateBody=body)
    person.made["certificate"] = uploaded["Certificate"]["CertificateId"]


def _key(person: Person) -> str:
    return person.made.get("key", "AKIA0000000000000000")


def _ssh(person: Person) -> str:
    return person.made.get("ssh", "APKA0000000000000000")


def _certificate(person: Person) -> str:
    return person.made.get("certificate", "A" * 32)


Deed = Callable[[Person], object]
DEEDS: dict[str, Deed] = {
    "signin:AuthorizeOAuth2Access": _sign_in,
    "signin:CreateOAuth2Token": lambda _: None,  # part of signing in
    "iam:ListMFADevices": lambda p: p.iam.list_mfa_devices(UserName=p.name),
    "iam:CreateVirtualMFADevice": lambda p: create_device(p, p.iam, p.serial_number),
    "iam:EnableMFADevice": lambda p: enable_device(p, p.iam, p.serial_number),
    "iam:ResyncMFADevice": _resync,
    "iam:DeactivateMFADevice": lambda p: p.iam.deactivate_mfa_device(UserName=p.name, SerialNumber=p.serial_number),
    "iam:DeleteVirtualMFADevice": lambda p: p.iam.delete_virtual_mfa_device(SerialNumber=p.serial_number),
    "iam:ListVirtualMFADevices": lambda p: p.iam.list_virtual_mfa_devices(),
    "iam:ChangePassword": _change_password,
    "iam:GetAccountPasswordPolicy": lambda p: p.iam.get_account_password_policy(),
    "iam:ListAccountAliases": lambda p: p.iam.list_account_aliases(),
    "iam:ListUsers": lambda p: p.iam.list_users(),
    "iam:GetAccountSummary": lambda p: p.iam.get_account_summary(),
    "iam:GetLoginProfile": lambda p: p.iam.get_login_profile(UserName=p.name),
    "iam:CreateLoginProfile": lambda p: p.iam.create_login_profile(UserName=p.name, Password=new_password()),
    "iam:UpdateLoginProfile": _update_login_profile,
    "iam:DeleteLoginProfile": _delete_login_profile,
    "iam:ListAccessKeys": lambda p: p.iam.list_access_keys(UserName=p.name),
    "iam:CreateAccessKey": _create_access_key,
    "iam:UpdateAccessKey": lambda p: p.iam.update_access_key(UserName=p.name, AccessKeyId=_key(p), Status="Inactive"),
    "iam:DeleteAccessKey": lambda p: p.iam.delete_access_key(UserName=p.name, AccessKeyId=_key(p)),
    "iam:ListSSHPublicKeys": lambda p: p.iam.list_ssh_public_keys(UserName=p.name),
    "iam:UploadSSHPublicKey": _upload_ssh_key,
    "iam:GetSSHPublicKey": lambda p: p.iam.get_ssh_public_key(
        UserName=p.name, SSHPublicKeyId=_ssh(p), Encoding="SSH"
    ),
    "iam:UpdateSSHPublicKey": lambda p: p.iam.update_ssh_public_key(
        UserName=p.name, SSHPublicKeyId=_ssh(p), Status="Inactive"
    ),
    "iam:DeleteSSHPublicKey": lambda p: p.iam.delete_ssh_public_key(UserName=p.name, SSHPublicKeyId=_ssh(p)),
    "iam:ListSigningCertificates": lambda p: p.iam.list_signing_certificates(UserName=p.name),
    "iam:UploadSigningCertificate": _upload_certificate,
    "iam:UpdateSigningCertificate": lambda p: p.iam.update_signing_certificate(
        UserName=p.name, CertificateId=_certificate(p), Status="Inactive"
    ),
    "iam:DeleteSigningCertificate": lambda p: p.iam.delete_signing_certificate(
        UserName=p.name, CertificateId=_certificate(p)
    ),
}
"""What the portal may call, in the order in which a feature needs it."""

INSTEAD: dict[tuple[str, str], Deed] = {
    # The portal asks this of a device that there is not: the answer shows whether a session has MFA.
    ("aws-sign-in", "iam:DeactivateMFADevice"): lambda p: p.iam.deactivate_mfa_device(
        UserName=p.name, SerialNumber=f"{p.serial_number}-none"
    ),
    ("restart-enrollment", "iam:DeleteVirtualMFADevice"): _restart,
    ("further-device", "iam:CreateVirtualMFADevice"): lambda p: create_device(p, p.iam, p.further),
    ("further-device", "iam:EnableMFADevice"): lambda p: enable_device(p, p.iam, p.further),
}
"""Where a feature does it otherwise: (code of the feature, action)."""
