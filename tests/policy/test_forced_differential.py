"""The judge of forced MFA against a small world in which every request is tried, and decided by two judges."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.policy.forced import Judgement, Named, Person
from app.policy.forced.judge import judge_person
from app.policy.forced.words import Glob, anything, word
from app.policy.parsed import parsed
from app.policy.patterns import Pattern
from tests.policy.forced_universe import ACCOUNT, IAM, Tried, always, lets, person_keys, requests

Document = dict[str, Any]
TAGS = {"team": "red"}
NOW = datetime(2026, 12, 1, tzinfo=UTC)
"""The first of the times in CHOICES."""
ALICE = Person(ACCOUNT, "aws", "alice", "/", "AIDACKCEVSQ6C2EXAMPLE", TAGS)
ACTIONS = [
    "s3:*",
    "s3:Get*",
    "s3:getobject",
    "S3:PutObject",
    "s3:List*",
    "iam:*",
    "iam:List*",
    "iam:*MFADevice*",
    "iam:EnableMFADevice",
    "iam:CreateAccessKey",
    "ec2:*",
    "ec2:DescribeInstances",
    "sts:AssumeRole",
    "*:Get*",
    "iam:?etUser",
    "iam:GetUser",
    "iam:PassRole",
    "iam:TagUser",
    "iam:ListUsers",
    "*:*Bucket*",
]
RESOURCES = [
    "arn:aws:s3:::b",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/home/${aws:username}/*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::?/k",
    f"{IAM}:user/${{aws:username}}",
    f"{IAM}:user/*",
    "arn:aws:iam::*:user/*/${aws:username}",
    f"{IAM}:mfa/*",
    f"{IAM}:mfa/${{aws:username}}",
    f"{IAM}:role/x?",
    f"{IAM}:role/*",
    f"{IAM}:user/bob",
    "arn:aws:s3",
    "arn:aws:iam::*",
    "arn:aws:s3:::b/home/${aws:PrincipalTag/team}/*",
    "arn:aws:s3:::c/${aws:PrincipalTag/none}",
]
ABOUT_MFA: list[tuple[str, str, Any]] = [
    ("BoolIfExists", "aws:MultiFactorAuthPresent", "false"),
    ("Bool", "aws:MultiFactorAuthPresent", "false"),
    ("Bool", "aws:MultiFactorAuthPresent", "true"),
    ("Null", "aws:MultiFactorAuthAge", "true"),
    ("Null", "aws:MultiFactorAuthPresent", "true"),
    ("NumericLessThan", "aws:MultiFactorAuthAge", "3600"),
    ("NumericGreaterThanIfExists", "aws:MultiFactorAuthAge", "3600"),
]
ABOUT_ELSE: list[tuple[str, str, Any]] = [
    ("StringEquals", "aws:PrincipalTag/team", "red"),
    ("StringNotEquals", "aws:PrincipalTag/team", ["red", "green"]),
    ("IpAddress", "aws:SourceIp", "192.0.2.0/24"),
    ("NotIpAddress", "aws:SourceIp", ["192.0.2.0/24", "198.51.100.0/24"]),
    ("StringLike", "s3:prefix", ["home/${aws:username}/*", "open"]),
    ("StringNotLike", "s3:prefix", "home/*"),
    ("NumericLessThanEquals", "s3:max-keys", "10"),
    ("NumericGreaterThan", "s3:max-keys", "10"),
    ("StringEquals", "aws:RequestedRegion", ["eu-central-1", "eu-west-1"]),
    ("StringNotEquals", "aws:RequestedRegion", "us-east-1"),
    ("ForAllValues:StringEquals", "aws:TagKeys", ["team"]),
    ("ForAnyValue:StringEquals", "aws:TagKeys", ["team"]),
    ("ForAnyValue:StringNotLike", "aws:TagKeys", "t*"),
    ("StringNotEquals", "aws:ResourceTag/team", "red"),
    ("StringEquals", "aws:ResourceTag/team", "${aws:username}"),
    ("StringEqualsIfExists", "aws:ResourceTag/team", ["red", "${aws:PrincipalTag/team}"]),
    ("StringNotEquals", "aws:ResourceTag/team", ["blue", "${aws:PrincipalTag/none}"]),
    ("StringEquals", "aws:RequestTag/team", ["red"]),
    ("Null", "aws:RequestTag/team", "true"),
    ("DateGreaterThan", "aws:CurrentTime", "2030-01-01T00:00:00Z"),
    ("DateLessThan", "aws:CurrentTime", "2030-01-01T00:00:00Z"),
    ("DateLessThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
    ("Bool", "aws:SecureTransport", "false"),
    ("StringLike", "aws:username", ["ali*", "bob"]),
    ("ArnLike", "aws:PrincipalArn", f"{IAM}:user/*"),
    ("ArnNotLike", "aws:PrincipalArn", f"{IAM}:user/bob"),
    ("StringLike", "aws:UserAgent", "cli/*"),
    ("StringNotEqualsIgnoreCase", "aws:UserAgent", "CLI/2"),
    ("StringEquals", "iam:PassedToService", "ec2.amazonaws.com"),
    ("Bool", "aws:ViaAWSService", "true"),
]


@st.composite
def statements(draw: st.DrawFn, effects: list[str]) -> dict[str, Any]:
    effect = draw(st.sampled_from(effects))
    denies = effect == "Deny"
    negated = draw(st.sampled_from([True, False] if denies else [False, False, False, True]))
    entries = st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=4)
    made: dict[str, Any] = {"Effect": effect, "NotAction" if negated else "Action": draw(entries)}
    if not negated and draw(st.booleans()):
        made["Action"] = "*"
    where = draw(st.sampled_from(["Resource", "Resource", "Resource", "NotResource"]))
    places = draw(st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2))
    made[where] = "*" if where == "Resource" and draw(st.booleans()) else places
    kinds = st.sampled_from(ABOUT_MFA if denies and draw(st.booleans()) else ABOUT_ELSE)
    condition: dict[str, dict[str, Any]] = {}
    for operator, key, value in draw(st.lists(kinds, max_size=2)):
        condition.setdefault(operator, {})[key] = value
    return {**made, "Condition": condition} if condition else made


def documents(effects: list[str]) -> st.SearchStrategy[Document]:
    versions = st.sampled_from(["2012-10-17", "2012-10-17", "2008-10-17"])
    listed = st.lists(statements(effects), min_size=1, max_size=3)
    return st.builds(lambda version, found: {"Version": version, "Statement": found}, versions, listed)


def judged(identity: list[Document], boundary: Document | None) -> Judgement:
    def named(number: int, document: Document) -> Named:
        name = f"policy-{number}"
        return Named(name, f"{IAM}:policy/{name}", "user", parsed(document, ACCOUNT, "aws"))

    limit = named(99, boundary) if boundary else None
    return judge_person([named(number, each) for number, each in enumerate(identity)], limit, ALICE, NOW)


@settings(max_examples=settings().max_examples * 3 // 10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(documents(["Allow", "Deny"]), min_size=1, max_size=3),
    st.none() | documents(["Allow", "Allow", "Deny"]),
)
def test_a_pass_holds_in_the_whole_world_and_a_counterexample_gets_through(
    identity: list[Document], boundary: Document | None
) -> None:
    found = judged(identity, boundary)
    every = [*identity, *([boundary] if boundary else [])]
    if found.state == "pass":
        for tried in requests(every, TAGS, 60):
            assert not lets(identity, boundary, tried), tried
    if found.counterexample:
        example = found.counterexample
        given_keys = {key.lower(): list(v) if isinstance(v, tuple) else v for key, v in example.context.items()}
        context = {**always(example.session), **person_keys(tags=TAGS), **given_keys}
        tried = Tried(example.action, example.resource, example.session, context)
        assert lets(identity, boundary, tried), tried


patterns = st.text(alphabet="ab*?", max_size=5)


@settings(max_examples=200)
@given(
    st.lists(st.lists(patterns, min_size=1, max_size=2), min_size=1, max_size=3),
    st.lists(patterns, max_size=3),
    st.lists(st.text(alphabet="abx", max_size=6), max_size=40),
)
def test_a_text_that_is_found_fits_and_where_none_is_found_none_fits(
    wanted: list[list[str]], unwanted: list[str], texts: list[str]
) -> None:
    def fits(text: str) -> bool:
        def matches(pattern: str) -> bool:
            return Pattern(pattern, variables=False).matches(text, {})

        return all(any(map(matches, group)) for group in wanted) and not any(map(matches, unwanted))

    found = word(
        tuple(tuple(Glob(anything(each)) for each in group) for group in wanted),
        tuple(Glob(anything(each)) for each in unwanted),
    )
    if found is None:
        assert not any(map(fits, texts))
    else:
        assert fits(found)
