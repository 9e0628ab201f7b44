"""A document in plain words, and why: what is said agrees with the judge."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from app.policy.check.all_checks import check
from app.policy.cli import policy as command
from app.policy.documents import VARIANTS, read
from app.policy.evaluation import Effect
from app.policy.explain import WAYS, Question, explain
from app.policy.parsed import parsed
from app.policy.plain_words import in_words
from tests.policy.test_check_anything import documents

ACCOUNT = "123456789012"
OWN = f"arn:aws:iam::{ACCOUNT}:user/alice"
DENY = "DenyAllButGettingMFAUnlessSignedInWithMFA"


def test_the_recommended_document_in_words() -> None:
    said = in_words(parsed(read("recommended")))
    assert [words.sentence for words in said] == [
        "Allows these 5 actions.",
        "Allows these 22 actions on the user’s own IAM user, with or without an IAM path.",
        "Allows these 2 actions on virtual MFA devices with the user’s own name.",
        "Allows these 2 actions on AWS Sign-In for programs.",
        "Denies everything but these 12 actions, unless the session has MFA (an access key alone has none).",
    ]
    assert dict(said[0].actions)["iam:ListUsers"].startswith("list")
    assert all(meaning for words in said for _, meaning in words.actions)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_document_that_comes_along_can_be_told(variant: str) -> None:
    for words in in_words(parsed(read(variant))):
        assert words.sentence.endswith(".") and "${" not in words.sentence


ASKED = [
    # how signed in, action, resource, path; the sentence, and why another statement did not match
    ("key", "ec2:DescribeInstances", "*", "/", f"Denied by statement 4 ({DENY}).", 0, "It doesn’t name"),
    ("password", "iam:ListUsers", "*", "/", f"Denied by statement 4 ({DENY}).", 0, "It matches, but another"),
    ("mfa", "iam:ListUsers", "*", "/", "Allowed by statement 0 (AllowEveryoneToSeeTheAccount).", 4, "is true, and"),
    ("mfa", "s3:ListAllMyBuckets", "*", "/", "Not allowed: no statement allows it.", 4, "requires false"),
    ("key", "iam:EnableMFADevice", OWN, "/", "Allowed by statement 1", 4, "It exempts iam:EnableMFADevice."),
    ("mfa", "iam:EnableMFADevice", f"{OWN[:-5]}bob", "/", "Not allowed", 1, "It isn’t about arn:aws:iam::"),
    ("mfa", "iam:EnableMFADevice", "*", "/", "Not allowed", 1, "It is about named resources"),
    ("mfa", "iam:ListMFADevices", f"{OWN[:-5]}eng/alice", "/eng/", "Allowed by statement 1", 0, "It doesn’t name"),
]  # fmt: skip


@pytest.mark.parametrize(("way", "action", "resource", "path", "sentence", "other", "why"), ASKED)
def test_try_it(way: str, action: str, resource: str, path: str, sentence: str, other: int, why: str) -> None:
    found = explain(parsed(read("recommended"), ACCOUNT), Question("alice", action, resource, way, path))
    assert found.sentence.startswith(sentence)
    assert why in found.steps[other].why


WHO = [
    (("--signed-in-with", "key"), "alice, with an access key and no MFA: "),
    (("--signed-in-with", "password", "--user", "bob"), "bob, signed in with a password and no MFA: "),
    (("--path", "/eng/"), "alice (path /eng/), signed in with MFA: "),
    (("--assume", "aws:SourceVpc=vpc-1"), "alice, signed in with MFA, assuming aws:sourcevpc=vpc-1: "),
]


@pytest.mark.parametrize(("options", "who"), WHO)
def test_the_answer_says_for_whom_it_is(options: tuple[str, ...], who: str) -> None:
    done = CliRunner().invoke(command, ["explain", "recommended", "--action", "iam:ListMFADevices", *options])
    assert done.exit_code == 0 and done.output.startswith(f"{who}iam:ListMFADevices on arn:aws:iam::")


ELSEWHERE = [
    # how signed in, action; may another policy allow what this one does not?
    ("mfa", "s3:ListAllMyBuckets", True),
    ("mfa", "iam:ListUsers", False),
    ("key", "s3:ListAllMyBuckets", False),
    ("key", "sts:GetCallerIdentity", False),
]


@pytest.mark.parametrize(("way", "action", "elsewhere"), ELSEWHERE)
def test_where_another_policy_may_allow_it_that_is_told(way: str, action: str, elsewhere: bool) -> None:
    done = CliRunner().invoke(command, ["explain", "recommended", "--action", action, "--signed-in-with", way])
    assert ("Another policy of this user may allow it." in done.output.splitlines()) is elsewhere
    allowed_by_another = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    document = read("recommended")
    document["Statement"].append(allowed_by_another)
    beside = explain(parsed(document, ACCOUNT), Question("alice", action, "*", way))
    alone = explain(parsed(read("recommended"), ACCOUNT), Question("alice", action, "*", way))
    assert (beside.decision.allowed and not alone.decision.allowed) is elsewhere, "as the judge says"


def test_what_no_policy_decides_is_told_too() -> None:
    asked = [Question("alice", action, "*", "key") for action in ("sts:getsessiontoken", "iam:DeactivateMFADevice")]
    session, device = (explain(parsed(read("recommended"), ACCOUNT), question).beyond for question in asked)
    assert session.startswith("No policy controls") and "April 2023" in device


def test_an_action_that_nobody_knows_is_doubted_and_no_other() -> None:
    def doubt(action: str) -> str:
        return explain(parsed(read("recommended"), ACCOUNT), Question("alice", action, "*")).doubt

    for real in ("iam:ListUsers", "S3:getobject", "ec2:DescribeInstances", "sts:GetCallerIdentity"):
        assert doubt(real) == ""
    assert doubt("nonsense") == "nonsense isn’t an action. Enter one like iam:ListUsers."
    assert doubt("iam:ListUser").endswith("has no action iam:ListUser. Did you mean iam:ListUsers?")
    assert "has no action zzzzz:Zzzzz" in doubt("zzzzz:Zzzzz") and "one action" in doubt("iam:*")
    assert len(doubt("iam:" + "x" * 10_000)) < 200


def test_a_missing_variable_and_a_condition_of_another_kind_are_told() -> None:
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::${aws:PrincipalTag/team}"},
            {
                "Effect": "Allow",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringLike": {"aws:SourceVpc": ["v*"]}},
            },
            {"Effect": "Allow", "NotAction": "s3:*", "NotResource": "arn:aws:s3:::x"},
        ],
    }
    found = explain(parsed(document, ACCOUNT), Question("alice", "s3:GetObject", "arn:aws:s3:::x"))
    assert [step.why for step in found.steps] == [
        "Its resource needs a value of aws:PrincipalTag/team, which the request doesn’t have.",
        "Its condition isn’t met: aws:SourceVpc is absent, and StringLike requires v*.",
        "It exempts s3:GetObject.",
    ]
    assert in_words(parsed(document))[1].sentence == "Allows everything, if aws:SourceVpc passes StringLike of v*."
    assert in_words(parsed(document))[2].sentence == "Allows everything but this on everything but arn:aws:s3:::x."


@settings(max_examples=200)
@given(
    documents,
    st.sampled_from(["iam:ListUsers", "iam:EnableMFADevice", "ec2:DescribeInstances", "sts:GetSessionToken", ":"]),
    st.sampled_from(["*", OWN, f"arn:aws:iam::{ACCOUNT}:mfa/alice", "", "arn:aws:iam::1:user/*"]),
    st.sampled_from(sorted(WAYS)),
)
def test_the_statement_named_agrees_with_the_decision(document: Any, action: str, resource: str, way: str) -> None:
    read_back = check(json.dumps(document)).policy
    if read_back is None:
        return
    in_words(read_back)
    found = explain(parsed(read_back.source, ACCOUNT), Question("alice", action, resource, way))
    deciders = [step for step in found.steps if step.decides]
    if found.decision.effect is Effect.IMPLICITLY_DENIED:
        assert not deciders and not any(step.matches for step in found.steps)
        assert found.decision.statement is None
        return
    [decider] = deciders
    assert decider.matches and decider.denies is (found.decision.effect is Effect.EXPLICITLY_DENIED)
    assert found.decision.statement in (decider.place.statement, decider.place.sid)
    assert decider.denies or not any(step.denies and step.matches for step in found.steps)
