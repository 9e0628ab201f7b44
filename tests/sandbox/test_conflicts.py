"""What still has something is not deleted (DeleteConflict), and goes once it is rid of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.sandbox.conftest import Refused
from tests.sandbox.denials import EVERYTHING, TRUST
from tests.support.marks import PASSWORD
from tests.support.public_keys import certificate_pem, openssh
from tests.support.sandbox import Sandbox

DOCUMENT = json.dumps({"Version": "2012-10-17", "Statement": EVERYTHING})
AWS_POLICY = "arn:aws:iam::aws:policy/AdministratorAccess"
Step = Callable[[Any, str], Any]
"""(an administrator's client, name of what is deleted) -> the call"""


def a_certificate() -> str:
    return certificate_pem(datetime.now(UTC) + timedelta(days=9))


def ssh_key(iam: Any, name: str) -> None:
    key = iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"][0]["SSHPublicKeyId"]
    iam.delete_ssh_public_key(UserName=name, SSHPublicKeyId=key)


def signing_certificate(iam: Any, name: str) -> None:
    held = iam.list_signing_certificates(UserName=name)["Certificates"][0]["CertificateId"]
    iam.delete_signing_certificate(UserName=name, CertificateId=held)


def access_key(iam: Any, name: str) -> None:
    key = iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["AccessKeyId"]
    iam.delete_access_key(UserName=name, AccessKeyId=key)


OF_A_USER: dict[str, tuple[Step, Step]] = {
    "group": (
        lambda iam, name: iam.add_user_to_group(GroupName="EC2MFA", UserName=name),
        lambda iam, name: iam.remove_user_from_group(GroupName="EC2MFA", UserName=name),
    ),
    "attached": (
        lambda iam, name: iam.attach_user_policy(UserName=name, PolicyArn=AWS_POLICY),
        lambda iam, name: iam.detach_user_policy(UserName=name, PolicyArn=AWS_POLICY),
    ),
    "inline": (
        lambda iam, name: iam.put_user_policy(UserName=name, PolicyName="x", PolicyDocument=DOCUMENT),
        lambda iam, name: iam.delete_user_policy(UserName=name, PolicyName="x"),
    ),
    "password": (
        lambda iam, name: iam.create_login_profile(UserName=name, Password=PASSWORD),
        lambda iam, name: iam.delete_login_profile(UserName=name),
    ),
    "access key": (lambda iam, name: iam.create_access_key(UserName=name), access_key),
    "SSH key": (
        lambda iam, name: iam.upload_ssh_public_key(UserName=name, SSHPublicKeyBody=openssh()),
        ssh_key,
    ),
    "certificate": (
        lambda iam, name: iam.upload_signing_certificate(UserName=name, CertificateBody=a_certificate()),
        signing_certificate,
    ),
}


@pytest.mark.parametrize("what", OF_A_USER)
def test_a_user_who_has_something_left_stays(one: Sandbox, refused: Refused, what: str) -> None:
    iam, name = one.as_administrator("iam"), f"leaving-{what.replace(' ', '-')}"
    give, take = OF_A_USER[what]
    iam.create_user(UserName=name)
    give(iam, name)
    assert refused(iam.delete_user, UserName=name) == ("DeleteConflict", 409)
    take(iam, name)
    iam.delete_user(UserName=name)
    assert refused(iam.get_user, UserName=name) == ("NoSuchEntity", 404)


def test_a_group_with_members_or_policies_stays(one: Sandbox, refused: Refused) -> None:
    iam = one.as_administrator("iam")
    iam.create_group(GroupName="leaving")
    iam.create_user(UserName="leaving-member")
    iam.add_user_to_group(GroupName="leaving", UserName="leaving-member")
    assert refused(iam.delete_group, GroupName="leaving") == ("DeleteConflict", 409)
    iam.remove_user_from_group(GroupName="leaving", UserName="leaving-member")
    iam.put_group_policy(GroupName="leaving", PolicyName="x", PolicyDocument=DOCUMENT)
    assert refused(iam.delete_group, GroupName="leaving") == ("DeleteConflict", 409)
    iam.delete_group_policy(GroupName="leaving", PolicyName="x")
    iam.delete_group(GroupName="leaving")
    assert refused(iam.get_group, GroupName="leaving") == ("NoSuchEntity", 404)


def test_a_policy_in_use_or_with_versions_stays(one: Sandbox, refused: Refused) -> None:
    iam = one.as_administrator("iam")
    arn = iam.create_policy(PolicyName="leaving", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    iam.attach_group_policy(GroupName="EC2MFA", PolicyArn=arn)
    assert refused(iam.delete_policy, PolicyArn=arn) == ("DeleteConflict", 409)
    iam.detach_group_policy(GroupName="EC2MFA", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT)
    assert refused(iam.delete_policy, PolicyArn=arn) == ("DeleteConflict", 409)
    assert refused(iam.delete_policy_version, PolicyArn=arn, VersionId="v1") == ("DeleteConflict", 409)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    assert refused(iam.get_policy, PolicyArn=arn) == ("NoSuchEntity", 404)


def test_a_role_in_an_instance_profile_and_the_profile_stay(one: Sandbox, refused: Refused) -> None:
    iam = one.as_administrator("iam")
    iam.create_role(RoleName="leaving", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="leaving")
    iam.add_role_to_instance_profile(InstanceProfileName="leaving", RoleName="leaving")
    assert refused(iam.delete_role, RoleName="leaving") == ("DeleteConflict", 409)
    assert refused(iam.delete_instance_profile, InstanceProfileName="leaving") == ("DeleteConflict", 409)
    iam.remove_role_from_instance_profile(InstanceProfileName="leaving", RoleName="leaving")
    iam.delete_role(RoleName="leaving")
    iam.delete_instance_profile(InstanceProfileName="leaving")
