"""What someone who may do all but one thing is denied, and by which statement."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.support.people import Employee

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
