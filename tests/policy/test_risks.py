"""`policy check` reports a policy that does not force MFA, and no other."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.policy.check.all_checks import check
from app.policy.check.exempted_actions import known
from app.policy.check.findings import Finding, Severity
from app.policy.check.statement_scope import scopes_of
from app.policy.documents import VARIANTS, read
from app.policy.evaluation import compiled
from app.policy.parsed import parsed
from app.policy.reference.action_patterns import named_by
from app.policy.reference.actions import all_actions, services
from tests.policy.test_check import work

Statement = dict[str, Any]
ERROR, WARNING = Severity.ERROR, Severity.WARNING
DENY = 4
SPARED: list[str] = read("recommended")["Statement"][DENY]["NotAction"]
FORCED = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
IAM = "arn:aws:iam::accountid:"
unhurried = settings(deadline=None)
"""AWS's actions are read from files when they are first asked for."""


def found(document: dict[str, Any], *codes: str) -> list[Finding]:
    """Findings of these codes; all where none is given."""
    return [each for each in check(json.dumps(document)).findings if each.code in codes or not codes]


def with_deny(**elements: Any) -> dict[str, Any]:
    """The recommended document with its deny written otherwise; None takes an element away."""
    document = read("recommended")
    deny = document["Statement"][DENY] | elements
    document["Statement"][DENY] = {name: value for name, value in deny.items() if value is not None}
    return document


def with_more(*statements: Statement) -> dict[str, Any]:
    document = read("recommended")
    document["Statement"] += statements
    return document


def sparing(*entries: str) -> dict[str, Any]:
    return with_deny(NotAction=[*SPARED, *entries])


SPARED_BEYOND = [
    ("s3:*", "s3:CreateAccessGrant, "),
    ("S3:GetObject", "s3:GetObject"),
    ("iam:CreateAccessKey", "even with a stolen key"),
    ("sts:AssumeRole", "even with a stolen key"),
    ("iam:*AccessKey", "iam:CreateAccessKey, iam:DeleteAccessKey, iam:UpdateAccessKey"),
    ("iam:??tUserPolicy", "iam:PutUserPolicy"),
    ("iam:*MFA*", "iam:DeactivateMFADevice"),
    ("*:Get*", "actions of many services"),
    ("s*:*", "actions of many services"),
]


@pytest.mark.parametrize(("entry", "words"), SPARED_BEYOND)
def test_whatever_the_deny_spares_beyond_getting_mfa_is_an_error(entry: str, words: str) -> None:
    [finding] = found(sparing(entry), "action-spared")
    assert (finding.severity, finding.subject) == (ERROR, entry)
    assert (finding.place.statement, finding.place.element) == (DENY, "NotAction")
    assert words in finding.sentence and entry in finding.sentence
    assert finding.remedy.startswith(f"Take {entry} out of NotAction")


@pytest.mark.parametrize("entry", ["iam:*MFA*", "iam:*MFADevice*", "*:*MFADevice*"])
def test_what_getting_mfa_takes_of_a_wildcard_stays_spared(entry: str) -> None:
    document = with_deny(NotAction=[entry, "iam:ChangePassword", "iam:ResyncMFADevice"])
    [finding] = found(document, "action-spared")
    named = "iam:ListMFADevices, iam:CreateVirtualMFADevice, iam:EnableMFADevice"
    assert finding.remedy == f"Take {entry} out of NotAction, and name {named} instead."
    spelt_out = with_deny(NotAction=["iam:ChangePassword", "iam:ResyncMFADevice", *named.split(", ")])
    assert not [each for each in found(spelt_out) if each.severity is ERROR], "and users can still get MFA"


def test_a_deny_of_nothing_is_no_deny() -> None:
    for action in ("*:", ":*", "::"):
        codes = {each.code for each in found(with_deny(NotAction=None, Action=action)) if each.severity is ERROR}
        assert codes & {"mfa-not-demanded", "deny-leaves-out"}, action


