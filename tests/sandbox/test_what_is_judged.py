"""A call is judged on the keys and the resources AWS judges it on: someone who may do all but one thing tries it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest

from app.policy.reference.actions import arn_patterns, resource_types
from app.policy.reference.listed_resources import LISTED_UNDER
from app.sandbox.api import Caller
from app.sandbox.auth.permission_requests import of_an_iam_call
from app.sandbox.auth.resources import WITHOUT_A_NAME
from app.sandbox.state import World
from tests.sandbox.conftest import Refused
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
IAM = "arn:aws:iam::123456789012"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)
NARROW = json.dumps(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}}
)
TAGS = [{"Key": "team", "Value": "red"}]
SPECIFIED = [{"ResourceType": "instance", "Tags": TAGS}]
METADATA = (
    '<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example">'
    + "<!-- long enough for IAM -->" * 40
    + "</EntityDescriptor>"
)


def under(who: Employee, *statements: dict[str, Any]) -> None:
    """Nothing but these statements is their policy."""
    who.sandbox.as_administrator("iam").put_user_policy(
        UserName=who.name,
        PolicyName="only",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )


def denies(actions: str | list[str], resource: str = "*", /, **condition: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": "Deny", "Action": actions, "Resource": resource}
    return {**made, "Condition": condition} if condition else made


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


RED = {"StringEquals": {"aws:ResourceTag/team": "red"}}
ADMIN = {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}}
KEYS = {"ForAnyValue:StringEquals": {"aws:TagKeys": "team"}}
ASKED = {"StringEquals": {"aws:RequestTag/team": "red"}}
Do = Callable[[Any, dict[str, str]], Any]
"""(their client, the office) -> the call"""

DENIED: dict[str, tuple[str, dict[str, Any], Do]] = {
    "a direct call is not made via a service": (
        "iam",
        denies("iam:ListUsers", Bool={"aws:ViaAWSService": "false"}),
        lambda iam, _: iam.list_users(),
    ),
    "nor by a service, and over TLS": (
        "iam",
        denies("*", Bool={"aws:PrincipalIsAWSService": "false", "aws:SecureTransport": "true"}),
        lambda iam, _: iam.list_users(),
    ),
    "a policy that is attached is named": (
        "iam",
        denies("iam:AttachUserPolicy", **ADMIN),
        lambda iam, _: iam.attach_user_policy(UserName="office-dora", PolicyArn=ADMIN["ArnEquals"]["iam:PolicyARN"]),
    ),
    "to a group, too": (
        "iam",
        denies("iam:AttachGroupPolicy", **ADMIN),
        lambda iam, _: iam.attach_group_policy(
            GroupName="office-group", PolicyArn=ADMIN["ArnEquals"]["iam:PolicyARN"]
        ),
    ),
    "and detached from a role": (
        "iam",
        denies("iam:DetachRolePolicy", **ADMIN),
        lambda iam, _: iam.detach_role_policy(RoleName="office-role", PolicyArn=ADMIN["ArnEquals"]["iam:PolicyARN"]),
    ),
    "tags of a new user": (
        "iam",
        denies("iam:CreateUser", **KEYS),
        lambda iam, _: iam.create_user(UserName="x", Tags=TAGS),
    ),
    "tags given to a user": (
        "iam",
        denies("iam:TagUser", **ASKED),
        lambda iam, _: iam.tag_user(UserName="office-dora", Tags=TAGS),
    ),
    "keys taken from a user": (
        "iam",
        denies("iam:UntagUser", **KEYS),
        lambda iam, _: iam.untag_user(UserName="office-dora", TagKeys=["team"]),
    ),
    "tags of a new role": (
        "iam",
        denies("iam:CreateRole", **ASKED),
        lambda iam, _: iam.create_role(RoleName="x", AssumeRolePolicyDocument=TRUST, Tags=TAGS),
    ),
    "tags given to a device": (
        "iam",
        denies("iam:TagMFADevice", **KEYS),
        lambda iam, office: iam.tag_mfa_device(SerialNumber=office["device"], Tags=TAGS),
    ),
    "tags an EC2 call gives": (
        "ec2",
        denies("ec2:CreateTags", **ASKED),
        lambda ec2, _: ec2.create_tags(Resources=["i-1234567890abcdef0"], Tags=TAGS),
    ),
    "keys an EC2 call takes": (
        "ec2",
        denies("ec2:DeleteTags", **KEYS),
        lambda ec2, _: ec2.delete_tags(Resources=["i-1234567890abcdef0"], Tags=TAGS),
    ),
    "tags of a user who is deleted": (
        "iam",
        denies("iam:DeleteUser", **RED),
        lambda iam, _: iam.delete_user(UserName="office-dora"),
    ),
    "IAM's own spelling of them": (
        "iam",
        denies("iam:DeleteRole", StringEquals={"iam:ResourceTag/team": "red"}),
        lambda iam, _: iam.delete_role(RoleName="office-role"),
    ),
    "tags of a policy": (
        "iam",
        denies("iam:DeletePolicy", **RED),
        lambda iam, office: iam.delete_policy(PolicyArn=office["boundary"]),
    ),
    "tags of a device": (
        "iam",
        denies("iam:DeleteVirtualMFADevice", **RED),
        lambda iam, office: iam.delete_virtual_mfa_device(SerialNumber=office["device"]),
    ),
    "tags of a SAML provider": (
        "iam",
        denies("iam:DeleteSAMLProvider", **RED),
        lambda iam, office: iam.delete_saml_provider(SAMLProviderArn=office["saml"]),
    ),
    "tags of an instance profile": (
        "iam",
        denies("iam:DeleteInstanceProfile", **RED),
        lambda iam, _: iam.delete_instance_profile(InstanceProfileName="office-profile"),
    ),
    "a new user's boundary, which is not the one that is wanted": (
        "iam",
        denies("iam:CreateUser", StringNotEquals={"iam:PermissionsBoundary": f"{IAM}:policy/wanted"}),
        lambda iam, office: iam.create_user(UserName="x", PermissionsBoundary=office["boundary"]),
    ),
    "the boundary a user has": (
        "iam",
        denies("iam:PutUserPolicy", StringEquals={"iam:PermissionsBoundary": f"{IAM}:policy/office-boundary"}),
        lambda iam, _: iam.put_user_policy(UserName="office-plain", PolicyName="x", PolicyDocument=NARROW),
    ),
    "a user made with tags takes iam:TagUser": (
        "iam",
        denies("iam:TagUser"),
        lambda iam, _: iam.create_user(UserName="x", Tags=TAGS),
    ),
    "a role iam:TagRole": (
        "iam",
        denies("iam:TagRole"),
        lambda iam, _: iam.create_role(RoleName="x", AssumeRolePolicyDocument=TRUST, Tags=TAGS),
    ),
    "a policy iam:TagPolicy": (
        "iam",
        denies("iam:TagPolicy"),
        lambda iam, _: iam.create_policy(PolicyName="x", PolicyDocument=NARROW, Tags=TAGS),
    ),
    "a device iam:TagMFADevice": (
        "iam",
        denies("iam:TagMFADevice"),
        lambda iam, _: iam.create_virtual_mfa_device(VirtualMFADeviceName="x", Tags=TAGS),
    ),
    "a user's new name": (
        "iam",
        denies("iam:UpdateUser", f"{IAM}:user/office-boss"),
        lambda iam, _: iam.update_user(UserName="office-dora", NewUserName="office-boss"),
    ),
    "a user's new path": (
        "iam",
        denies("iam:UpdateUser", f"{IAM}:user/admins/*"),
        lambda iam, _: iam.update_user(UserName="office-dora", NewPath="/admins/"),
    ),
    "a group's new path": (
        "iam",
        denies("iam:UpdateGroup", f"{IAM}:group/admins/*"),
        lambda iam, _: iam.update_group(GroupName="office-group", NewPath="/admins/"),
    ),
    "a role put into an instance profile is passed": (
        "iam",
        denies("iam:PassRole", f"{IAM}:role/office-role"),
        lambda iam, _: iam.add_role_to_instance_profile(InstanceProfileName="office-profile", RoleName="office-role"),
    ),
    "to EC2": (
        "iam",
        denies("iam:PassRole", StringEquals={"iam:PassedToService": "ec2.amazonaws.com"}),
        lambda iam, _: iam.add_role_to_instance_profile(InstanceProfileName="office-profile", RoleName="office-role"),
    ),
    "an instance gets the role of its profile": (
        "ec2",
        denies("iam:PassRole"),
        lambda ec2, _: ec2.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, IamInstanceProfile={"Name": "office-full"}
        ),
    ),
    "whichever way it is named, and for an instance that runs": (
        "ec2",
        denies("iam:PassRole", StringLike={"iam:AssociatedResourceArn": "arn:aws:ec2:*:*:instance/i-*"}),
        lambda ec2, _: ec2.associate_iam_instance_profile(
            InstanceId="i-1234567890abcdef0", IamInstanceProfile={"Arn": f"{IAM}:instance-profile/office-full"}
        ),
    ),
    "an instance made with tags takes ec2:CreateTags": (
        "ec2",
        denies("ec2:CreateTags", StringEquals={"ec2:CreateAction": "RunInstances"}),
        lambda ec2, _: ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, TagSpecifications=SPECIFIED),
    ),
    "so does a volume": (
        "ec2",
        denies("ec2:CreateTags", **ASKED),
        lambda ec2, _: ec2.create_volume(
            AvailabilityZone="us-east-1a", Size=1, TagSpecifications=[{"ResourceType": "volume", "Tags": TAGS}]
        ),
    ),
    "of two resources each has its own tags": (
        "ec2",
        denies("ec2:CreateTags", **ASKED),
        lambda ec2, _: ec2.run_instances(
            ImageId="ami-12c6146b",
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[*SPECIFIED, {"ResourceType": "volume", "Tags": [{"Key": "team", "Value": "blue"}]}],
        ),
    ),
    "the folder a list is asked for": (
        "s3",
        denies("s3:ListBucket", StringLike={"s3:prefix": "salaries/*"}),
        lambda s3, _: s3.list_objects_v2(Bucket="payroll", Prefix="salaries/june"),
    ),
    "how much of it": (
        "s3",
        denies("s3:ListBucket", NumericGreaterThan={"s3:max-keys": "10"}),
        lambda s3, _: s3.list_objects_v2(Bucket="payroll", MaxKeys=11),
    ),
    "and cut where": (
        "s3",
        denies("s3:ListBucket", StringNotEquals={"s3:delimiter": "/"}),
        lambda s3, _: s3.list_objects_v2(Bucket="payroll", Delimiter="-"),
    ),
    "an object that everybody may read": (
        "s3",
        denies("s3:PutObject", StringEquals={"s3:x-amz-acl": "public-read"}),
        lambda s3, _: s3.put_object(Bucket="payroll", Key="x", Body=b"", ACL="public-read"),
    ),
    "a SAML provider has its own ARN": (
        "iam",
        denies("iam:*", f"{IAM}:saml-provider/office-*"),
        lambda iam, office: iam.get_saml_provider(SAMLProviderArn=office["saml"]),
    ),
    "also a new one": (
        "iam",
        denies("iam:CreateSAMLProvider", f"{IAM}:saml-provider/other"),
        lambda iam, _: iam.create_saml_provider(Name="other", SAMLMetadataDocument=METADATA),
    ),
    "and an OIDC provider": (
        "iam",
        denies("iam:CreateOpenIDConnectProvider", f"{IAM}:oidc-provider/idp.example/x"),
        lambda iam, _: iam.create_open_id_connect_provider(
            Url="https://idp.example/x", ThumbprintList=["0" * 40], ClientIDList=["x"]
        ),
    ),
}


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


# -- every operation of IAM

CALLER = Caller("123456789012", f"{IAM}:user/alice", "AIDA", "alice", "AKIA")
VALUES: dict[str, Any] = {
    "UserName": "bob",
    "GroupName": "them",
    "RoleName": "role",
    "InstanceProfileName": "profile",
    "ServerCertificateName": "certificate",
    "PolicyName": "policy",
    "Name": "saml",
    "Url": "https://idp.example/x",
    "VirtualMFADeviceName": "phone",
    "DelegationRequestId": "d-1234567890abcdef",
    "EntityPath": "o-1234567890/r-1234",
    "AccessKeyId": "AKIA0000000000000000",
    "AWSServiceName": "autoscaling.amazonaws.com",
    "DeletionTaskId": "task/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling/1",
    "Arn": f"{IAM}:role/role",
    "PolicySourceArn": f"{IAM}:user/bob",
    "PolicyArn": f"{IAM}:policy/policy",
    "SerialNumber": f"{IAM}:mfa/phone",
    "OpenIDConnectProviderArn": f"{IAM}:oidc-provider/idp.example/x",
    "SAMLProviderArn": f"{IAM}:saml-provider/saml",
    "TemplateArn": "arn:aws:iam::aws:role-template/service/name:1",
    "EntityArn": f"{IAM}:delegation-request/d-1",
}
MODEL = botocore.session.Session().get_service_model("iam")
OPERATIONS = MODEL.operation_names


def judged_on(operation: str, **given: Any) -> str:
    shape = MODEL.operation_model(operation).input_shape
    parameters = {name: VALUES[name] for name in (shape.members if shape else ()) if name in VALUES}
    return of_an_iam_call(World(), CALLER, operation, parameters | given)[0].resource


def test_every_operation_is_judged_on_its_type_of_resource() -> None:
    seen = 0
    for operation in OPERATIONS:
        patterns = arn_patterns(f"iam:{operation}")
        resource = judged_on(operation)
        if patterns:
            seen += 1
            starts = [pattern.split(":", 5)[5].partition("*")[0] for pattern in patterns]
            account, rest = resource.split(":", 5)[4:]
            assert resource.startswith("arn:aws:iam::") and account in ("123456789012", "aws"), operation
            assert any(rest.startswith(start) and len(rest) >= len(start) for start in starts), (operation, resource)
        elif under := LISTED_UNDER.get(f"iam:{operation}"):
            assert resource == f"{IAM}:{under}"
        else:
            assert resource == "*", operation
    assert seen > 100, "the reference was read"


def test_an_operation_without_a_name_is_the_callers_own_unless_the_reference_calls_its_user_optional() -> None:
    for operation in OPERATIONS:
        shape = MODEL.operation_model(operation).input_shape
        if shape is None or "UserName" not in shape.members or "UserName" in shape.required_members:
            continue
        if resource_types(f"iam:{operation}") == {"user"}:
            found = of_an_iam_call(World(), CALLER, operation, {})[0].resource
            assert found == ("*" if operation in WITHOUT_A_NAME else CALLER.arn), operation
