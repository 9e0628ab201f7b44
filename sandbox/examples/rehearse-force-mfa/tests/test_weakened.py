"""Shows that the questions in checks.py can fail: each finds something when the policy is weaker, or too strict."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from checks import EVERYTHING, reached, touched
from latchkey_sandbox import Phone, User, allowed

POLICY: dict[str, Any] = json.loads((Path(__file__).parents[1] / "policy" / "force-mfa.json").read_text())
CONDITION = "aws:MultiFactorAuthPresent"


def changed(change: Callable[[list[dict[str, Any]]], object]) -> dict[str, Any]:
    """Return a copy of the policy with other statements."""
    document = copy.deepcopy(POLICY)
    change(document["Statement"])
    return document


def deny(statements: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the statement that denies all without MFA."""
    return next(statement for statement in statements if statement["Effect"] == "Deny")


@pytest.mark.parametrize(
    ("change", "opened"),
    [
        pytest.param(lambda all_of_it: all_of_it.remove(deny(all_of_it)), {"ec2", "s3", "lambda"}, id="no deny"),
        pytest.param(lambda all_of_it: deny(all_of_it)["NotAction"].append("s3:*"), {"s3"}, id="S3 exempt"),
        pytest.param(
            # A plain access key sends no such condition key, so without IfExists nothing is denied to it.
            lambda all_of_it: deny(all_of_it).update(Condition={"Bool": {CONDITION: "false"}}),
            {"ec2", "s3"},
            id="Bool in place of BoolIfExists",
        ),
    ],
)
def test_a_policy_that_leaves_something_open_is_found(
    aws_user: Callable[..., User], aws_group: Callable[..., str], change: Callable[..., object], opened: set[str]
) -> None:
    user = aws_user(groups=[aws_group(changed(change))], policies=[EVERYTHING])
    assert opened <= reached(user)


def test_a_policy_that_opens_other_users_credentials_is_found(
    aws_user: Callable[..., User], aws_group: Callable[..., str]
) -> None:
    def widen(statements: list[dict[str, Any]]) -> None:
        for statement in statements:
            if "iam:CreateVirtualMFADevice" in statement.get("Action", ()):
                statement["Resource"] = "*"

    group = aws_group(changed(widen))
    assert touched(aws_user(groups=[group]), aws_user(groups=[group])) == {"create their MFA device"}


def test_a_policy_that_locks_users_out_is_found(
    aws_user: Callable[..., User], aws_group: Callable[..., str], phone: Phone
) -> None:
    group = aws_group(changed(lambda statements: deny(statements)["NotAction"].remove("iam:EnableMFADevice")))
    assert not allowed(phone.enroll, user=aws_user(groups=[group]))