def test_a_value_that_stands_for_what_the_client_sends_narrows_the_deny() -> None:
    chosen = {"StringNotEquals": {"aws:MultiFactorAuthPresent": "${aws:UserAgent, 'true'}"}}
    [finding] = found(with_deny(Condition=chosen), "deny-narrowed")
    assert finding.severity is ERROR and "aws:UserAgent" in finding.sentence


def test_what_services_do_on_somebodys_behalf_is_a_warning() -> None:
    both = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false", "aws:ViaAWSService": "false"}}
    [finding] = found(with_deny(Condition=both), "deny-narrowed")
    assert finding.severity is WARNING


def test_a_deny_that_mfa_does_not_end_is_an_error() -> None:
    [finding] = found(with_deny(Condition=None), "denied-with-mfa")
    assert (finding.severity, finding.place.statement) == (ERROR, DENY)
    either = {"Bool": {"aws:MultiFactorAuthPresent": ["true", "false"]}}
    assert found(with_deny(Condition=either), "denied-with-mfa")


def test_each_entry_is_told_and_many_are_counted() -> None:
    assert [each.subject for each in found(sparing("s3:*", "iam:CreateAccessKey", "sts:AssumeRole"))] == [
        "s3:*",
        "iam:CreateAccessKey",
        "sts:AssumeRole",
    ]
    many = found(sparing(*(f"{service}:*" for service in services()[:100])), "action-spared")
    assert len(many) == 9 and "and 89 more" in many[-1].sentence


@unhurried
@given(
    st.sampled_from(services()).flatmap(lambda service: st.sampled_from(all_actions(service) or ("s3:GetObject",)))
)
def test_any_action_added_to_what_is_spared_fails_a_strict_check(action: str) -> None:
    errors = [each.subject for each in found(sparing(action)) if each.severity is ERROR]
    assert errors == ([] if action.lower() in known() else [action])


