"""`policy explain` decides what the judge knows, and says of the rest that it is not evaluated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.policy.cli import policy as command
from app.policy.evaluation import Effect
from app.policy.explain import Question, explain
from app.policy.parsed import parsed

ACCOUNT = "123456789012"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def asked(*statements: dict[str, Any], action: str = "s3:ListBucket", way: str = "key", **assumed: str) -> str:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    given = {key.replace("_", ":"): value for key, value in assumed.items()}
    found = explain(parsed(document, ACCOUNT), Question("alice", action, "*", way, assumed=given))
    assert found.evaluated is not found.sentence.startswith("Not evaluated")
    return found.sentence


def when(effect: str, operator: str, key: str, value: Any, **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "*", "Resource": "*", "Condition": {operator: {key: value}}, **elements}


OPEN = [
    ("StringEquals", "s3:prefix", "home/"),
    ("StringNotEquals", "ec2:InstanceType", "t3.micro"),
    ("NumericLessThan", "s3:max-keys", "10"),
    ("Null", "iam:PassedToService", "true"),
    ("ForAllValues:StringLike", "dynamodb:LeadingKeys", "${aws:username}"),
    ("StringEquals", "aws:NoSuchKey", "x"),
    ("NotIpAddress", "aws:SourceIp", ["192.0.2.0/24", "203.0.113.0/24"]),
    ("StringEquals", "aws:username", "${s3:prefix}"),
]


@pytest.mark.parametrize(("operator", "key", "value"), OPEN)
def test_what_depends_on_a_key_nobody_here_knows_is_not_evaluated(operator: str, key: str, value: Any) -> None:
    named = "s3:prefix" if "${s3" in str(value) else key
    for statements in ([EVERYTHING, when("Deny", operator, key, value)], [when("Allow", operator, key, value)]):
        assert asked(*statements) == f"Not evaluated: it depends on {named}, which we don’t know."


def test_where_the_key_makes_no_difference_it_is_decided() -> None:
    deny, allow = when("Deny", "StringEquals", "s3:prefix", "x"), when("Allow", "StringEquals", "s3:prefix", "x")
    assert asked(deny) == "Not allowed: no statement allows it."
    assert asked(EVERYTHING, allow) == "Allowed by statement 0."
    assert asked(allow, {**EVERYTHING, "Effect": "Deny"}) == "Denied by statement 1."
    assert asked(EVERYTHING, {**deny, "Action": "iam:*"}) == "Allowed by statement 0."
    both = {**deny, "Condition": {"StringEquals": {"s3:prefix": "x"}, "Bool": {"aws:ViaAWSService": "true"}}}
    assert asked(EVERYTHING, both) == "Allowed by statement 0."
    assert asked(when("Allow", "StringLikeIfExists", "s3:prefix", "*")) == "Allowed by statement 0."


def test_what_is_assumed_is_known() -> None:
    networks = when("Deny", "NotIpAddress", "aws:SourceIp", "203.0.113.0/24")
    assert asked(EVERYTHING, networks, aws_SourceIp="203.0.113.7") == "Allowed by statement 0."
    assert asked(EVERYTHING, networks, aws_SourceIp="192.0.2.1") == "Denied by statement 1."
    assert asked(when("Allow", "StringEquals", "s3:prefix", "a"), s3_prefix="a") == "Allowed by statement 0."


@pytest.mark.parametrize("key", ["aws:PrincipalTag/team", "aws:ResourceTag/team", "aws:SourceVpce", "aws:TagKeys"])
def test_keys_that_are_only_sometimes_there_are_absent(key: str) -> None:
    assert asked(when("Allow", "StringEquals", key, "x")) == "Not allowed: no statement allows it."
    assert asked(EVERYTHING, when("Deny", "StringNotEquals", key, "x")) == "Denied by statement 1."


ALWAYS = [
    ("Bool", "aws:ViaAWSService", "false"),
    ("Bool", "aws:PrincipalIsAWSService", False),
    ("StringEquals", "aws:PrincipalType", "User"),
    ("StringEquals", "aws:PrincipalAccount", ACCOUNT),
    ("Bool", "aws:SecureTransport", "true"),
    ("StringEquals", "aws:RequestedRegion", "us-east-1"),
    ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
    ("NumericGreaterThan", "aws:EpochTime", "1577836800"),
    ("StringLike", "aws:userid", "AIDA*"),
    ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/alice"),
    ("Null", "aws:ViaAWSService", "false"),
]


@pytest.mark.parametrize(("operator", "key", "value"), ALWAYS)
@pytest.mark.parametrize("way", ["key", "password", "mfa"])
def test_keys_that_are_always_there_have_their_value(operator: str, key: str, value: Any, way: str) -> None:
    assert asked(EVERYTHING, when("Deny", operator, key, value), action="iam:ListUsers", way=way).startswith("Denied")
    assert asked(when("Allow", operator, key, value), action="iam:ListUsers", way=way).startswith("Allowed")


AGE = [
    # operator, value, does it hold with a key, with a password, with MFA
    ("Null", "true", True, True, False),
    ("Null", "false", False, False, True),
    ("NumericLessThan", "3600", False, False, True),
    ("NumericLessThanIfExists", "3600", True, True, True),
    ("NumericGreaterThan", "3600", False, False, False),
    ("NumericGreaterThanIfExists", "3600", True, True, False),
    ("NumericNotEquals", "0", True, True, True),
    ("StringLike", "*", False, False, True),
]


@pytest.mark.parametrize(("operator", "value", "key", "password", "mfa"), AGE)
def test_every_operator_sees_the_age_of_a_code(
    operator: str, value: str, key: bool, password: bool, mfa: bool
) -> None:
    for way, holds in (("key", key), ("password", password), ("mfa", mfa)):
        denied = asked(EVERYTHING, when("Deny", operator, "aws:MultiFactorAuthAge", value), way=way)
        assert denied.startswith("Denied") is holds
        assert asked(when("Allow", operator, "aws:MultiFactorAuthAge", value), way=way).startswith("Allowed") is holds


def test_where_an_age_limit_makes_it_end_is_told() -> None:
    fresh = when("Allow", "NumericLessThan", "aws:MultiFactorAuthAge", "3600")
    for statements, ends in (([fresh], True), ([EVERYTHING], False), ([EVERYTHING, fresh], False)):
        document = {"Version": "2012-10-17", "Statement": statements}
        found = explain(parsed(document, ACCOUNT), Question("alice", "s3:ListBucket", "*"))
        assert found.decision.allowed and ("an older code gets another answer" in found.beyond) is ends


def test_only_temporary_credentials_have_been_issued() -> None:
    issued = when("Deny", "DateLessThan", "aws:TokenIssueTime", "2099-01-01T00:00:00Z")
    assert [asked(EVERYTHING, issued, way=way)[:7] for way in ("key", "password", "mfa")] == [
        "Allowed",
        "Denied ",
        "Denied ",
    ]


def test_explain_takes_account_and_partition_from_the_document_unless_they_are_given(tmp_path: Path) -> None:
    arn = "arn:aws-cn:iam::111122223333:user/${aws:username}"
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iam:EnableMFADevice", "Resource": arn}],
    }
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(document))

    def said(*more: str) -> str:
        done = CliRunner().invoke(command, ["explain", str(file), "--action", "iam:EnableMFADevice", *more])
        return done.output.splitlines()[0]

    own = "arn:aws-cn:iam::111122223333:user/alice"
    assert said() == f"alice, signed in with MFA: iam:EnableMFADevice on {own}: Allowed by statement 0."
    assert said("--account-id", "444455556666").endswith("Not allowed: no statement allows it.")
    assert said("--partition", "aws").endswith("Not allowed: no statement allows it.")
    assert said("--resource", "arn:aws-cn:iam::1:user/alice").endswith("Not allowed: no statement allows it.")
    assert said("--resource", own).endswith("Allowed by statement 0.")


@pytest.mark.parametrize(
    ("action", "also"),
    [
        ("lambda:CreateFunction", "iam:PassRole"),
        ("ec2:RunInstances", "iam:PassRole, ec2:CreateTags"),
        ("iam:CreateUser", "iam:TagUser"),
        ("iam:AddRoleToInstanceProfile", "iam:PassRole"),
        ("iam:CreateAccessKey", ""),
        ("ec2:DescribeInstances", ""),
    ],
)
def test_what_else_aws_asks_for_is_named(action: str, also: str) -> None:
    found = explain(
        parsed({"Version": "2012-10-17", "Statement": EVERYTHING}, ACCOUNT), Question("alice", action, "*")
    )
    assert found.decision.effect is Effect.ALLOWED
    assert found.beyond == (f"AWS may also require {also}. We don’t check that here." if also else "")
