"""`policy check` finds permissions beyond self-service, whichever user or role they apply to."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.check.privileged_actions import ANYTHING, DANGERS, Danger, Target
from app.policy.reference.actions import arn_patterns, real_name
from app.policy.reference.pass_role import RUNNERS
from tests.policy.test_risks import DENY, ERROR, IAM, SPARED, WARNING, found, with_more


def allowing(action: Any, resource: Any = "*", **elements: Any) -> dict[str, Any]:
    return with_more({"Effect": "Allow", "Action": action, "Resource": resource, **elements})


def arn(target: Target, name: str) -> str:
    region = "eu-central-1" if target.regional else ""
    account = "" if target.accountless else "accountid"
    return f"arn:aws:{target.service}:{region}:{account}:{target.all_of.replace('*', name)}"


OF_ACTIONS = [(danger, action, target) for danger in DANGERS for action, target in danger.target_of.items()]
SERVICES = sorted({f"{action.partition(':')[0]}:*" for _, action, _ in OF_ACTIONS})


@pytest.mark.parametrize(("danger", "action", "target"), OF_ACTIONS, ids=[action for _, action, _ in OF_ACTIONS])
def test_what_makes_more_of_people_or_somebody_else_of_them(danger: Danger, action: str, target: Target) -> None:
    anybody = arn(target, "*")
    everywhere: list[Any] = ["*"]
    if target is not ANYTHING:
        everywhere += [anybody, [f"{IAM}mfa/x", anybody.replace("accountid", "*")]]
    for resource in everywhere:
        [finding] = found(allowing(action, resource), danger.code)
        assert (finding.severity, finding.place.statement, finding.subject) == (danger.severity, 5, action)
        assert f"allows {action}" in finding.sentence
        assert ("even without MFA" in finding.sentence) is (action in SPARED)
    assert found(allowing(action.lower()), danger.code) and found(allowing(f"{action[:-2]}*"), danger.code)
    if target is not ANYTHING:
        assert bool(found(allowing(action, arn(target, "bob")), danger.code)) is not target.unnamed
    own = found(allowing(action, f"{IAM}user/${{aws:username}}"), danger.code)
    assert bool(own) is (target.all_of == "user/*" and target.service == "iam" and not target.others)


@pytest.mark.parametrize(
    ("action", "target"), [each[1:] for each in OF_ACTIONS], ids=[each[1] for each in OF_ACTIONS]
)
def test_every_danger_is_an_action_of_aws_on_what_aws_judges_it_on(action: str, target: Target) -> None:
    assert real_name(action) == action
    if target is ANYTHING:
        assert not arn_patterns(action)
    elif target.prefix != "root":  # the service reference has no type for it
        patterns = [pattern.split(":", 5) for pattern in arn_patterns(action)]
        assert any(
            (parts[2], bool(parts[3]), bool(parts[4])) == (target.service, target.regional, not target.accountless)
            and parts[5].startswith(target.prefix)
            for parts in patterns
        ), patterns


PASSING = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": f"{IAM}role/*"}


@pytest.mark.parametrize("action", RUNNERS)
def test_a_role_to_pass_and_something_that_runs_with_it_is_an_error(action: str) -> None:
    assert real_name(action) == action
    [finding] = found(with_more({"Effect": "Allow", "Action": action, "Resource": "*"}, PASSING), "any-role")
    assert (finding.severity, finding.place.statement, finding.subject) == (ERROR, 6, "iam:PassRole")
    assert f"The document also allows {action}, so users can run anything as that role." in finding.sentence


@pytest.mark.parametrize("action", ["ec2:RunInstances", "batch:RegisterJobDefinition"])
def test_either_alone_is_no_error(action: str) -> None:
    running = {"Effect": "Allow", "Action": action, "Resource": "*"}
    to_it = {"StringEquals": {"iam:PassedToService": [RUNNERS[action], "x.amazonaws.com"]}}
    assert found(with_more(running, {**PASSING, "Condition": to_it}), "any-role")[0].severity is ERROR
    elsewhere = {"StringEquals": {"iam:PassedToService": "x.amazonaws.com"}}
    for harmless in (
        with_more(PASSING),
        with_more(running, {**PASSING, "Condition": elsewhere}),
        with_more(running, PASSING, {"Effect": "Deny", "Action": action.upper(), "Resource": "*"}),
        with_more({**running, "Resource": f"{IAM}user/x"}, PASSING),
    ):
        assert [each.severity for each in found(harmless, "any-role")] == [WARNING]
    assert not found(with_more(running, {**PASSING, "Resource": f"{IAM}role/batch"}), "any-role"), "it is meant"
    assert not found(with_more(running), "any-role")


def test_what_runs_and_the_role_have_to_be_possible_at_the_same_time() -> None:
    only_with = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    only_without = {"Bool": {"aws:MultiFactorAuthPresent": "false"}}
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*", "Condition": only_with}
    running = {"Effect": "Allow", "Action": "ec2:Run*", "Resource": "arn:aws:ec2:*:*:*"}
    assert found(with_more(passing, running), "any-role")[0].severity is ERROR
    never = {**running, "Condition": only_without}
    assert found(with_more(passing, never), "any-role")[0].severity is WARNING


def test_what_names_one_of_the_resources_that_run_is_meant() -> None:
    for resource in ("function:billing", "function:dev-*"):
        assert not found(allowing("lambda:Update*", f"arn:aws:lambda:*:accountid:{resource}"))
    assert found(allowing("lambda:Update*", "arn:aws:lambda:*:accountid:function:*"), "can-escalate")
    assert found(allowing("lambda:Update*", "arn:aws:lambda:*:accountid:*"), "can-escalate")


def test_a_deny_in_one_region_leaves_the_others() -> None:
    everything = {"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}
    for region, left in (("*", False), ("eu-central-1", True), ("", True)):
        deny = {"Effect": "Deny", "Action": "lambda:*", "Resource": f"arn:aws:lambda:{region}:*:function:*"}
        assert bool(found(with_more(everything, deny), "can-escalate")) is left, region


OTHERS = ["user/bob", "user/alice", "user/a*", "user/?lice", "user/${aws:username}*", "user/*${aws:username}"]
OTHERS += ["user/${aws:PrincipalTag/boss}", "user/${aws:username}/*", "us*", "*"]
OWN = ["user/${aws:username}", "user/*/${aws:username}", "user/eng/${AWS:UserName}", "mfa/*"]


@pytest.mark.parametrize(("below", "others"), [(each, True) for each in OTHERS] + [(each, False) for each in OWN])
def test_whose_credentials_a_resource_means(below: str, others: bool) -> None:
    assert bool(found(allowing("iam:CreateAccessKey", IAM + below), "others-credentials")) is others


def test_all_but_something_is_others_too() -> None:
    document = with_more({"Effect": "Allow", "NotAction": "ec2:*", "NotResource": f"{IAM}user/root"})
    assert {"can-escalate", "others-credentials", "any-role"} <= {each.code for each in found(document)}
    assert not found(with_more({"Effect": "Allow", "NotAction": SERVICES, "Resource": "*"}))


def test_what_is_denied_all_the_same_is_no_danger() -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    never = {"Effect": "Deny", "Action": SERVICES, "Resource": "*"}
    own = f"{IAM}user/${{aws:username}}"
    assert not found(with_more(everything, never), *(danger.code for danger in DANGERS))
    others = {"Effect": "Deny", "Action": SERVICES, "NotResource": own}
    codes = {each.code for each in found(with_more(everything, others))}
    assert "can-escalate" in codes and "others-credentials" not in codes, "their own user is left to them"
    named = [f"{IAM}user/{name}" for name in ("alice", "somebody-else", "a*")]
    for hole in (
        {"Condition": {"StringNotEquals": {"aws:UserAgent": "x"}}},
        {"Condition": {"StringEquals": {"aws:username": "alice"}}},
        {"Resource": named},
        {"Resource": f"{IAM}mfa/*"},
        {"Resource": "arn:aws-cn:iam::*:user/*"},
    ):
        danger = found(with_more(everything, {**never, **hole}), "can-escalate", "others-credentials")
        assert [each.code for each in danger] == ["can-escalate", "others-credentials"], hole
    bob = {"Effect": "Allow", "Action": "iam:CreateAccessKey", "Resource": f"{IAM}user/bob"}
    for resource in (f"{IAM}user/bob", f"{IAM}user/*", "arn:aws:iam::*:*"):
        assert not found(with_more(bob, {**never, "Resource": resource}), "others-credentials")


def test_without_mfa_it_is_an_error_always() -> None:
    document = allowing(["sts:AssumeRole", "iam:PassRole"])
    document["Statement"][DENY]["NotAction"] = [*SPARED, "sts:AssumeRole"]
    [finding] = found(document, "any-role")
    assert finding.severity is ERROR and "This works even without MFA: sts:AssumeRole." in finding.sentence
    only = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    document["Statement"][5] |= only
    assert found(document, "any-role")[0].severity is WARNING


def test_a_condition_that_limits_it_is_named_and_makes_it_no_better() -> None:
    for limit in ({"ArnLike": {"iam:PolicyARN": "arn:aws:iam::*:policy/x"}}, {"StringLike": {"iam:PolicyARN": "*"}}):
        [finding] = found(allowing("iam:AttachUserPolicy", Condition=limit))
        assert finding.severity is ERROR and "It depends on iam:PolicyARN." in finding.sentence