@unhurried
@given(
    st.sampled_from(["iam", "sts", "s3", "signin"]).flatmap(lambda service: st.sampled_from(all_actions(service))),
    st.data(),
)
def test_so_does_any_pattern_that_names_one(action: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(action.index(":") + 1, len(action)))
    mark = data.draw(st.sampled_from(["*", "?"]))
    pattern = action[:at] + mark + action[at + (mark == "?") :]
    if action.lower() not in known() and named_by(pattern):
        assert any(each.severity is ERROR for each in found(sparing(pattern)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_documents_of_aws_spare_is_none(variant: str) -> None:
    document = read(variant)
    assert not found(document, "action-spared", "deny-leaves-out", "can-escalate", "any-role", "runs-as-role")
    assert [each.severity for each in found(document, "deny-narrowed")] == [WARNING] * (variant == "re-post")
    assert not found(document, "others-credentials", "mfa-not-demanded")


def test_what_another_statement_denies_is_not_spared() -> None:
    second = {"Effect": "Deny", "Action": ["s3:*", "IAM:createaccesskey"], "Resource": "*", "Condition": FORCED}
    document = sparing("s3:GetObject", "iam:CreateAccessKey")
    document["Statement"].append(second)
    assert found(document) == []
    for narrower in (
        {"Resource": "arn:aws:s3:::bucket/*"},
        {"Condition": {**FORCED, "StringNotLike": {"aws:UserAgent": "x*"}}},
    ):
        document["Statement"][-1] = {**second, **narrower}
        assert [each.subject for each in found(document, "action-spared")] == ["s3:GetObject", "iam:CreateAccessKey"]
    # of two denies that force MFA, each denies what the other exempts
    document["Statement"][-1] = {"Effect": "Deny", "NotAction": SPARED, "Resource": "*", "Condition": FORCED}
    assert found(document) == []


def narrowed(operator: str, key: str, value: str) -> dict[str, Any]:
    return with_deny(Condition={**FORCED, operator: {key: value}})


NARROWED = [
    (narrowed("StringNotLike", "aws:UserAgent", "*terraform*"), "Condition", "the client chooses"),
    (narrowed("StringNotEquals", "AWS:referer", "x"), "Condition", "the client chooses"),
    (narrowed("StringEquals", "aws:RequestTag/team", "x"), "Condition", "the client chooses"),
    (narrowed("StringEquals", "aws:RequestedRegion", "eu-west-1"), "Condition", "the client chooses"),
    (narrowed("StringNotEquals", "aws:username", "bob"), "Condition", "Some users are exempt"),
    (narrowed("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:user/bob"), "Condition", "Some users are exempt"),
    (narrowed("StringNotEquals", "aws:PrincipalTag/admin", "yes"), "Condition", "Some users are exempt"),
    (narrowed("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"), "Condition", "aws:SourceIp"),
    (narrowed("DateLessThan", "aws:CurrentTime", "2030-01-01T00:00:00Z"), "Condition", "aws:CurrentTime"),
    (with_deny(Resource="arn:aws:s3:::*"), "Resource", "only some resources"),
    (with_deny(Resource=None, NotResource="arn:aws:s3:::open/*"), "NotResource", "NotResource names"),
]


@pytest.mark.parametrize(("document", "element", "words"), NARROWED)
def test_a_deny_that_depends_on_more_than_mfa_is_an_error(document: dict[str, Any], element: str, words: str) -> None:
    [finding] = found(document, "deny-narrowed", "mfa-not-demanded")
    assert (finding.severity, finding.place.statement, finding.place.element) == (ERROR, DENY, element)
    assert words in finding.sentence and finding.remedy


@unhurried
@given(
    st.sampled_from(["StringLike", "StringNotLike", "StringEqualsIfExists", "ForAnyValue:StringEquals", "Null"]),
    st.from_regex(r"[a-z0-9]{1,8}:[A-Za-z]{1,12}(/[a-z]{1,5})?", fullmatch=True),
)
def test_whatever_it_depends_on(operator: str, key: str) -> None:
    if not key.lower().startswith("aws:multifactorauth"):
        assert [each.place.element for each in found(narrowed(operator, key, "x"), "deny-narrowed")] == ["Condition"]


def test_all_that_narrows_it_is_told_at_once() -> None:
    keys = {"aws:UserAgent": "a", "aws:username": "b", "aws:SourceIp": "c", "s3:prefix": "d"}
    document = with_deny(Condition={**FORCED, "StringNotLike": keys}, Resource="arn:aws:s3:::*")
    assert [each.place.element for each in found(document, "deny-narrowed")] == ["Resource"] + ["Condition"] * 3
    assert "aws:SourceIp, s3:prefix" in found(document, "deny-narrowed")[3].sentence


def test_what_only_adds_to_a_deny_that_forces_mfa_is_no_matter() -> None:
    region = {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}
    older = {"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "3600"}}
    assert not found(
        with_more(
            {"Effect": "Deny", "NotAction": ["iam:*", "sts:*", "signin:*"], "Resource": "*", "Condition": region},
            {
                "Effect": "Deny",
                "Action": "s3:Delete*",
                "Resource": "arn:aws:s3:::a/*",
                "Condition": {**FORCED, **region},
            },
            {"Effect": "Deny", "Action": ["ec2:*"], "Resource": "*", "Condition": older},
        )
    )


UNDEMANDED = [
    ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, "Access keys escape"),
    ({"Null": {"aws:MultiFactorAuthPresent": "true"}}, "Passwords escape"),
    ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, "Passwords escape"),
    ({"NumericGreaterThan": {"aws:MultiFactorAuthAge": "60"}, **FORCED}, "Nothing is denied"),
    ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, "Nothing is denied"),
]


@pytest.mark.parametrize(("condition", "words"), UNDEMANDED)
def test_who_escapes_the_deny_is_named(condition: dict[str, Any], words: str) -> None:
    [finding] = found(with_deny(Condition=condition), "mfa-not-demanded")
    assert finding.severity is ERROR and finding.sentence.startswith(words)


