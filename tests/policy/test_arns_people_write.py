"""ARNs people write, and what AWS makes of them: lists, types of resources, placeholders, accounts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app.policy.check.all_checks import check
from app.policy.check.findings import Severity
from app.policy.cli import policy as command
from app.policy.explain import Question, explain
from app.policy.features import usual_resource
from app.policy.meaning import in_account
from app.policy.parsed import parsed
from app.policy.patterns import ResourcePattern
from app.policy.reference.actions import arn_patterns, may_name
from app.policy.reference.listed_resources import LISTED_UNDER
from tests.policy.sound import ACCOUNT, FORCED, IAM, allow, errors, findings, sound


def test_the_policy_all_of_this_is_about_has_no_error() -> None:
    assert errors(sound()) == []


# Lists that AWS judges on an ARN, though its reference names none.


@pytest.mark.parametrize(("action", "under"), LISTED_UNDER.items())
def test_a_list_on_the_arn_aws_judges_it_on_is_no_error(action: str, under: str) -> None:
    for end in (under, f"{under}*", f"{under.rstrip('/')}*", f"{under}engineering/", f"{under}engineering/*"):
        document = sound(allow(action, f"{IAM}{end}"))
        assert errors(document) == [], end
        [finding] = findings(document, "resource-undocumented", "resource-unsupported")
        assert finding.code == "resource-undocumented" and finding.severity is Severity.WARNING
    for end in (f"{under}${{aws:username}}", f"{under}bob", "policy/", "oidc-provider/*"):
        assert errors(sound(allow(action, f"{IAM}{end}"))) == ["resource-unsupported"], end


def test_explain_asks_on_it_too_and_agrees() -> None:
    for action, under in LISTED_UNDER.items():
        document = sound(allow(action, f"{IAM}{under}"))
        asked = usual_resource(parsed(document, ACCOUNT), action.upper().replace("IAM", "iam"), "alice", "/")
        assert asked == f"{IAM}{under}"
        assert (
            explain(parsed(document, ACCOUNT), Question("alice", action, asked)).sentence == "Allowed by statement 3."
        )


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:GetAccountSummary", f"{IAM}user/*"),
        ("iam:ListAccountAliases", f"{IAM}user/"),
        ("iam:GetAccountPasswordPolicy", f"{IAM}*x"),
    ],
)
def test_what_is_asked_on_anything_stays_an_error_elsewhere(action: str, resource: str) -> None:
    assert errors(sound(allow(action, resource))) == ["resource-unsupported"]


# The type of a resource is compared before the first slash, part by part.


@pytest.mark.parametrize(
    ("action", "resource", "fits"),
    [
        ("iam:CreateVirtualMFADevice", f"{IAM}user/${{aws:username}}", False),
        ("iam:CreateVirtualMFADevice", f"{IAM}user/*", False),
        ("iam:CreateVirtualMFADevice", f"{IAM}us*", False),
        ("iam:CreateVirtualMFADevice", f"{IAM}*", True),
        ("iam:CreateVirtualMFADevice", "arn:aws:iam::*", True),
        ("iam:CreateVirtualMFADevice", "arn:aws:iam", True),
        ("iam:CreateVirtualMFADevice", f"{IAM}*/${{aws:username}}", True),
        ("iam:EnableMFADevice", f"{IAM}mfa/*", False),
        ("iam:EnableMFADevice", f"{IAM}user/${{aws:PrincipalTag/name}}", True),
        ("iam:PutRolePolicy", f"{IAM}group/*", False),
        ("iam:AttachGroupPolicy", f"{IAM}policy/*", False),
        ("lambda:InvokeFunction", f"arn:aws:lambda:*:{ACCOUNT}:layer:*", False),
        ("ec2:StartInstances", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/*", True),
        ("ec2:StartInstances", "arn:aws:ec2:*", True),
        ("s3:ListBucket", "arn:aws:s3:::bucket/*", False),
        ("s3:ListBucket", "arn:aws:s3:::bucket*", True),
        ("s3:GetObject", "arn:aws:s3:::bucket", False),
        ("s3:GetObject", "arn:aws:s3:::*", True),
    ],
)
def test_the_wrong_type_of_resource_is_found_whatever_it_ends_in(action: str, resource: str, fits: bool) -> None:
    assert ("resource-unsupported" in errors(sound(allow(action, resource)))) is not fits
    assert any(may_name(resource, arn) for arn in arn_patterns(action)) is fits


pieces = st.lists(st.sampled_from(["user", "mfa", "/", "*", "?", "alice", ":", "${aws:username}", "x"]), max_size=5)


@given(pieces, st.sampled_from(["user/alice", "user/x/alice", "mfa/alice", "mfa/x", "user/", "group/alice"]))
def test_a_resource_that_the_judge_takes_may_name_it(ends: list[str], value: str) -> None:
    resource = f"arn:aws:iam::{ACCOUNT}:{''.join(ends)}"
    if ResourcePattern(resource, variables=True).matches(IAM + value, {"aws:username": "alice"}):
        assert may_name(resource, f"arn:*:iam::*:{value.split('/', maxsplit=1)[0]}/*")


# Placeholders in place of the account.


@pytest.mark.parametrize(
    "account",
    [
        "YOUR-ACCOUNT-ID",
        "ACCOUNT",
        "<account-id>",
        "1234-5678-9012",
        "12345678901",
        "1234567890123",
        "xxxxxxxxxxxx",
        "12*x",
    ],
)
def test_what_stands_in_place_of_the_account_is_named(account: str) -> None:
    document = sound(account=account)
    found = [each for each in findings(document) if each.severity is Severity.ERROR]
    assert [(each.code, each.place.statement) for each in found] == [
        ("account-malformed", 0),
        ("account-malformed", 1),
    ]
    assert all(account in each.sentence and "12" in each.remedy for each in found)


def test_explain_judges_them_as_check_does_and_says_so(tmp_path: Path) -> None:
    placeholder = (sound(account="YOUR-ACCOUNT-ID"), "YOUR-ACCOUNT-ID is read as the account’s ID")
    variable = (sound(own="&{aws:username}"), "&{aws:username} is read as ${aws:username}")
    for document, filled_in in (placeholder, variable):
        file = tmp_path / "policy.json"
        file.write_text(json.dumps(document))
        done = CliRunner().invoke(command, ["explain", str(file), "--action", "iam:ListMFADevices"])
        assert "Allowed by statement 0." in done.output
        assert f"statement 0, Resource: {filled_in}." in done.output.splitlines()


def test_a_placeholder_in_a_condition_is_named_and_judged_as_it_is_meant() -> None:
    everyone = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::YOUR-ACCOUNT-ID:user/*"}}
    document = sound(Condition=FORCED | everyone)
    [finding] = [each for each in findings(document) if each.severity is Severity.ERROR]
    assert (finding.code, finding.place.element) == ("account-malformed", "Condition")


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
@pytest.mark.parametrize("account", ["accountid", "YOUR-ACCOUNT-ID", "111122223333", "1111*"])
def test_a_document_means_the_same_in_another_account(account: str, partition: str) -> None:
    document = json.loads(json.dumps(sound(account=account)).replace("arn:aws:", f"arn:{partition}:"))
    if account == "111122223333":
        by_account = {"Condition": {"StringEquals": {"aws:PrincipalAccount": account}}}
        elsewhere = f"arn:{partition}:iam::{ACCOUNT}:user/somebody"
        document["Statement"] += [allow("s3:GetObject", elsewhere), allow("s3:GetObject") | by_account]
    moved = in_account(document, ACCOUNT)
    expected = sound()
    assert moved["Statement"][:3] == expected["Statement"][:3]
    if account == "111122223333":
        assert moved["Statement"][3]["Resource"] == "arn:aws:iam::111122223333:user/somebody", "still someone else’s"
        assert moved["Statement"][4]["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}


@pytest.mark.parametrize("account", [ACCOUNT, "*", "accountid", "1234*", "????????????"])
def test_what_can_be_an_account_is_one(account: str) -> None:
    assert errors(sound(account=account)) == []
    assert not findings(sound(allow("s3:GetObject", "arn:aws:s3:::b/*")), "account-malformed")
    assert not findings(sound(allow("iam:GetPolicy", "arn:aws:iam::aws:policy/*")), "account-malformed")


# The account and partition that a document names anywhere.

OF_CONDITIONS = [
    ({"ArnLike": {"aws:PrincipalArn": "arn:aws-us-gov:iam::123456789012:user/*"}}, "aws-us-gov"),
    ({"StringLike": {"AWS:principalarn": ["arn:aws:iam::123456789012:user/a*"]}}, "aws"),
    ({"StringEquals": {"aws:PrincipalAccount": "123456789012"}}, "aws"),
]


@pytest.mark.parametrize(("condition", "partition"), OF_CONDITIONS)
def test_an_account_that_only_a_condition_names_is_the_documents(
    condition: dict[str, Any], partition: str, tmp_path: Path
) -> None:
    document = {"Version": "2012-10-17", "Statement": [{**allow("iam:ListMFADevices"), "Condition": condition}]}
    works = {each.feature.code: each.when.value for each in check(json.dumps(document)).features}
    assert works["see-devices"] == "before MFA"
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(document))
    done = CliRunner().invoke(command, ["explain", str(file), "--action", "iam:ListMFADevices"])
    assert f"on arn:{partition}:iam::{ACCOUNT}:user/alice: Allowed by statement 0." in done.output


def test_an_account_that_a_condition_keeps_out_is_not_the_documents() -> None:
    others = {"StringNotEquals": {"aws:PrincipalAccount": "210987654321"}}
    document = {"Version": "2012-10-17", "Statement": [{**allow("iam:ListMFADevices"), "Condition": others}]}
    assert {each.when.value for each in check(json.dumps(document)).features} == {"before MFA", "not at all"}


@pytest.mark.parametrize(
    "beginning", ["arn:aws*:iam::123456789012:", "arn:*:iam::123456789012:", "arn:aws:iam::1234*"]
)
def test_a_pattern_that_matches_where_the_document_is_for_is_not_elsewhere(beginning: str) -> None:
    document = sound(allow("iam:GetUser", f"{beginning}user/*" if beginning.endswith(":") else beginning))
    assert errors(document) == [] and not findings(document, "elsewhere")
    only = {"Version": "2012-10-17", "Statement": [allow("iam:ListMFADevices", beginning)]}
    works = {each.feature.code: each.when.value for each in check(json.dumps(only)).features}
    assert beginning.endswith(":") or works["see-devices"] == "before MFA"
