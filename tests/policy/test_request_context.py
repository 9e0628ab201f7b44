"""The condition keys AWS sends, session by session. Expectations are AWS's documentation, not the code's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.policy.reference.request_context import (
    KEYS,
    PASSWORD,
    PLAIN_KEY,
    WITH_MFA,
    Circumstances,
    IamUser,
    Presence,
    Session,
    condition_key,
    request_context,
)

ALICE = IamUser("123456789012", "alice", "arn:aws:iam::123456789012:user/engineering/alice", "AIDAALICE")
NOON = Circumstances(datetime(2026, 5, 3, 12, 0, 30, tzinfo=UTC), "192.0.2.1", user_agent="curl/8")

ALWAYS = {
    "aws:ViaAWSService": "false",
    "aws:PrincipalIsAWSService": "false",
    "aws:PrincipalType": "User",
    "aws:PrincipalAccount": "123456789012",
    "aws:PrincipalArn": "arn:aws:iam::123456789012:user/engineering/alice",
    "aws:userid": "AIDAALICE",
    "aws:username": "alice",
    "aws:SecureTransport": "true",
    "aws:RequestedRegion": "us-east-1",
    "aws:CurrentTime": "2026-05-03T12:00:30Z",
    "aws:EpochTime": "1777809630",
    "aws:SourceIp": "192.0.2.1",
    "aws:UserAgent": "curl/8",
}


@pytest.mark.parametrize(
    ("session", "beside"),
    [
        (PLAIN_KEY, {}),
        (PASSWORD, {"aws:MultiFactorAuthPresent": "false", "aws:TokenIssueTime": "2026-05-03T11:59:30Z"}),
        (
            WITH_MFA,
            {
                "aws:MultiFactorAuthPresent": "true",
                "aws:MultiFactorAuthAge": "60",
                "aws:TokenIssueTime": "2026-05-03T11:59:30Z",
            },
        ),
        (
            Session.of(mfa=True, age=3600),
            {
                "aws:MultiFactorAuthPresent": "true",
                "aws:MultiFactorAuthAge": "3600",
                "aws:TokenIssueTime": "2026-05-03T11:00:30Z",
            },
        ),
    ],
)
def test_each_kind_of_session_says_what_aws_sends_with_it(session: Session, beside: dict[str, str]) -> None:
    assert request_context(ALICE, session, "iam:ListUsers", NOON) == ALWAYS | beside


@pytest.mark.parametrize(
    ("partition", "action", "asked", "region"),
    [
        ("aws", "iam:ListUsers", "eu-west-1", "us-east-1"),
        ("aws-cn", "iam:ListUsers", None, "cn-north-1"),
        ("aws-us-gov", "IAM:ListUsers", None, "us-gov-west-1"),
        ("aws-eusc", "iam:ListUsers", None, "eusc-de-east-1"),
        ("aws", "ec2:DescribeInstances", "eu-west-1", "eu-west-1"),
        ("aws", "ec2:DescribeInstances", None, "us-east-1"),
    ],
)
def test_a_global_service_is_asked_in_its_home_region(
    partition: str, action: str, asked: str | None, region: str
) -> None:
    user = IamUser("123456789012", "alice", f"arn:{partition}:iam::123456789012:user/alice")
    context = request_context(user, PLAIN_KEY, action, Circumstances(NOON.now, region=asked))
    assert context["aws:RequestedRegion"] == region


def test_what_is_called_always_present_is_in_every_request() -> None:
    always = {key.name for key in KEYS.values() if key.presence is Presence.ALWAYS}
    for session in (PLAIN_KEY, PASSWORD, WITH_MFA):
        assert always <= request_context(ALICE, session, "s3:GetObject").keys()


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("AWS:useragent", ("aws:UserAgent", Presence.SOMETIMES, True)),
        ("aws:RequestTag/Team", ("aws:RequestTag/Team", Presence.SOMETIMES, True)),
        ("aws:principaltag/Team", ("aws:PrincipalTag/Team", Presence.SOMETIMES, False)),
        ("aws:CalledVia", ("aws:CalledVia", Presence.NEVER, False)),
    ],
)
def test_a_key_is_known_in_any_letter_case(name: str, known: tuple[str, Presence, bool]) -> None:
    key = condition_key(name)
    assert key
    assert (key.name, key.presence, key.chosen) == known


@pytest.mark.parametrize("name", ["s3:prefix", "ec2:InstanceType", "aws:username2", "aws:RequestTag", ""])
def test_a_key_of_one_service_is_not_among_them(name: str) -> None:
    assert condition_key(name) is None
