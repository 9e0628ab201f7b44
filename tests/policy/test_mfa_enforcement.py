"""What `policy check --strict` passes demands MFA: thousands of documents, held against another judge.

To each document comes a policy that allows everything, as an administrator has it. Where the checker has no error to
tell, no request with an access key alone, or with a password and no code, may then get through, but for what getting
MFA takes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.policy.check.all_checks import check
from app.policy.check.findings import Finding, Severity
from app.policy.check.mfa_demanded import mfa_demanded
from app.policy.check.mfa_probes import unproven
from app.policy.check.statement_scope import scopes_of
from app.policy.documents import VARIANTS, read, rendered
from app.policy.evaluation import PolicyError, compiled
from app.policy.parsed import parsed
from app.policy.permits import Permits
from app.policy.reference.actions import covered
from tests.policy.oracle import about, holds, names

Document = dict[str, Any]
ACCOUNT = "123456789012"
AT_ONCE = 1_000
"""Documents of one batch; a run has one batch (`--batches`), `make soak` twenty."""

GETTING_MFA = {
    action.lower()
    for variant in VARIANTS
    if variant != "tutorial"
    for statement in read(variant)["Statement"]
    if statement["Effect"] == "Deny"
    for action in statement["NotAction"]
} | {"iam:getmfadevice", "sts:getsessiontoken", "sts:getcalleridentity"}
"""What AWS's documents since 2017-12, and ours, exempt."""


def not_demanding(document: Document) -> list[Finding]:
    """The errors by which `policy check --strict` says that a document does not demand MFA."""
    return [each for each in mfa_demanded(parsed(document)) if each.severity is Severity.ERROR]


PROBES = [
    "ec2:RunInstances",
    "s3:GetObject",
    "iam:CreateAccessKey",
    "iam:PutUserPolicy",
    "iam:DeactivateMFADevice",
    "iam:UpdateLoginProfile",
    "sts:AssumeRole",
    "lambda:InvokeFunction",
    "kms:Decrypt",
    "organizations:LeaveOrganization",
    "newservice:DoIt",
]
PLACES = [
    "*",
    f"arn:aws:iam::{ACCOUNT}:user/alice",
    "arn:aws:s3:::bucket/key",
    f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-1",
]

OPERATORS = [
    "Bool", "BoolIfExists", "Null", "StringEquals", "StringEqualsIfExists", "StringNotEquals", "StringLike",
    "StringNotLike", "StringNotLikeIfExists", "StringEqualsIgnoreCase", "NumericLessThan", "NumericGreaterThan",
    "NumericGreaterThanIfExists", "NumericEquals", "NumericNotEquals", "DateLessThan", "DateGreaterThan",
    "DateGreaterThanIfExists", "DateNotEquals", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnLike", "ArnNotLike",
    "ArnEquals", "ForAllValues:StringEquals", "ForAnyValue:StringEquals", "ForAllValues:StringNotEquals",
    "ForAllValues:Bool", "ForAnyValue:StringNotLike", "boolifexists",
]  # fmt: skip
KEYS = [
    "aws:MultiFactorAuthPresent", "aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge",
    "AWS:multifactorauthpresent",
    "aws:ViaAWSService", "aws:PrincipalIsAWSService", "aws:PrincipalType", "aws:PrincipalAccount", "aws:PrincipalArn",
    "aws:username", "aws:userid", "aws:SecureTransport", "aws:RequestedRegion", "aws:CurrentTime", "aws:EpochTime",
    "aws:SourceIp", "aws:TokenIssueTime", "aws:UserAgent", "aws:Referer", "aws:SourceVpce", "aws:CalledVia",
    "aws:PrincipalTag/team", "aws:RequestTag/team", "aws:ResourceTag/team", "aws:TagKeys", "aws:PrincipalOrgID",
    "aws:FederatedProvider", "s3:prefix", "ec2:InstanceType", "aws:NoSuchKey",
]  # fmt: skip
VALUES: list[Any] = [
    "true", "false", True, False, "", "*", "User", "user", ACCOUNT, "111122223333", "alice", "a*", "?*", "0", 0,
    "3600", 3600, "1", f"arn:aws:iam::{ACCOUNT}:user/*", "arn:aws:iam::*:user/*", "arn:aws:iam::*:role/*", "AIDA*",
    "us-east-1", "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "10.0.0.0/8", "0.0.0.0/0", "${aws:username}",
    "${aws:UserAgent}",
    "${aws:UserAgent, 'true'}", "${aws:PrincipalArn}", "curl*", ["true", "false"], ["alice", "bob"], [], "Assumed*",
]  # fmt: skip
ENTRIES = [
    "*", "iam:*", "*:*", "iam:Get*", "IAM:createaccesskey", "s3:*", "s3:GetObject", "sts:*", "sts:AssumeRole",
    "ec2:Run*", "iam:ListMFADevices", "iam:*MFADevice", "?am:*", "iam:ChangePassword", "*:Get*", "kms:Decrypt",
    "iam:NoSuchAction", "newservice:DoIt", "iam:Deactivate*", "signin:*", "a:b", "iam:Create?irtualMFADevice",
]  # fmt: skip
RESOURCES: list[Any] = [
    "*", "*", "arn:aws:s3:::*", f"arn:aws:iam::{ACCOUNT}:*", "arn:aws:iam::*", "arn:aws:iam", "arn:*:iam::*",
    f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}", ["arn:aws:s3:::*", "*"], "**", "?", "arn:aws:ec2:*",
]  # fmt: skip


