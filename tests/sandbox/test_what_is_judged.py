"""A call is judged on the keys and the resources AWS judges it on: someone who may do all but one thing tries it."""

from __future__ import annotations

import pytest

from tests.sandbox.conftest import Refused
from tests.sandbox.denials import (
    DENIED,
    EVERYTHING,
    IAM,
    METADATA,
    NARROW,
    RED,
    SPECIFIED,
    TAGS,
    TRUST,
    denies,
    under,
)
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="module")
def office(one: Sandbox) -> dict[str, str]:
    """What there is in the account: names by kind."""
    iam = one.as_administrator("iam")
    iam.create_user(UserName="office-dora", Tags=TAGS)
    iam.create_user(UserName="office-plain")
    iam.create_role(RoleName="office-role", AssumeRolePolicyDocument=TRUST, Tags=TAGS)
    iam.create_instance_profile(InstanceProfileName="office-profile", Tags=TAGS)
    iam.create_instance_profile(InstanceProfileName="office-full")
    iam.add_role_to_instance_profile(InstanceProfileName="office-full", RoleName="office-role")
    iam.create_group(GroupName="office-group")
    boundary = iam.create_policy(PolicyName="office-boundary", PolicyDocument=NARROW, Tags=TAGS)["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="office-plain", PermissionsBoundary=boundary)
    saml = iam.create_saml_provider(Name="office-saml", SAMLMetadataDocument=METADATA, Tags=TAGS)["SAMLProviderArn"]
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="office-device", Tags=TAGS)["VirtualMFADevice"]
    return {"boundary": boundary, "saml": saml, "device": device["SerialNumber"]}


@pytest.fixture(scope="module")
def eve(one: Sandbox) -> Employee:
    return hire(one, "eve", group=None)


@pytest.mark.parametrize("what", DENIED)
def test_a_deny_reaches_what_aws_judges(
    one: Sandbox, office: dict[str, str], eve: Employee, refused: Refused, what: str
) -> None:
    service, deny, do = DENIED[what]
    under(eve, EVERYTHING, deny)
    code, status = refused(lambda **_: do(eve.client(service), office))
    assert (code, status) == ("UnauthorizedOperation" if service == "ec2" else "AccessDenied", 403)
    entry = one.calls()[-1]
    assert entry["decision"] == "ExplicitlyDenied" and entry["not_evaluated"] == []


def test_what_stays_outside_a_deny_works_and_takes_effect(
    one: Sandbox, office: dict[str, str], eve: Employee, refused: Refused
) -> None:
    iam = eve.client("iam")
    under(eve, EVERYTHING, denies("iam:*", **RED), denies("iam:PassRole", f"{IAM}:role/other"))
    iam.create_user(UserName="office-new", Tags=[{"Key": "Team", "Value": "blue"}])
    assert iam.get_user(UserName="office-new")["User"]["Tags"] == [{"Key": "Team", "Value": "blue"}]
    iam.update_user(UserName="office-new", NewUserName="office-newer", NewPath="/eng/")
    moved = iam.get_user(UserName="office-newer")["User"]
    assert moved["Arn"] == f"{IAM}:user/eng/office-newer" and moved["Tags"][0]["Value"] == "blue"
    assert refused(iam.get_user, UserName="office-new") == ("NoSuchEntity", 404)
    iam.update_group(GroupName="office-group", NewPath="/eng/")
    assert iam.get_group(GroupName="office-group")["Group"]["Path"] == "/eng/"
    eve.client("s3").list_objects_v2(Bucket="payroll", Prefix="open/")
    iam.delete_user(UserName="office-newer")
    under(eve, EVERYTHING, denies(["iam:PassRole", "ec2:CreateTags"]))
    later = {"IamInstanceProfile": {"Name": "office-full"}, "TagSpecifications": SPECIFIED}
    eve.client("ec2").create_launch_template(LaunchTemplateName="later", LaunchTemplateData=later)


def test_the_tags_of_a_person_count(one: Sandbox, eve: Employee, refused: Refused) -> None:
    own = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}
    under(eve, {**own, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}})
    assert refused(eve.client("iam").list_users) == ("AccessDenied", 403)
    one.as_administrator("iam").tag_user(UserName=eve.name, Tags=TAGS)
    assert eve.client("iam").list_users()["Users"]
    one.as_administrator("iam").untag_user(UserName=eve.name, TagKeys=["team"])


def test_a_boundary_limits_what_policies_allow(
    one: Sandbox, office: dict[str, str], eve: Employee, refused: Refused
) -> None:
    under(eve, EVERYTHING)
    admin = one.as_administrator("iam")
    admin.put_user_permissions_boundary(UserName=eve.name, PermissionsBoundary=office["boundary"])
    assert eve.client("iam").list_users()["Users"]
    assert refused(eve.client("iam").list_groups) == ("AccessDenied", 403)
    assert refused(admin.delete_policy, PolicyArn=office["boundary"]) == ("DeleteConflict", 409)
    admin.delete_user_permissions_boundary(UserName=eve.name)
    assert "Groups" in eve.client("iam").list_groups()


def test_someone_with_a_new_name_goes_on_where_they_were(one: Sandbox) -> None:
    who = hire(one, "renamed", group=None)
    under(who, EVERYTHING)
    admin = one.as_administrator("iam")
    admin.create_group(GroupName=f"{who.name}-group")
    admin.add_user_to_group(GroupName=f"{who.name}-group", UserName=who.name)
    admin.update_user(UserName=who.name, NewUserName=f"{who.name}-too")
    listed = who.client("iam").list_access_keys(UserName=f"{who.name}-too")["AccessKeyMetadata"]
    assert [key["AccessKeyId"] for key in listed] == [who.access_key_id]
    assert who.client("sts").get_caller_identity()["Arn"].endswith(f"user/{who.name}-too")
    groups = admin.list_groups_for_user(UserName=f"{who.name}-too")["Groups"]
    assert [group["GroupName"] for group in groups] == [f"{who.name}-group"]


def test_who_names_nobody_is_judged_as_at_aws(one: Sandbox, refused: Refused) -> None:
    who = hire(one, "nameless", group=None)
    own = {"Effect": "Allow", "Action": ["iam:ListMFADevices", "iam:GetUser"], "Resource": f"{IAM}:user/{who.name}"}
    under(who, own)
    iam = who.client("iam")
    assert refused(iam.list_mfa_devices) == ("AccessDenied", 403)
    assert one.calls()[-1]["resource"] == "*"
    assert iam.list_mfa_devices(UserName=who.name)["MFADevices"] == []
    assert iam.get_user()["User"]["UserName"] == who.name