def test_one_deny_for_keys_and_one_for_passwords_do_as_well() -> None:
    document = with_deny(Condition={"Null": {"aws:MultiFactorAuthAge": "true"}})
    assert not found(document, NOTHING, "deny-narrowed"), "a session without a code has no age"
    document = with_deny(Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})
    keys: dict[str, Any] = {"Effect": "Deny", "NotAction": SPARED, "Resource": "*"}
    keys["Condition"] = {"Null": {"aws:MultiFactorAuthPresent": True}}
    document["Statement"].append(keys)
    assert found(document) == []
    keys["NotAction"] = [*SPARED, "s3:*"]
    assert [(each.subject, each.place.statement) for each in found(document)] == [("s3:*", 5)]


def test_a_deny_of_named_services_leaves_the_others_out() -> None:
    for actions, words in [
        (["ec2:*", "s3:*"], "for example in iam, sts, lambda and 9 more,"),
        (["ec2:*", "s3:*", "iam:*", "sts:*", "l*:*"], "secretsmanager, ssm, kms"),
        ([f"{letter}*:*" for letter in "abcdefghijklmnopqrstuvwxyz"], "works without MFA, and so will"),
    ]:
        [finding] = found(with_deny(NotAction=None, Action=actions), "deny-leaves-out")
        assert (finding.severity, finding.place.statement, finding.place.element) == (ERROR, DENY, "Action")
        assert words in finding.sentence
    always = {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}
    [finding] = found(
        {**read("recommended"), "Statement": [*read("recommended")["Statement"][:DENY], always]}, NOTHING
    )
    assert finding.sentence.startswith("Nothing is denied")


NOTHING = "mfa-not-demanded"


entries = st.lists(
    st.sampled_from(["*", "iam:*", "IAM:list*", "s3:Get?bject", "s3:getobject", "*:*Object", "?am:*", "x:y", "sts:*"])
    | st.sampled_from(all_actions("s3")),
    min_size=1,
    max_size=4,
)


@unhurried
@given(entries, st.booleans(), st.sampled_from(all_actions("s3") + all_actions("iam") + all_actions("ec2")))
def test_what_a_statement_names_is_what_the_judge_says(patterns: list[str], all_but: bool, action: str) -> None:
    element = "NotAction" if all_but else "Action"
    statement = {"Effect": "Deny", element: patterns, "Resource": "*"}
    policy = compiled({"Version": "2012-10-17", "Statement": [statement]})
    [ruling] = scopes_of(parsed({"Version": "2012-10-17", "Statement": [statement]}))
    assert ruling.names(action) is policy.statements[0].names_action(action)
    if action not in ruling.escaping(frozenset([action])):
        assert ruling.names(action)


def forced(**elements: Any) -> Statement:
    return {"Effect": "Deny", "Resource": "*", "Condition": FORCED, **elements}


EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
HOSTILE: dict[str, list[Statement]] = {
    "patterns": [forced(NotAction=[f"ec2:*e*{each}*" for each in range(300)]), EVERYTHING],
    "services": [
        forced(NotAction=[f"{service}:*" for service in services()[:60]]),
        forced(Action=[f"*{each}:*e" for each in range(300)]),
        EVERYTHING,
    ],
    "denies": [forced(NotAction=["iam:*", "ec2:*"]) for _ in range(40)],
    "allows": [{**EVERYTHING, "Resource": "arn:aws:iam::*:*/*"} for _ in range(70)],
    "names": [
        {**EVERYTHING, "Resource": [f"{IAM}user/{each}" for each in range(120)]},
        {"Effect": "Deny", "Action": "iam:*", "Resource": [f"arn:aws:iam::*:user/{each}*" for each in range(40)]},
    ],
}


@pytest.mark.parametrize("statements", HOSTILE.values(), ids=HOSTILE)
def test_looking_for_dangers_costs_little_whatever_the_document(statements: list[Statement]) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    first, _ = work(text)
    again, calls = work(text)
    assert 4_000 < first.size <= 6144 and first.findings == again.findings
    assert calls < 180_000, "once AWS's actions are read"