def bases() -> list[Document]:
    """Documents that force MFA, each in a way of its own, and some that do not."""
    spared = ["iam:ListMFADevices", "iam:CreateVirtualMFADevice", "iam:EnableMFADevice", "iam:ResyncMFADevice"]
    conditions: list[Document] = [
        {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false", "aws:ViaAWSService": "false"}},
        {"Null": {"aws:MultiFactorAuthAge": "true"}},
        {"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "3600"}},
        {"StringNotEquals": {"aws:MultiFactorAuthPresent": "true"}},
    ]
    made = [
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": spared, "Resource": "*"},
                {"Effect": "Deny", "NotAction": spared, "Resource": "*", "Condition": condition},
            ],
        }
        for condition in conditions
    ]
    return [*made, *(rendered(read(variant), ACCOUNT) for variant in VARIANTS)]


def mutated(chance: random.Random, start: Sequence[Document]) -> Document:
    """One of them with up to four changes to its denies."""
    document = deepcopy(chance.choice(start))
    statements = document["Statement"]
    for _ in range(chance.choice((1, 1, 2, 2, 3, 4))):
        deny = chance.choice([each for each in statements if each["Effect"] == "Deny"])
        change = chance.randrange(9)
        condition = deny.setdefault("Condition", {})
        if change <= 2:  # a further condition, or another value of one
            condition.setdefault(chance.choice(OPERATORS), {})[chance.choice(KEYS)] = chance.choice(VALUES)
        elif change == 3 and condition:  # another operator
            condition[chance.choice(OPERATORS)] = condition.pop(chance.choice(sorted(condition)))
        elif change == 4:
            deny["Condition"] = {chance.choice(OPERATORS): {chance.choice(KEYS): chance.choice(VALUES)}}
        elif change == 5:  # what it exempts
            element = "NotAction" if "NotAction" in deny else "Action"
            named = deny[element] if isinstance(deny[element], list) else [deny[element]]
            deny[element] = [*named, chance.choice(ENTRIES)]
        elif change == 6:  # what it is about
            element = chance.choice(("Resource", "Resource", "NotResource"))
            deny.pop("Resource", None), deny.pop("NotResource", None)
            deny[element] = chance.choice(RESOURCES)
        elif change == 7:  # named instead of exempted, or the reverse
            named = deny.pop("NotAction", None) or deny.pop("Action")
            deny[chance.choice(("Action", "NotAction", "NotAction"))] = named
        else:  # spread over two
            statements.append(deepcopy(deny) | {"Sid": f"Further{len(statements)}"})
    return document


def mentioned(document: Document, key: str) -> list[Any]:
    """Values that a document has for a key, as a request could have them."""
    found: list[Any] = []
    for statement in document["Statement"]:
        for keys in statement.get("Condition", {}).values():
            for name, values in keys.items():
                if name.lower() == key:
                    found += values if isinstance(values, list) else [values]
    texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in found]
    return [*texts, *(text.replace("*", "").replace("?", "x") for text in texts)]


