"""Several accounts: roles are assumed and judged as at AWS, and an organization lists the accounts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.policy.audit_role import DETAILS, LISTS, REPORT
from tests.sandbox.conftest import Refused
from tests.support.clock import Clock
from tests.support.people import hire
from tests.support.sandbox import Sandbox

NAMED = {"RoleSessionName": "story"}


@pytest.fixture(scope="module")
def aws(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    options = ("--accounts", "24", "--users-per-account", "2")
    with Sandbox(scratch / "aws-accounts", clock, *options) as running:
        yield running


def assumed(aws: Sandbox, arn: str, service: str = "iam", **given: Any) -> Any:
    """A client of a role that Administrator assumes."""
    answer = aws.as_administrator("sts").assume_role(RoleArn=arn, **NAMED, **given)
    return aws.session_client(service, answer["Credentials"])


def admin_of(aws: Sandbox, account_id: str, service: str = "iam") -> Any:
    return assumed(aws, aws.facts["accounts"][account_id]["admin_role_arn"], service)


def members(aws: Sandbox) -> list[str]:
    return list(aws.facts["accounts"])


def trusting(principal: Any, **condition: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_an_assumed_role_is_in_its_account_and_judged_by_its_policies(aws: Sandbox, refused: Refused) -> None:
    first, second = members(aws)[:2]
    role = aws.facts["accounts"][first]["audit_role_arn"]
    answer = aws.as_administrator("sts").assume_role(RoleArn=role, **NAMED)
    me = aws.session_client("sts", answer["Credentials"]).get_caller_identity()
    assert me["Account"] == first and me["Arn"] == f"arn:aws:sts::{first}:assumed-role/LatchkeyAudit/story"
    assert answer["AssumedRoleUser"]["Arn"] == me["Arn"] and me["UserId"].startswith("AROA")
    iam = aws.session_client("iam", answer["Credentials"])
    assert {user["Arn"].split(":")[4] for user in iam.list_users()["Users"]} == {first}
    assert len(aws.as_administrator("iam").list_users()["Users"]) == 5, "the first account has none of them"
    assert refused(iam.list_roles) == ("AccessDenied", 403)
    assert refused(iam.get_user) == ("AccessDenied", 403)
    call = aws.calls()[-1]
    assert call["principal"] == me["Arn"] and call["decision"] == "ImplicitlyDenied"
    admin_of(aws, first).create_user(UserName="made-by-a-role")
    assert refused(admin_of(aws, first).get_user) == ("ValidationError", 400), "a role is no user"
    assert refused(admin_of(aws, second).get_user, UserName="made-by-a-role") == ("NoSuchEntity", 404)
    assert admin_of(aws, first, "ec2").describe_instances()["Reservations"] == []


def test_the_audit_role_asks_exactly_what_it_may(aws: Sandbox) -> None:
    iam = assumed(aws, aws.facts["accounts"][members(aws)[0]]["audit_role_arn"])
    before = aws.calls()[-1]["seq"]
    iam.list_users(), iam.list_virtual_mfa_devices(), iam.get_account_summary()
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_account_password_policy()
    assert iam.list_account_aliases()["AccountAliases"] == ["team-01"]
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []
    iam.generate_credential_report()
    with pytest.raises(iam.exceptions.CredentialReportNotReadyException):
        iam.get_credential_report()
    assert iam.get_account_authorization_details()["RoleDetailList"]
    asked = [call["action"] for call in aws.calls(before)]
    assert set(asked) == {*LISTS, *REPORT, *DETAILS}


def test_a_role_that_is_missing_and_one_that_trusts_others_look_alike(aws: Sandbox, refused: Refused) -> None:
    sts, (first, second) = aws.as_administrator("sts"), members(aws)[2:4]
    admin_of(aws, first).create_role(RoleName="theirs", AssumeRolePolicyDocument=trusting({"AWS": second}))
    answers = set()
    for arn in (
        f"arn:aws:iam::{first}:role/theirs",
        f"arn:aws:iam::{first}:role/none",
        "arn:aws:iam::999999999999:role/x",
    ):
        with pytest.raises(sts.exceptions.ClientError) as no:
            sts.assume_role(RoleArn=arn, **NAMED)
        answers.add(no.value.response["Error"]["Message"].replace(arn, "ROLE"))
    assert len(answers) == 1 and answers.pop().endswith("sts:AssumeRole on resource: ROLE")
    assert refused(sts.assume_role, RoleArn="arn:aws:iam::1:role/x", **NAMED) == ("ValidationError", 400)


def test_both_accounts_have_to_allow_it(aws: Sandbox, refused: Refused) -> None:
    first = members(aws)[4]
    nobody = hire(aws, "nobody", group=None)
    role = {"RoleArn": aws.facts["accounts"][first]["audit_role_arn"], **NAMED}
    sts = nobody.client("sts")
    with pytest.raises(sts.exceptions.ClientError, match="because no identity-based policy allows"):
        sts.assume_role(**role)
    named = trusting({"AWS": sts.get_caller_identity()["Arn"]})
    admin = admin_of(aws, first)
    admin.update_assume_role_policy(RoleName="LatchkeyAudit", PolicyDocument=named)
    assert refused(sts.assume_role, **role) == ("AccessDenied", 403), (
        "being named is enough only in one's own account"
    )
    aws.as_administrator("iam").create_role(RoleName="here", AssumeRolePolicyDocument=named)
    here = {"RoleArn": f"arn:aws:iam::{aws.account_id}:role/here", **NAMED}
    assert sts.assume_role(**here)["Credentials"]
    deny = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "sts:*", "Resource": "*"}}
    aws.as_administrator("iam").put_user_policy(
        UserName=nobody.name, PolicyName="no", PolicyDocument=json.dumps(deny)
    )
    assert refused(sts.assume_role, **here) == ("AccessDenied", 403)


def test_an_external_id_is_demanded_and_checked(aws: Sandbox, refused: Refused) -> None:
    first = members(aws)[5]
    admin = admin_of(aws, first)
    trust = trusting({"AWS": aws.account_id}, StringEquals={"sts:ExternalId": "audit-1"})
    admin.create_role(RoleName="careful", AssumeRolePolicyDocument=trust)
    role = {"RoleArn": f"arn:aws:iam::{first}:role/careful", **NAMED}
    sts = aws.as_administrator("sts")
    assert refused(sts.assume_role, **role) == ("AccessDenied", 403)
    assert refused(sts.assume_role, **role, ExternalId="audit-2") == ("AccessDenied", 403)
    assert sts.assume_role(**role, ExternalId="audit-1")["Credentials"]


def test_a_session_ends_in_time_and_with_its_role(aws: Sandbox, clock: Clock, refused: Refused) -> None:
    first = members(aws)[6]
    admin, sts = admin_of(aws, first), aws.as_administrator("sts")
    admin.create_role(RoleName="brief", AssumeRolePolicyDocument=trusting({"AWS": aws.account_id}))
    role = {"RoleArn": f"arn:aws:iam::{first}:role/brief", **NAMED}
    assert refused(sts.assume_role, **role, DurationSeconds=3601) == ("ValidationError", 400)
    short = aws.session_client("sts", sts.assume_role(**role, DurationSeconds=900)["Credentials"])
    long = aws.session_client("sts", sts.assume_role(**role)["Credentials"])
    assert refused(short.get_session_token) == ("AccessDenied", 403)
    clock.move(901)
    assert refused(short.get_caller_identity) == ("ExpiredToken", 403)
    assert long.get_caller_identity()["Account"] == first
    admin_of(aws, first).delete_role(RoleName="brief")
    assert refused(long.get_caller_identity) == ("InvalidClientTokenId", 403)


def test_the_organization_lists_its_accounts_by_pages(aws: Sandbox, refused: Refused) -> None:
    org = aws.as_administrator("organizations")
    assert org.describe_organization()["Organization"]["MasterAccountId"] == aws.account_id
    first = org.list_accounts()
    assert len(first["Accounts"]) == 20 and first["Accounts"][0]["JoinedTimestamp"].year >= 2020
    listed = [each for page in org.get_paginator("list_accounts").paginate() for each in page["Accounts"]]
    assert [each["Id"] for each in listed] == [aws.account_id, *members(aws)]
    assert {each["State"] for each in listed} == {"ACTIVE"}
    root = org.list_roots()["Roots"][0]["Id"]
    top = org.list_organizational_units_for_parent(ParentId=root)["OrganizationalUnits"]
    assert [unit["Name"] for unit in top] == ["Workloads", "Platform"]
    below = org.list_organizational_units_for_parent(ParentId=top[0]["Id"])["OrganizationalUnits"]
    inside = org.list_accounts_for_parent(ParentId=below[0]["Id"])["Accounts"]
    assert inside and org.list_parents(ChildId=inside[0]["Id"])["Parents"][0]["Id"] == below[0]["Id"]
    assert refused(org.list_accounts, MaxResults=21) == ("ValidationErrorException", 400)
    assert refused(org.list_accounts, NextToken="x") == ("InvalidInputException", 400)
    theirs = admin_of(aws, members(aws)[0], "organizations")
    assert refused(theirs.list_accounts) == ("AccessDeniedException", 400)
    assert refused(aws.as_user("organizations", "KeyUser").list_accounts) == ("AccessDeniedException", 400)
    assert refused(org.list_policies, Filter="SERVICE_CONTROL_POLICY") == ("NotImplementedException", 400)


def test_a_closed_account_lets_nobody_in(aws: Sandbox, refused: Refused) -> None:
    last = members(aws)[-1]
    org = aws.as_administrator("organizations")
    org.close_account(AccountId=last)
    assert org.describe_account(AccountId=last)["Account"]["Status"] == "SUSPENDED"
    role = {"RoleArn": aws.facts["accounts"][last]["audit_role_arn"], **NAMED}
    assert refused(aws.as_administrator("sts").assume_role, **role) == ("AccessDenied", 403)


def test_without_further_accounts_there_is_no_organization(one: Sandbox, refused: Refused) -> None:
    org = one.as_administrator("organizations")
    assert refused(org.list_accounts) == ("AWSOrganizationsNotInUseException", 400)
