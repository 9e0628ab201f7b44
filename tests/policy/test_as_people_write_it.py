"""What people write beside ARNs: other tools' variables, conditions for every user, NotAction, the age of a code."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.policy.check.all_checks import check
from app.policy.check.findings import Severity
from app.policy.explain import Question, explain
from app.policy.parsed import parsed
from app.policy.plain_words import in_words
from app.policy.reference.request_context import IamUser, Session, request_context
from tests.policy.sound import ACCOUNT, FORCED, IAM, allow, errors, findings, sound

# Variables as other tools write them, and slips.


@pytest.mark.parametrize(
    ("written", "tool"),
    [
        ("&{aws:username}", "Terraform’s"),
        ("$${aws:username}", "Terraform’s"),
        ("${!aws:username}", "CloudFormation’s"),
        ("#{aws:username}", "another tool’s"),
        ("{{aws:username}}", "another tool’s"),
        ("{aws:username}", "another tool’s"),
        ("${{aws:username}}", "another tool’s"),
        ("\\${aws:username}", "another tool’s"),
        ("$aws:username", "AWS spells"),
        ("<aws:username>", "AWS spells"),
        ("${aws:username", "AWS spells"),
    ],
)
def test_a_variable_in_another_tools_spelling_is_named(written: str, tool: str) -> None:
    document = sound(allow("iam:CreateAccessKey", f"{IAM}user/{written}"))
    [finding] = [each for each in findings(document) if each.severity is Severity.ERROR]
    assert (finding.code, finding.place.statement, finding.subject) == ("no-such-variable", 3, written)
    assert tool in finding.sentence and finding.remedy == "Write ${aws:username}."


@pytest.mark.parametrize("unseen", ["\u200b", "\u00ad", "\ufeff", "\u202a"])
def test_what_nobody_sees_in_a_policy_is_named(unseen: str) -> None:
    document = sound(allow(f"iam:Get{unseen}User", f"{IAM}user/*"), allow("iam:GetRole", f"{IAM}role/{unseen}admin"))
    found = findings(document, "invisible-character")
    assert [(each.place.statement, each.place.element) for each in found] == [(3, "Action"), (4, "Resource")]
    assert all(f"U+{ord(unseen):04X}" in each.sentence and unseen not in each.sentence for each in found)
    assert found[0].subject == "iam:GetUser" and not findings(sound(), "invisible-character")


@pytest.mark.parametrize("written", ["<username>", "<your name>", "{{username}}", "&{username}"])
def test_a_placeholder_for_the_user_is_named_and_is_nobody(written: str) -> None:
    document = sound(allow("iam:CreateAccessKey", f"{IAM}user/{written}"))
    assert errors(document) == ["no-such-variable"]
    assert findings(document, "no-such-variable")[0].subject == written


@pytest.mark.parametrize(
    "written", ["${aws:user}", "${username}", "${aws:userName1}", "${AWS::AccountId}", "${iam:user}"]
)
def test_a_name_that_is_no_variable_is_named_and_counts_as_nobody(written: str) -> None:
    document = sound(allow("iam:CreateAccessKey", f"{IAM}user/{written}"))
    assert errors(document) == ["no-such-variable"]
    assert findings(document, "no-such-variable")[0].subject == written
    own = sound(own=written)
    assert not check(json.dumps(own)).usable, "it matches nobody"
    found = explain(parsed(own, ACCOUNT), Question("alice", "iam:ListMFADevices", f"{IAM}user/alice", "key"))
    assert found.sentence == "Not allowed: no statement allows it."
    condition = {"StringEquals": {"aws:PrincipalTag/team": written}}
    assert "no-such-variable" in errors(sound({**allow("s3:GetObject"), "Condition": condition}))


@pytest.mark.parametrize(
    ("written", "others"),
    [
        ("${aws:username}", False),
        ("${AWS:UserName}", False),
        ("${saml:sub}", False),
        ("*", True),
        ("bob", True),
        ("${aws:PrincipalTag/colleague}", True),
        ("${aws:username}*", True),
    ],
)
def test_other_people_are_other_people(written: str, others: bool) -> None:
    found = errors(sound(allow("iam:CreateAccessKey", f"{IAM}user/{written}")))
    assert found == (["others-credentials"] if others else [])


# Conditions that hold for every IAM user exempt nobody.

EVERYBODY = [
    ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*"),
    ("ArnLike", "aws:PrincipalArn", f"{IAM}user/*"),
    ("StringLike", "aws:PrincipalArn", ["arn:aws:iam::*:user/*", "arn:aws:iam::*:role/x"]),
    ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:role/*"),
    ("ArnNotLike", "aws:PrincipalArn", ["arn:aws:sts::*:assumed-role/*", "arn:aws:iam::*:root"]),
    ("StringEquals", "aws:PrincipalType", "User"),
    ("StringNotEquals", "aws:PrincipalType", ["AssumedRole", "Account"]),
    ("Bool", "aws:PrincipalIsAWSService", "false"),
    ("StringLike", "aws:username", "*"),
    ("Null", "aws:username", "false"),
    ("StringEquals", "aws:PrincipalAccount", ACCOUNT),
    ("StringLike", "aws:userid", "AIDA*"),
    ("StringNotLike", "aws:userid", "*:*"),
    ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z"),
    ("Null", "aws:FederatedProvider", "true"),
    ("IpAddress", "aws:SourceIp", ["0.0.0.0/0", "::/0"]),
]


@pytest.mark.parametrize(("operator", "key", "value"), EVERYBODY)
def test_a_condition_that_holds_for_every_user_narrows_nothing(operator: str, key: str, value: Any) -> None:
    assert errors(sound(Condition={**FORCED, operator: {key: value}})) == []


SOMEBODY = [
    ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:user/admins/*"),
    ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/${aws:username}"),
    ("StringNotEquals", "aws:username", "bob"),
    ("StringLike", "aws:username", "??*"),
    ("StringNotLike", "aws:username", "*-svc"),
    ("StringNotEquals", "aws:PrincipalTag/admin", "yes"),
    ("StringNotLike", "aws:userid", "AIDAEXAMPLE*"),
    ("DateLessThan", "aws:CurrentTime", "2099-01-01T00:00:00Z"),
    ("StringEquals", "aws:PrincipalOrgID", "o-12345"),
    ("IpAddress", "aws:SourceIp", "0.0.0.0/0"),
    ("StringLike", "aws:SourceIp", "203.0.113.*"),
]


@pytest.mark.parametrize(("operator", "key", "value"), SOMEBODY)
def test_one_that_exempts_people_stays_an_error(operator: str, key: str, value: Any) -> None:
    assert errors(sound(Condition={**FORCED, operator: {key: value}})) == ["deny-narrowed"]


# NotAction that exempts everything.


@pytest.mark.parametrize("spared", ["*", "*:*", ["iam:*", "sts:AssumeRole", "*"], ["s3:*", "*:**"], "*:?*"])
def test_a_deny_that_spares_everything_denies_nothing(spared: Any) -> None:
    document = sound(NotAction=spared)
    [finding] = [each for each in findings(document) if each.severity is Severity.ERROR]
    assert (finding.code, finding.place.statement, finding.place.element) == ("deny-of-nothing", 2, "NotAction")
    assert in_words(parsed(document))[2].sentence.startswith("Denies nothing")


# The age of a code.


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}},
        {"NumericLessThanEquals": {"aws:MultiFactorAuthAge": 300}},
        {"Null": {"aws:MultiFactorAuthAge": False}},
    ],
)
def test_what_takes_a_fresh_code_works_with_mfa(condition: dict[str, Any]) -> None:
    own = ["iam:ListAccessKeys", "iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"]
    document = sound({**allow(own, f"{IAM}user/${{aws:username}}"), "Condition": condition})
    works = {each.feature.code: each.when.value for each in check(json.dumps(document)).features}
    assert works["access-keys"] == "only with MFA"


@pytest.mark.parametrize(
    "condition",
    [
        {"Null": {"aws:MultiFactorAuthAge": "true"}},
        {"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "43200"}},
        {"NumericGreaterThanEqualsIfExists": {"aws:MultiFactorAuthAge": "3600"}},
    ],
)
def test_a_deny_by_the_age_forces_mfa_and_ends_with_it(condition: dict[str, Any]) -> None:
    own = allow(["iam:DeactivateMFADevice", "iam:ListAccessKeys"], f"{IAM}user/${{aws:username}}")
    device = allow("iam:DeleteVirtualMFADevice", f"{IAM}mfa/${{aws:username}}")
    document = sound(own, device, Condition=condition)
    assert errors(document) == []
    works = {each.feature.code: each.when.value for each in check(json.dumps(document)).features}
    assert works["give-up-device"] == "only with MFA"
    context = request_context(IamUser(ACCOUNT, "alice", f"{IAM}user/alice"), Session.of(mfa=True), "iam:ListUsers")
    assert context["aws:MultiFactorAuthAge"] == "60"
