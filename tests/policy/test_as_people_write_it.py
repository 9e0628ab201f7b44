"""What people write, and what AWS makes of it: lists, wildcards, placeholders, other tools' variables, every user."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app.policy.check.all_checks import check
from app.policy.check.findings import Finding, Severity
from app.policy.cli import policy as command
from app.policy.explain import Question, explain
from app.policy.features import usual_resource
from app.policy.meaning import in_account
from app.policy.parsed import parsed
from app.policy.patterns import ResourcePattern
from app.policy.plain_words import in_words
from app.policy.reference.actions import arn_patterns, may_name
from app.policy.reference.listed_resources import LISTED_UNDER
from app.policy.reference.request_context import IamUser, Session, request_context

Document = dict[str, Any]
ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}:"
SPARED = [
    "iam:ListMFADevices",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:ResyncMFADevice",
    "iam:ChangePassword",
]
FORCED = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}


def sound(*more: dict[str, Any], account: str = ACCOUNT, own: str = "${aws:username}", **deny: Any) -> Document:
    """A policy that forces MFA; statement 2 is the deny, what follows comes beside it."""
    named = f"arn:aws:iam::{account}:"
    statements = [
        {"Effect": "Allow", "Action": [a for a in SPARED if "Create" not in a], "Resource": f"{named}user/{own}"},
        {"Effect": "Allow", "Action": SPARED[1], "Resource": f"{named}mfa/{own}"},
        {"Effect": "Deny", "NotAction": SPARED, "Resource": "*", "Condition": FORCED, **deny},
        *more,
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def findings(document: Document, *codes: str) -> list[Finding]:
    return [each for each in check(json.dumps(document)).findings if not codes or each.code in codes]


def errors(document: Document) -> list[str]:
    return [each.code for each in findings(document) if each.severity is Severity.ERROR]


def allow(action: Any, resource: Any = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


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