FIXED = {
    "aws:viaawsservice": "false",
    "aws:principalisawsservice": "false",
    "aws:principaltype": "User",
    "aws:principalaccount": ACCOUNT,
}
NEVER = {"aws:calledvia", "aws:federatedprovider"}
ALWAYS = {"aws:securetransport", "aws:requestedregion", "aws:sourceip"}


def requests(document: Document, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Contexts of a plain key and of a password, whatever else they may say."""
    keys = {
        name.lower() for each in document["Statement"] for keys in each.get("Condition", {}).values() for name in keys
    }
    text = json.dumps(document)
    free = (keys | ({"aws:useragent"} if "aws:UserAgent" in text else set())) - FIXED.keys() - NEVER
    free -= {"aws:multifactorauthpresent", "aws:multifactorauthage", "aws:tokenissuetime"}
    start = datetime.now(UTC)
    for turn in range(20 if free else 1):
        for mfa in (None, "false"):
            now = start + timedelta(days=chance.choice((0, 0, 400, 40_000)) if turn else 0)
            name, path = chance.choice((("alice", "/"), ("bob", "/"), ("zed", "/eng/"))) if turn else ("alice", "/")
            said: dict[str, Any] = FIXED | {
                "aws:username": name,
                "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:user{path}{name}",
                "aws:userid": "AIDACKCEVSQ6C2EXAMPLE",
                "aws:currenttime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
                "aws:epochtime": str(int(now.timestamp())),
                "aws:sourceip": "203.0.113.5",
                "aws:securetransport": "true",
                "aws:requestedregion": "us-east-1",
            }
            if mfa:
                said["aws:multifactorauthpresent"] = mfa
                said["aws:tokenissuetime"] = f"{now - timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
            for key in free - said.keys() | (free & ALWAYS):
                options = [*mentioned(document, key), "other", "true"]
                value = chance.choice(options if key in ALWAYS else [None, *options, ["other"], []])
                if key == "aws:sourceip":
                    value = chance.choice(("203.0.113.5", "10.1.2.3"))
                if key == "aws:securetransport":
                    value = chance.choice(("true", "false"))
                if value is not None and turn:
                    said[key] = value
            yield said


def getting_through(document: Document, chance: random.Random) -> str | None:
    """A request without MFA that no statement denies; None where all are denied."""
    denies = [each for each in document["Statement"] if each["Effect"] == "Deny"]
    named = [
        entry
        for each in denies
        for element in ("Action", "NotAction")
        for entry in (each.get(element, []) if isinstance(each.get(element, []), list) else [each[element]])
    ]
    real = [action for entry in named for action in (covered(entry)[:3] if set(entry) & set("*?") else [entry])]
    actions = [*PROBES, *(action for action in real if ":" in action.strip(":"))]
    asked = {
        action: [number for number, each in enumerate(denies) if names(each, action)]
        for action in dict.fromkeys(actions)
        if action.lower() not in GETTING_MFA
    }
    for context in requests(document, chance):
        holding = {number for number, each in enumerate(denies) if holds(each, True, context)}
        for place in PLACES:
            here = {number for number in holding if about(denies[number], True, place, context)}
            for action, naming in asked.items():
                if here.isdisjoint(naming):
                    return f"{action} on {place} with {context}"
    return None


def documents(seed: int, most: int) -> Iterator[Document]:
    """The same ones for the same seed; all of them can be judged."""
    chance = random.Random(seed)
    start = bases()
    for _ in range(most):
        document = mutated(chance, start)
        with suppress(PolicyError):
            compiled(document)
            yield document


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A batch for each seed."""
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("batches")))


def test_no_document_without_an_error_lets_a_key_or_a_password_through(seed: int) -> None:
    chance = random.Random(seed)
    passed = [document for document in documents(seed, AT_ONCE) if not not_demanding(document)]
    assert len(passed) > AT_ONCE // 10, "few were passed, so little was tried"
    for document in passed:
        through = getting_through(document, chance)
        assert not through, f"{through}\n{json.dumps(document['Statement'], indent=1)}"


