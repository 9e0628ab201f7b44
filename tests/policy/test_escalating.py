"""`policy check`: what gives people more than self-service is told of, whoever it is about."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.escalating import DANGERS
from tests.policy.test_dangers import DENY, ERROR, IAM, SPARED, WARNING, found, with_more


def allowing(action: Any, resource: Any = "*", **elements: Any) -> dict[str, Any]:
    return with_more({"Effect": "Allow", "Action": action, "Resource": resource, **elements})


OF_ACTIONS = [(danger, action, kind) for danger in DANGERS for action, kind in danger.kinds.items()]


@pytest.mark.parametrize(("danger", "action", "kind"), OF_ACTIONS, ids=[action for _, action, _ in OF_ACTIONS])
def test_what_makes_more_of_people_or_somebody_else_of_them(danger: Any, action: str, kind: str) -> None:
    anybody = f"{IAM}{kind}" if kind == "root" else f"{IAM}{kind}/*"
    for resource in ("*", anybody, [f"{IAM}mfa/x", anybody.replace("accountid", "*")]):
        [finding] = found(allowing(action, resource), danger.code)
        assert (finding.severity, finding.place.statement, finding.subject) == (danger.severity, 5, action)
        assert f"it allows {action}" in finding.sentence
        assert ("even without MFA" in finding.sentence) is (action in SPARED)
    assert found(allowing(action.lower()), danger.code) and found(allowing(f"{action[:-2]}*"), danger.code)
    named = found(allowing(action, f"{IAM}{kind}/bob"), danger.code)
    assert bool(named) is not (danger.open_only or kind == "root")
    own = found(allowing(action, f"{IAM}user/${{aws:username}}"), danger.code)
    assert bool(own) is (danger.own and kind == "user")


OTHERS = ["user/bob", "user/alice", "user/a*", "user/?lice", "user/${aws:username}*", "user/*${aws:username}"]
OTHERS += ["user/${aws:PrincipalTag/boss}", "user/${aws:username}/*", "us*", "*"]
OWN = ["user/${aws:username}", "user/*/${aws:username}", "user/eng/${AWS:UserName}", "mfa/*"]


@pytest.mark.parametrize(("below", "others"), [(each, True) for each in OTHERS] + [(each, False) for each in OWN])
def test_whose_credentials_a_resource_means(below: str, others: bool) -> None:
    assert bool(found(allowing("iam:CreateAccessKey", IAM + below), "others-credentials")) is others


def test_all_but_something_is_others_too() -> None:
    document = with_more({"Effect": "Allow", "NotAction": "ec2:*", "NotResource": f"{IAM}user/root"})
    assert {"can-escalate", "others-credentials", "any-role"} <= {each.code for each in found(document)}
    assert not found(with_more({"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}))


def test_what_is_denied_all_the_same_is_no_danger() -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    never = {"Effect": "Deny", "Action": ["iam:*", "sts:*"], "Resource": "*"}
    own = f"{IAM}user/${{aws:username}}"
    assert not found(with_more(everything, never), "can-escalate", "others-credentials", "any-role")
    others = {"Effect": "Deny", "Action": "iam:*", "NotResource": own}
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
    assert finding.severity is ERROR and "; even without MFA sts:AssumeRole." in finding.sentence
    only = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    document["Statement"][5] |= only
    assert found(document, "any-role")[0].severity is WARNING


def test_a_condition_that_limits_it_is_named_and_makes_it_no_better() -> None:
    for limit in ({"ArnLike": {"iam:PolicyARN": "arn:aws:iam::*:policy/x"}}, {"StringLike": {"iam:PolicyARN": "*"}}):
        [finding] = found(allowing("iam:AttachUserPolicy", Condition=limit))
        assert finding.severity is ERROR and ", as far as iam:PolicyARN allows" in finding.sentence
