"""What `policy check` advises is done, and judged before and after: nothing opens before MFA, no read grows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from typing import Any

import pytest

from app.policy.check.all_checks import check
from app.policy.check.findings import Finding, Severity
from app.policy.documents import VARIANTS, read, rendered
from app.policy.meaning import whereabouts
from app.policy.reference.actions import covered
from app.policy.reference.request_context import IamUser, Session, request_context
from tests.policy.oracle import verdict
from tests.policy.test_mfa_enforcement import documents

Document = dict[str, Any]
ACCOUNT = "123456789012"
GETTING_MFA = {
    "iam:ListMFADevices",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:ResyncMFADevice",
    "signin:AuthorizeOAuth2Access",
    "signin:CreateOAuth2Token",
}
READS = ["iam:ListUsers", "iam:GetAccountSummary", "iam:ListVirtualMFADevices", "iam:GetAccountPasswordPolicy"]
READS += ["iam:ListAccountAliases", "iam:GetAccountAuthorizationDetails", "iam:ListGroups", "ec2:DescribeInstances"]
ASKED = [
    *READS,
    *GETTING_MFA,
    "iam:CreateAccessKey",
    "iam:DeleteAccessKey",
    "iam:UpdateLoginProfile",
    "iam:DeactivateMFADevice",
    "iam:DeleteVirtualMFADevice",
    "iam:ChangePassword",
    "iam:UploadSSHPublicKey",
    "iam:PutUserPolicy",
    "s3:GetObject",
]
EVERYTHING = {"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}

_NAMES = r'((?:"[^"]+"(?:, )?)+)'
_DEMANDED = ' with the condition "Bool": {"aws:MultiFactorAuthPresent": "true"}'
ALLOW = re.compile(rf'Allow {_NAMES} on "([^"]+)"({re.escape(_DEMANDED)})?\.')
SPARE = re.compile(rf"Add {_NAMES} to NotAction of statement (\d+)")
SPARE_ALL = re.compile(rf'In statement (\d+)[^,]*, write "NotAction": \[{_NAMES}\] instead of Action')
UNDENY = re.compile(rf"Take {_NAMES} out of what statement (\d+)")
TAKE_OUT = re.compile(r"Take (\S+) out of NotAction")
TO_ANYTHING = re.compile(r'Move it to a statement with "Resource": "\*"')


def _named(text: str) -> list[str]:
    return re.findall(r'"([^"]+)"', text)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def followed(document: Document, finding: Finding) -> Document | None:
    """The document after following the remedy, or None if the remedy has nothing to write."""
    after = deepcopy(document)
    statements = after["Statement"]
    done = False
    for names, resource, with_mfa in ALLOW.findall(finding.remedy):
        statement: Document = {"Effect": "Allow", "Action": _named(names), "Resource": resource}
        if with_mfa:
            statement["Condition"] = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
        statements.append(statement)
        done = True
    for names, number in SPARE.findall(finding.remedy):
        statements[int(number)]["NotAction"] = [*_list(statements[int(number)]["NotAction"]), *_named(names)]
        done = True
    for number, names in SPARE_ALL.findall(finding.remedy):
        statements[int(number)].pop("Action")
        statements[int(number)]["NotAction"] = _named(names)
        done = True
    for names, number in UNDENY.findall(finding.remedy):
        denied = [real for each in _list(statements[int(number)]["Action"]) for real in (covered(each) or [each])]
        statements[int(number)]["Action"] = [each for each in denied if each not in _named(names)] or ["none:Such"]
        done = True
    if finding.place.statement is not None:
        here = statements[finding.place.statement]
        for entry in TAKE_OUT.findall(finding.remedy):
            here["NotAction"] = [each for each in _list(here["NotAction"]) if each != entry] or ["none:Such"]
            done = True
        if TO_ANYTHING.search(finding.remedy):
            here["Resource"] = "*"
            done = True
    return after if done else None


def opened(before: Document, after: Document) -> Iterator[str]:
    """What is allowed afterwards that was not, without MFA, or of the account's lists with it."""
    partition, account = whereabouts(before["Statement"])
    own = {"user": f"arn:{partition}:iam::{account}:user/alice", "mfa": f"arn:{partition}:iam::{account}:mfa/alice"}
    for mfa in (None, False, True):
        session = Session.of(mfa)
        for action in READS if mfa else [each for each in ASKED if each not in GETTING_MFA]:
            context = request_context(IamUser(account, "alice", own["user"]), session, action)
            for place in ("*", *own.values(), f"arn:{partition}:iam::{account}:user/"):
                for beside in ([], [EVERYTHING]) if not mfa else ([],):
                    now, was = (partial(verdict, [each, *beside], action, place, context) for each in (after, before))
                    if now() == "Allowed" and was() != "Allowed":
                        yield f"{action} on {place}, {session}, {'beside everything' if beside else 'alone'}"


