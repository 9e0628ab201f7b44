"""Passwords, keys, certificates, quotas and lists, as AWS answers them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from tests.sandbox.conftest import Refused
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox

GOOD, BETTER = "Correct-Horse-1", "Battery-Staple-2"


@pytest.fixture
def admin(one: Sandbox) -> Any:
    return one.as_administrator("iam")


@pytest.fixture
def with_password(admin: Any, alice: Employee) -> Employee:
    admin.create_login_profile(UserName=alice.name, Password=GOOD, PasswordResetRequired=True)
    return alice


def test_changing_ones_password(with_password: Employee, admin: Any, refused: Refused) -> None:
    name, change = with_password.name, with_password.client("iam").change_password
    assert refused(change, OldPassword="wrong", NewPassword=BETTER) == ("AccessDenied", 403)
    assert refused(change, OldPassword=GOOD, NewPassword=GOOD) == ("AccessDenied", 403)
    assert refused(change, OldPassword=GOOD, NewPassword="short") == ("PasswordPolicyViolation", 400)
    assert refused(change, OldPassword=GOOD, NewPassword="alllowercase") == ("PasswordPolicyViolation", 400)
    assert admin.get_login_profile(UserName=name)["LoginProfile"]["PasswordResetRequired"] is True
    change(OldPassword=GOOD, NewPassword=BETTER)
    assert admin.get_login_profile(UserName=name)["LoginProfile"]["PasswordResetRequired"] is False
    assert refused(change, OldPassword=GOOD, NewPassword="Third-Password-3") == ("AccessDenied", 403)


def test_a_user_without_a_password(alice: Employee, admin: Any, refused: Refused) -> None:
    change = alice.client("iam").change_password
    assert refused(change, OldPassword=GOOD, NewPassword=BETTER) == ("NoSuchEntity", 404)
    assert refused(admin.get_login_profile, UserName=alice.name) == ("NoSuchEntity", 404)
    assert refused(admin.update_login_profile, UserName=alice.name, Password=GOOD) == ("NoSuchEntity", 404)
    admin.create_login_profile(UserName=alice.name, Password=GOOD)
    assert refused(admin.create_login_profile, UserName=alice.name, Password=GOOD) == ("EntityAlreadyExists", 409)
    admin.update_login_profile(UserName=alice.name, Password=BETTER)
    change(OldPassword=BETTER, NewPassword="Third-Password-3")
    admin.delete_login_profile(UserName=alice.name)
    assert refused(admin.get_login_profile, UserName=alice.name) == ("NoSuchEntity", 404)


def test_the_accounts_policy_and_its_flag(scratch: Any, clock: Clock, refused: Refused) -> None:
    with Sandbox(scratch / "passwords", clock, "--policy", "tutorial") as aws:
        admin = aws.as_administrator("iam")
        alice = hire(aws, "alice")
        plain = hire(aws, "plain", group=None)
        for user in (alice, plain):
            admin.create_login_profile(UserName=user.name, Password=GOOD)
        read = alice.client("iam").get_account_password_policy
        assert refused(read) == ("AccessDenied", 403), "the tutorial's resource grants nothing"
        assert refused(admin.get_account_password_policy) == ("NoSuchEntity", 404)
        assert refused(plain.client("iam").change_password, OldPassword=GOOD, NewPassword=BETTER)[0] == "AccessDenied"

        admin.update_account_password_policy(
            MinimumPasswordLength=14,
            RequireSymbols=True,
            AllowUsersToChangePassword=True,
            PasswordReusePrevention=3,
        )
        policy = read()["PasswordPolicy"]
        assert (policy["MinimumPasswordLength"], policy["RequireSymbols"], policy["ExpirePasswords"]) == (
            14,
            True,
            False,
        )
        assert "MaxPasswordAge" not in policy
        change = plain.client("iam").change_password
        assert refused(change, OldPassword=GOOD, NewPassword="Too-Short-1")[0] == "PasswordPolicyViolation"
        assert refused(change, OldPassword=GOOD, NewPassword="NoSymbolsInHere1")[0] == "PasswordPolicyViolation"
        change(OldPassword=GOOD, NewPassword=BETTER)
        assert refused(change, OldPassword=BETTER, NewPassword=GOOD)[0] == "PasswordPolicyViolation", "reuse"


def test_two_access_keys_inactive_ones_count(alice: Employee, admin: Any, refused: Refused) -> None:
    second = admin.create_access_key(UserName=alice.name)["AccessKey"]
    assert second["AccessKeyId"].startswith("AKIA") and len(second["SecretAccessKey"]) == 40
    change = {"UserName": alice.name, "AccessKeyId": second["AccessKeyId"]}
    admin.update_access_key(**change, Status="Inactive")
    assert refused(admin.create_access_key, UserName=alice.name) == ("LimitExceeded", 409)
    assert refused(admin.update_access_key, **change, Status="Expired") == ("InvalidInput", 400)
    listed = admin.list_access_keys(UserName=alice.name)["AccessKeyMetadata"]
    assert [key["Status"] for key in listed] == ["Active", "Inactive"]
    assert "SecretAccessKey" not in str(listed)
    admin.delete_access_key(**change)
    assert refused(admin.delete_access_key, **change) == ("NoSuchEntity", 404)


def ssh(bits: int = 2048, comment: str = "") -> tuple[str, str]:
    """The same key in OpenSSH and PEM form."""
    key = rsa.generate_private_key(65537, bits).public_key()
    line = key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return f"{line} {comment}".strip(), key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_ssh_keys(alice: Employee, admin: Any, refused: Refused, one: Sandbox) -> None:
    line, pem = ssh(comment="alice@laptop")

    def upload(body: str, user: str = alice.name) -> dict[str, Any]:
        return dict(admin.upload_ssh_public_key(UserName=user, SSHPublicKeyBody=body)["SSHPublicKey"])

    made = upload(line)
    assert made["SSHPublicKeyId"].startswith("APKA") and made["SSHPublicKeyBody"] == line
    assert len(made["Fingerprint"].split(":")) == 16
    assert refused(upload, body=pem) == ("DuplicateSSHPublicKey", 400)
    upload(pem, hire(one, "bob").name)
    get = {"UserName": alice.name, "SSHPublicKeyId": made["SSHPublicKeyId"]}
    as_ssh = admin.get_ssh_public_key(**get, Encoding="SSH")["SSHPublicKey"]["SSHPublicKeyBody"]
    assert as_ssh == line.removesuffix(" alice@laptop")
    assert admin.get_ssh_public_key(**get, Encoding="PEM")["SSHPublicKey"]["SSHPublicKeyBody"] == pem
    assert refused(admin.get_ssh_public_key, **get, Encoding="ssh") == ("ValidationError", 400)

    odd = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    assert refused(upload, body=odd.decode()) == ("UnrecognizedPublicKeyEncoding", 400)
    assert refused(upload, body="garbage") == ("UnrecognizedPublicKeyEncoding", 400)
    assert refused(upload, body=ssh(1024)[0]) == ("InvalidPublicKey", 400)
    for _ in range(4):
        upload(ssh()[0])
    assert refused(upload, body=ssh()[0]) == ("LimitExceeded", 409)
    listed = admin.list_ssh_public_keys(UserName=alice.name)["SSHPublicKeys"]
    assert len(listed) == 5 and "SSHPublicKeyBody" not in listed[0]
    admin.update_ssh_public_key(**get, Status="Inactive")
    admin.delete_ssh_public_key(**get)
    assert refused(admin.delete_ssh_public_key, **get) == ("NoSuchEntity", 404)


def certificate(clock: Clock, days: int = 30) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "alice")])
    end = datetime.fromtimestamp(clock.time(), UTC) + timedelta(days=days)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=365))
        .not_valid_after(end)
    )
    return built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def test_signing_certificates(alice: Employee, admin: Any, refused: Refused, one: Sandbox, clock: Clock) -> None:
    body = certificate(clock)

    def upload(body: str, user: str = alice.name) -> dict[str, Any]:
        return dict(admin.upload_signing_certificate(UserName=user, CertificateBody=body)["Certificate"])

    made = upload(body)
    assert len(made["CertificateId"]) == 32
    change = {"UserName": alice.name, "CertificateId": made["CertificateId"]}
    admin.update_signing_certificate(**change, Status="Inactive")
    assert upload(body)["Status"] == "Active", "the answer says so (observed)"
    (listed,) = admin.list_signing_certificates(UserName=alice.name)["Certificates"]
    assert listed["Status"] == "Inactive" and listed["CertificateBody"].strip() == body.strip()
    assert refused(upload, body=body, user=hire(one, "bob").name) == ("DuplicateCertificate", 409)
    assert refused(upload, body="garbage") == ("MalformedCertificate", 400)
    assert refused(upload, body=certificate(clock, days=-1)) == ("MalformedCertificate", 400)
    upload(certificate(clock))
    assert refused(upload, body=certificate(clock)) == ("LimitExceeded", 409)
    admin.delete_signing_certificate(**change)
    assert refused(admin.delete_signing_certificate, **change) == ("NoSuchEntity", 404)


def test_every_list_is_cut_into_pages(scratch: Any, clock: Clock, refused: Refused) -> None:
    with Sandbox(scratch / "many", clock, "--users", "230") as aws:
        iam = aws.as_administrator("iam")
        first = iam.list_users()
        assert len(first["Users"]) == 100 and first["IsTruncated"]
        names = [user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]]
        assert len(names) == len(set(names)) == 235
        assert sum("PasswordLastUsed" in user for user in iam.list_users(MaxItems=1000)["Users"]) > 100
        pages = list(iam.get_paginator("list_virtual_mfa_devices").paginate(PaginationConfig={"PageSize": 50}))
        devices = [device["SerialNumber"] for page in pages for device in page["VirtualMFADevices"]]
        assert len(pages) > 2 and len(devices) == len(set(devices))
        members = iam.get_group(GroupName="EC2MFA", MaxItems=10)
        assert len(members["Users"]) == 10 and members["IsTruncated"]
        for number in range(3):
            iam.create_policy(
                PolicyName=f"p{number}",
                PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
            )
        assert len(iam.list_policies(Scope="Local", MaxItems=2)["Policies"]) == 2
        assert refused(iam.list_users, MaxItems=1001) == ("ValidationError", 400)
        assert refused(iam.list_users, Marker="nonsense") == ("ValidationError", 400)
        summary = iam.get_account_summary()["SummaryMap"]
        assert summary["Users"] == 235 and summary["MFADevicesInUse"] == len(devices) + 6  # security keys


def test_names_are_one_name_in_any_letter_case(admin: Any, alice: Employee, refused: Refused) -> None:
    assert refused(admin.create_user, UserName=alice.name.upper()) == ("EntityAlreadyExists", 409)
    assert admin.get_user(UserName=alice.name.upper())["User"]["UserName"] == alice.name
    own = alice.client("iam").list_mfa_devices(UserName=alice.name.upper())
    assert own["MFADevices"] == [], "judged on the stored spelling"
    assert refused(admin.create_user, UserName="x" * 65) == ("ValidationError", 400)
    assert refused(admin.list_access_keys, UserName="nobody") == ("NoSuchEntity", 404)
