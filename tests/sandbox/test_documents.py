"""A document that IAM refuses is refused wherever it is saved, in IAM's words, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.denials import TRUST
from tests.sandbox.test_rehearsal import edited, rehearse
from tests.support.people import hire
from tests.support.sandbox import Sandbox

AWS_2012 = {"Version": "2012-10-17"}
ONE = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*"}


def document(*statements: dict[str, Any], **elements: Any) -> str:
    return json.dumps({**AWS_2012, "Statement": list(statements), **elements})


REFUSED = {
    "Sid with a hyphen": (document(ONE | {"Sid": "Own-0"}), "must be alpha-numeric"),
    "Sid with a blank": (document(ONE | {"Sid": "own key"}), "must be alpha-numeric"),
    "the same Sid twice": (document(ONE | {"Sid": "A"}, ONE | {"Sid": "A"}), "must be unique"),
    "no JSON": ("{", "Syntax errors in policy"),
    "no object": ("[]", "Syntax errors in policy"),
    "a name twice": (
        document(ONE).replace('"Effect"', '"Effect": "Deny", "Effect"'),
        "Syntax errors in policy",
    ),
    "no statement": (document(), "Syntax errors in policy"),
    "an element that there is not": (document(ONE | {"Resources": "*"}), "Syntax errors in policy"),
    "a bare statement": (json.dumps(ONE), "Syntax errors in policy"),
    "another version": (document(ONE, Version="2012-10-18"), "must be version 2012-10-17"),
    "an effect of its own": (document(ONE | {"Effect": "allow "}), ""),
    "an action without its service": (document(ONE | {"Action": "ListUsers"}), "prefaced by a vendor"),
    "no actions": (document(ONE | {"Action": []}), ""),
    "no resource": (document({"Effect": "Allow", "Action": "iam:ListUsers"}), ""),
    "a resource that is no ARN": (document(ONE | {"Resource": "user/alice"}), "must be in ARN format"),
    "an operator that there is not": (document(ONE | {"Condition": {"StringSame": {"aws:username": "a"}}}), ""),
    "a principal": (document(ONE | {"Principal": "*"}), "should not specify a principal"),
    "an action with two colons": (document(ONE | {"Action": "ec2:ec2:RunInstances"}), "only one colon"),
    "a service with a blank": (document(ONE | {"Action": "i am:ListUsers"}), "Vendor i am is not valid"),
    "a partition that there is not": (document(ONE | {"Resource": "arn:amazon:s3:::b"}), 'Partition "amazon" is not'),
    "another partition": (document(ONE | {"Resource": "arn:aws-cn:s3:::b"}), 'Partition "aws-cn" is not valid'),
    "a user's region": (document(ONE | {"Resource": "arn:aws:iam:us-east-1::user/a"}), "cannot contain region"),
    "a bucket's region": (document(ONE | {"Resource": "arn:aws:s3:eu-west-1::b"}), "can not contain region"),
    "no type": (document(ONE | {"Resource": "arn:aws:iam::123456789012:alice"}), "IAM resource path must either be"),
    "an Id that is no text": (document(ONE, Id=5), "Syntax errors in policy"),
    "no number": (
        document(ONE | {"Condition": {"NumericLessThan": {"aws:EpochTime": float("nan")}}}),
        "Syntax errors",
    ),
}
"""(text, part of IAM's words)"""

Save = Callable[[Any, str, str], Any]
SAVES: dict[str, Save] = {
    "CreatePolicy": lambda iam, name, text: iam.create_policy(PolicyName=f"{name}-refused", PolicyDocument=text),
    "CreatePolicyVersion": lambda iam, name, text: iam.create_policy_version(
        PolicyArn=f"arn:aws:iam::123456789012:policy/{name}", PolicyDocument=text
    ),
    "PutUserPolicy": lambda iam, name, text: iam.put_user_policy(UserName=name, PolicyName="x", PolicyDocument=text),
    "PutGroupPolicy": lambda iam, name, text: iam.put_group_policy(
        GroupName=name, PolicyName="x", PolicyDocument=text
    ),
    "PutRolePolicy": lambda iam, name, text: iam.put_role_policy(RoleName=name, PolicyName="x", PolicyDocument=text),
}
ROOM = {
    "CreatePolicy": 6144,
    "CreatePolicyVersion": 6144,
    "PutUserPolicy": 2048,
    "PutGroupPolicy": 5120,
    "PutRolePolicy": 10240,
}


@pytest.fixture(scope="module")
def name(one: Sandbox) -> str:
    """Of a user, a group, a role and a policy."""
    iam = one.as_administrator("iam")
    name = hire(one, "documents", group=None).name
    iam.create_group(GroupName=name)
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.create_policy(PolicyName=name, PolicyDocument=document(ONE))
    return name


def said(save: Save, iam: Any, name: str, text: str) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as no:
        save(iam, name, text)
    answer = no.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


@pytest.mark.parametrize("how", SAVES)
def test_what_iam_refuses_is_refused_wherever_it_is_saved(one: Sandbox, name: str, how: str) -> None:
    iam = one.as_administrator("iam")
    for what, (text, words) in REFUSED.items():
        code, status, message = said(SAVES[how], iam, name, text)
        assert (code, status) == ("MalformedPolicyDocument", 400), what
        assert words in message and message, (what, message)
    assert iam.list_user_policies(UserName=name)["PolicyNames"] == []
    assert len(iam.list_policy_versions(PolicyArn=f"arn:aws:iam::123456789012:policy/{name}")["Versions"]) == 1


@pytest.mark.parametrize("how", SAVES)
def test_what_is_longer_than_iam_takes_is_refused_white_space_aside(one: Sandbox, name: str, how: str) -> None:
    iam, room = one.as_administrator("iam"), ROOM[how]

    def of_size(size: int) -> str:
        least = len(document(ONE | {"Sid": ""}).replace(" ", ""))
        return document(ONE | {"Sid": "A" * (size - least)})

    code, status, message = said(SAVES[how], iam, name, of_size(room + 1))
    assert (code, status) == ("LimitExceeded", 409) and str(room) in message
    SAVES[how](iam, name, of_size(room).replace(": ", ":" + " " * 900))
    if how.startswith("Put"):
        SAVES[how](iam, name, of_size(room))  # in place of itself


def test_inline_policies_of_a_user_have_room_together(one: Sandbox) -> None:
    iam, who = one.as_administrator("iam"), hire(one, "crowded", group=None).name
    half = document(ONE | {"Sid": "A" * 900})
    iam.put_user_policy(UserName=who, PolicyName="first", PolicyDocument=half)
    save: Save = lambda iam, name, text: iam.put_user_policy(  # noqa: E731 # as above
        UserName=name, PolicyName="second", PolicyDocument=text
    )
    assert said(save, iam, who, document(ONE | {"Sid": "A" * 1000}))[:2] == ("LimitExceeded", 409)
    iam.put_user_policy(UserName=who, PolicyName="second", PolicyDocument=half)


@pytest.mark.parametrize(
    "resource", ["arn:aws:iam::*", "arn:aws:cloudfront:*", "arn:aws:sqs", "*", "arn:aws:s3:::a*"]
)
def test_a_short_arn_is_taken_and_comes_back_as_it_was(one: Sandbox, name: str, resource: str) -> None:
    iam, text = one.as_administrator("iam"), document(ONE | {"Resource": resource})
    for how, save in SAVES.items():
        if how == "CreatePolicy":
            made = iam.create_policy(PolicyName=f"{name}-{abs(hash(resource))}", PolicyDocument=text)["Policy"]
            version = iam.get_policy_version(PolicyArn=made["Arn"], VersionId="v1")["PolicyVersion"]
            assert version["Document"] == json.loads(text)
        elif how == "CreatePolicyVersion":
            made = save(iam, name, text)["PolicyVersion"]
            iam.delete_policy_version(
                PolicyArn=f"arn:aws:iam::123456789012:policy/{name}", VersionId=made["VersionId"]
            )
        else:
            save(iam, name, text)
    assert iam.get_user_policy(UserName=name, PolicyName="x")["PolicyDocument"] == json.loads(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Syntax errors"),
        (document(ONE), "prohibited field Resource"),
        (document({"Effect": "Allow", "Action": "sts:AssumeRole"}), "required field Principal"),
        (TRUST.replace('"Effect"', '"Sid": "' + "A" * 2048 + '", "Effect"'), "ACLSizePerRole"),
    ],
)
def test_who_may_take_on_a_role_is_a_document_of_another_kind(one: Sandbox, name: str, text: str, words: str) -> None:
    iam = one.as_administrator("iam")
    for save in (
        lambda iam, name, text: iam.create_role(RoleName=f"{name}-other", AssumeRolePolicyDocument=text),
        lambda iam, name, text: iam.update_assume_role_policy(RoleName=name, PolicyDocument=text),
    ):
        code, status, message = said(save, iam, name, text)
        assert (code, status) == (("LimitExceeded", 409) if "ACL" in words else ("MalformedPolicyDocument", 400))
        assert words in message


def test_a_rehearsal_of_it_does_not_pass(tmp_path: Path) -> None:
    def hyphen(statements: list[dict[str, Any]]) -> None:
        statements[0]["Sid"] = "Own-0"

    done = rehearse(edited(tmp_path, hyphen), tmp_path)
    assert done.returncode == 1 and "passes" not in done.stdout
    assert "MalformedPolicyDocument" in done.stderr and "letters and digits" in done.stderr
    assert "alpha-numeric" in done.stderr, "IAM's words"
    (tmp_path / "edited.json").write_text(document(ONE).replace('"Effect"', '"Effect": "Deny", "Effect"'))
    done = rehearse(str(tmp_path / "edited.json"), tmp_path)
    assert done.returncode == 1 and "MalformedPolicyDocument" in done.stderr and "twice" in done.stderr
    long = {"Effect": "Deny", "Action": [f"iam:Action{n:04d}" for n in range(500)], "Resource": "*"}
    done = rehearse(edited(tmp_path, lambda statements: statements.append(long)), tmp_path)
    assert done.returncode == 1 and "LimitExceeded" in done.stderr and "6144" in done.stderr