CONDITIONS: list[Document] = [
    {"Null": {"aws:MultiFactorAuthAge": "true"}},
    {"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "3600"}},
    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
]


EVERY_ACTION: list[Any] = ["*", ["*"], "*:*", ["iam:ListUsers", "*"]]


def _examples() -> list[Document]:
    found = [rendered(read(variant), ACCOUNT) for variant in VARIANTS]
    bare: Document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}
    found.append(bare)
    for age in (
        {"Null": {"aws:MultiFactorAuthAge": "true"}},
        {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
    ):
        deny = {"Effect": "Deny", "NotAction": "iam:GetUser", "Resource": "*", "Condition": age}
        found += [{**bare, "Statement": [*bare["Statement"], deny]}]
        own = {**deny, "NotResource": f"arn:aws:iam::{ACCOUNT}:user/${{aws:username}}"}
        own.pop("Resource")
        found.append({**bare, "Statement": [{**bare["Statement"][0], "Action": "iam:GetAccountPasswordPolicy"}, own]})
    for action in ("iam:*", "iam:Resync*", ["iam:CreateAccessKey", "iam:EnableMFADevice"], *EVERY_ACTION):
        for condition in ({}, {"Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}}):
            deny = {"Effect": "Deny", "Action": action, "Resource": "*", **condition}
            found.append({**bare, "Statement": [*found[0]["Statement"], deny]})
    for action in READS:
        odd = {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:iam::{ACCOUNT}:user/x/*"}
        found.append({**bare, "Statement": [*rendered(read("recommended"), ACCOUNT)["Statement"][1:], odd]})
    networks = {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    away = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": networks}
    found.append({**bare, "Statement": [*rendered(read("recommended"), ACCOUNT)["Statement"], away]})
    return found


EXAMPLES = _examples()


@pytest.mark.parametrize("document", EXAMPLES, ids=str)
def test_following_a_remedy_opens_nothing_before_mfa_and_no_read_of_the_account(document: Document) -> None:
    for finding in check(json.dumps(document)).findings:
        after = followed(document, finding)
        if after:
            assert list(opened(document, after)) == [], f"{finding.code}: {finding.remedy}"


def test_nor_in_documents_that_are_changed_at_random() -> None:
    tried = 0
    for document in documents(7, 60):
        for finding in check(json.dumps(document)).findings:
            if after := followed(document, finding):
                tried += 1
                assert list(opened(document, after)) == [], (
                    f"{finding.code}: {finding.remedy}\n{json.dumps(document)}"
                )
    assert tried > 100


def test_what_is_followed_helps() -> None:
    sound = rendered(read("recommended"), ACCOUNT)
    del sound["Statement"][1:3]
    report = check(json.dumps(sound))
    assert not report.usable
    for finding in [each for each in report.findings if each.subject in ("see-devices", "enroll")]:
        sound = followed(sound, finding) or sound
    assert check(json.dumps(sound)).usable


@pytest.mark.parametrize("action", EVERY_ACTION, ids=str)
@pytest.mark.parametrize("sid", ["", "DenyAll"])
def test_a_deny_of_everything_gets_one_list_that_lets_users_get_mfa(action: Any, sid: str) -> None:
    forced = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
    deny = {"Effect": "Deny", "Action": action, "Resource": "*", "Condition": forced} | ({"Sid": sid} if sid else {})
    document = rendered(read("recommended"), ACCOUNT)
    document["Statement"][-1] = deny
    report = check(json.dumps(document))
    assert not report.usable
    lists = {names for each in report.findings for _, names in SPARE_ALL.findall(each.remedy)}
    assert [set(_named(names)) for names in lists] == [GETTING_MFA], "whichever remedy is followed, it is the same"
    assert not any(UNDENY.search(each.remedy) for each in report.findings)
    after = next(filter(None, (followed(document, each) for each in report.findings)))
    judged = check(json.dumps(after))
    assert judged.usable and not [each for each in judged.findings if each.severity is Severity.ERROR]


def test_where_nothing_works_one_finding_says_so_and_what_to_do() -> None:
    document: Document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}],
    }
    everything = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    for statements in (document["Statement"], [everything], [*document["Statement"], everything]):
        report = check(json.dumps({**document, "Statement": statements}))
        assert len(report.features) > 12 and not report.usable
        [finding] = [each for each in report.findings if each.code.startswith("feature-")]
        assert finding.severity is Severity.ERROR
    [missing] = [each for each in check(json.dumps(document)).findings if each.code == "feature-missing"]
    after = followed(rendered(document, "accountid"), missing)
    assert after and check(json.dumps(after)).usable


def test_no_remedy_spares_what_takes_mfa() -> None:
    for condition in CONDITIONS:
        document = rendered(read("recommended"), ACCOUNT)
        document["Statement"][-1] |= {"Condition": condition, "NotAction": ["iam:ListMFADevices"]}
        remedies = [finding.remedy for finding in check(json.dumps(document)).findings]
        spared = {name for remedy in remedies for names, _ in SPARE.findall(remedy) for name in _named(names)}
        assert spared and spared <= GETTING_MFA


def test_what_depends_on_where_somebody_comes_from_is_not_to_be_opened() -> None:
    report = check(json.dumps(EXAMPLES[-1]))
    assert report.usable and "not-evaluated" in {finding.code for finding in report.findings}
    assert not any(SPARE.search(finding.remedy) or UNDENY.search(finding.remedy) for finding in report.findings)