def test_what_is_asked_of_them_is_what_a_strict_check_asks() -> None:
    for document in documents(99, 150):
        errors = {each for each in check(json.dumps(document)).findings if each.severity is Severity.ERROR}
        assert set(not_demanding(document)) <= errors


@pytest.mark.parametrize("value", ["true", True, "", "x"])
def test_a_deny_for_what_services_do_only_is_no_deny(value: Any) -> None:
    document = rendered(read("recommended"), ACCOUNT)
    document["Statement"][-1]["Condition"]["Bool"] = {"aws:ViaAWSService": value}
    [error] = not_demanding(document)
    assert error.code == "mfa-not-demanded" and "aws:ViaAWSService" in error.sentence


def test_a_deny_that_spares_all_of_iam_is_an_error_whose_ever_it_is() -> None:
    assert [each.code for each in not_demanding(read("tutorial"))] == ["iam-spared"]


@pytest.mark.parametrize("last", [True, False])
def test_the_proof_tries_every_condition_wherever_it_is_written(*, last: bool) -> None:
    """Many conditions that hold in every request of a user, and one that the client gets around."""
    names = (
        "CalledViaFirst CalledViaLast PrincipalServiceName FederatedProvider SourceAccount SourceOrgID PrincipalType"
    )
    operators = ("StringNotEquals", "StringNotLike", "StringNotEqualsIgnoreCase", "StringNotEqualsIfExists")
    holding = {operator: {f"aws:{name}": "nobody" for name in names.split()} for operator in operators}
    escaped = {"Bool": {"aws:SecureTransport": "true"}}
    document = rendered(read("recommended"), ACCOUNT)
    deny = document["Statement"][-1]
    deny["Condition"] |= (holding | escaped) if last else (escaped | holding)
    permits = Permits.of_user(document, ACCOUNT, "aws", "alice")
    [*_, ruling] = scopes_of(parsed(document, ACCOUNT, "aws"))
    assert unproven([ruling], permits) is not None
    deny["Condition"] = {key: value for key, value in deny["Condition"].items() if key not in escaped}
    permits = Permits.of_user(document, ACCOUNT, "aws", "alice")
    [*_, ruling] = scopes_of(parsed(document, ACCOUNT, "aws"))
    assert unproven([ruling], permits) is None, "what always holds lets nobody through"


FEW: list[tuple[str, str, Any]] = [
    *(
        ("StringNotLike", "aws:PrincipalArn", each)
        for each in (
            "*:user/break-glass", "*/break-glass", "*user/ops/*", "*r/svc*", "arn:aws:iam::*:?ser/svc-*",
            "arn:aws:*:*:*:*/svc-*", "*012:user/svc", "*/????", "*/${aws:username}/*",
        )
    ),
    ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:*/break-glass"),
    ("StringNotLike", "aws:userid", "?????7*"),
    ("StringNotLike", "aws:EpochTime", "*3"),
    ("StringLike", "aws:EpochTime", ["*0", "*1", "*5"]),
    ("StringNotLike", "aws:CurrentTime", "*T03:*"),
]  # fmt: skip
EVERYBODY: list[tuple[str, str, Any]] = [
    ("StringLike", "aws:PrincipalArn", "*:user/*"),
    ("StringNotLike", "aws:PrincipalArn", "*:role/*"),
    ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/*"),
    ("StringNotLike", "aws:PrincipalArn", "arn:aws:sts::*:assumed-role/*"),
    ("StringLike", "aws:username", "?*"),
    ("StringLike", "aws:userid", "AIDA*"),
    ("StringNotLike", "aws:userid", "AROA*"),
]


@pytest.mark.parametrize(("operator", "key", "value"), FEW + EVERYBODY)
def test_patterns_that_exempt_a_few_are_found_and_those_about_everybody_are_not(
    operator: str, key: str, value: Any
) -> None:
    """The few are one user name, one path, one second in ten: no usual name and no usual moment finds them."""
    document = rendered(read("recommended"), ACCOUNT)
    document["Statement"][-1]["Condition"].setdefault(operator, {})[key] = value
    found = [each.code for each in not_demanding(document)]
    assert found == (["deny-narrowed"] if (operator, key, value) in FEW else [])
