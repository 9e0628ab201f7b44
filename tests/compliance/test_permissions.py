"""Who has which policies, as standards ask: read off authorization details, and judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest
from sqlalchemy import Engine, select, update

from app.compliance.data import details_data
from app.compliance.data.account_data import read_account
from app.compliance.data.daily import Count
from app.compliance.data.details import details_of
from app.compliance.data.details_updates import keep_details
from app.compliance.data.models import ComplianceDetails
from app.compliance.data.permissions import allows_a_service, allows_everything, direct_policies, permissions_of
from app.compliance.data.queries import findings_of_account
from app.compliance.data.rows import AccountRow
from app.compliance.rules.permissions import NAMED
from app.compliance.rules.sources import ForcedFacts, PermissionFacts
from app.compliance.rules.subjects import Seen, Source, Terms
from app.compliance.rules.table import OF_ACCOUNT, judged
from app.compliance.rules.verdicts import State, Verdict
from app.compliance.standard_results import ItemState, result_of
from app.compliance.standards.shipped import shipped
from tests.compliance.test_report import hour, says, terms_of
from tests.compliance.test_rules import DETAILS, KNOWN, NOBODY, NOW, TERMS, F, P, U, ago, told
from tests.compliance.test_standards import figures_of
from tests.support import details as given
from tests.support.databases import in_memory
from tests.support.details import ACCOUNT, ALLOW, EDGE, attached, group, managed, user


def allowing(**element: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", **element}]}


EVERYTHING = allowing()
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (EVERYTHING, True),
        (allowing(Action="*:*"), True),
        (allowing(Action=["s3:Get*", "*"]), True),
        (allowing(Resource=["arn:aws:s3:::x", "*"]), True),
        (allowing(Condition=MFA), True),
        ({"Statement": EVERYTHING["Statement"][0]}, True),
        ({"Statement": [ALLOW["Statement"][0], *EVERYTHING["Statement"]]}, True),
        (allowing(Effect="Deny"), False),
        (allowing(Action="s3:*"), False),
        (allowing(Action="iam:*"), False),
        (allowing(Resource="arn:aws:s3:::*"), False),
        (ALLOW, False),
        ({}, False),
        ({"Statement": "no"}, False),
        ([], False),
    ],
)
def test_which_documents_allow_everything(document: Any, expected: bool) -> None:
    assert allows_everything(document) is expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (EVERYTHING, True),
        (allowing(Action="ec2:*"), True),
        (allowing(Action=["s3:Get*", "iam:**"], Resource="arn:aws:iam::1:user/x"), True),
        (allowing(Action="ec2:*", Condition=MFA), True),
        ({"Statement": [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]}, True),
        ({"Statement": [{"Effect": "Allow", "NotAction": "iam:CreateUser", "Resource": "*"}]}, False),
        (allowing(Effect="Deny", Action="ec2:*"), False),
        (allowing(Action="ec2:Describe*"), False),
        ({"Statement": ["no", {"Effect": "Allow", "Action": [1]}]}, False),
        (None, False),
    ],
)
def test_which_documents_allow_every_action_of_a_service(document: Any, expected: bool) -> None:
    assert allows_a_service(document) is expected


def role(name: str, *policies: str, owner: str = ACCOUNT) -> dict[str, Any]:
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    return {"RoleName": name, "Arn": arn, "AttachedManagedPolicies": attached(*policies, owner=owner)}


def facts(*users: dict[str, Any], **lists: Any) -> PermissionFacts:
    return permissions_of(details_of([{"UserDetailList": [*users] or [user("alice")], **lists}], given.NOW))


def test_only_attached_policies_count_for_the_benchmark() -> None:
    everything = [managed("all", EVERYTHING), managed("spare", EVERYTHING), managed("reads", ALLOW)]
    admin = managed("AdministratorAccess", EVERYTHING, owner="aws")
    aws = attached("AdministratorAccess", owner="aws")
    for found in (
        facts(user("alice", AttachedManagedPolicies=attached("all")), Policies=everything),
        facts(GroupDetailList=[group("devs", "all")], Policies=everything),
        facts(RoleDetailList=[role("ci", "all", "reads")], Policies=everything),
    ):
        assert found["full_access"] == ["all"] and found["full_access_own"] == ["all", "spare"]
    own = facts(user("alice", AttachedManagedPolicies=aws), Policies=[admin])
    assert own["full_access"] == ["AdministratorAccess"] and own["full_access_own"] == [], "it is AWS's"
    inline = [{"PolicyName": "mine", "PolicyDocument": EVERYTHING}]
    assert facts(user("alice", UserPolicyList=inline))["full_access"] == []


def test_a_boundary_grants_nothing() -> None:
    bound = facts(user("alice", PermissionsBoundary=EDGE), Policies=[managed("edge", EVERYTHING)])
    assert bound["full_access"] == bound["full_access_own"] == []
    both = user("bob", PermissionsBoundary=EDGE, AttachedManagedPolicies=attached("edge"))
    assert facts(both, Policies=[managed("edge", EVERYTHING)])["full_access"] == ["edge"]


def test_support_and_cloudshell_are_aws_own_policies() -> None:
    support, shell = attached("AWSSupportAccess", owner="aws"), attached("AWSCloudShellFullAccess", owner="aws")
    found = facts(
        user("alice", AttachedManagedPolicies=support + shell),
        GroupDetailList=[{**group("devs"), "AttachedManagedPolicies": shell}],
        RoleDetailList=[
            role("helpdesk", "AWSSupportAccess", owner="aws"),
            role("fake", "AWSSupportAccess"),
            role("shell", "AWSCloudShellFullAccess", owner="aws"),
        ],
    )
    assert found["support_roles"] == ["helpdesk"], "a role, and not a policy of the same name"
    assert found["cloudshell"] == ["group devs", "role shell", "user alice"]
    assert found["missing"] == ["AWSCloudShellFullAccess", "AWSSupportAccess", "AWSSupportAccess"]


def test_only_the_accounts_own_policies_count_for_security_hub() -> None:
    wide = allowing(Action="s3:*")
    found = facts(
        user("alice", PermissionsBoundary=EDGE, AttachedManagedPolicies=attached("AmazonS3FullAccess", owner="aws")),
        Policies=[managed("AmazonS3FullAccess", wide, owner="aws"), managed("spare", wide), managed("edge", wide)],
    )
    assert found["full_service_own"] == ["spare"] and found["full_access_own"] == []


def test_tags_of_aws_and_roles_of_services_do_not_count() -> None:
    of_service = {"Arn": f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/support.amazonaws.com/ForSupport"}
    found = facts(
        RoleDetailList=[
            role("bare"),
            {**role("owned"), "Tags": [{"Key": "owner", "Value": "ops"}]},
            {**role("stacked"), "Tags": [{"Key": "aws:cloudformation:stack-name", "Value": "x"}]},
            {**role("ForSupport"), **of_service},
        ]
    )
    assert found["untagged_roles"] == ["bare", "stacked"]


def test_direct_policies_are_attached_or_inline() -> None:
    inline = [{"PolicyName": "own", "PolicyDocument": ALLOW}]
    alice = user("alice", UserPolicyList=inline, AttachedManagedPolicies=attached("Force_MFA"), GroupList=["devs"])
    details = details_of([{"UserDetailList": [alice, user("bob", PermissionsBoundary=EDGE)]}], given.NOW)
    assert direct_policies(details.users["alice"]) == ["Force_MFA", "own"]
    assert direct_policies(details.users["bob"]) == []


NOTHING: PermissionFacts = {
    "full_access": [], "full_access_own": [], "support_roles": [], "cloudshell": [], "missing": [],
    "full_service_own": [], "untagged_roles": [],
}  # fmt: skip
SEEN = {"policies": Seen(Source.DETAILS, ago(1))}


@pytest.mark.parametrize(
    ("rule", "found", "expected", "named"),
    [
        ("no-full-access", {}, P, ""),
        ("no-full-access", {"full_access": ["all"]}, F, "all"),
        ("no-full-access", {"full_access": ["all"], "missing": ["x"]}, F, "all"),
        ("no-full-access", {"missing": ["gone"]}, U, "gone"),
        ("no-full-access-own", {}, P, ""),
        ("no-full-access-own", {"full_access_own": ["spare"]}, F, "spare"),
        ("no-full-service-own", {}, P, ""),
        ("no-full-service-own", {"full_service_own": ["wide"]}, F, "wide"),
        ("role-tags", {}, P, ""),
        ("role-tags", {"untagged_roles": ["ci"]}, F, "ci"),
        ("support-role", {}, F, "AWSSupportAccess"),
        ("support-role", {"support_roles": ["helpdesk"]}, P, "helpdesk"),
        ("cloudshell-access", {}, P, ""),
        ("cloudshell-access", {"cloudshell": ["user alice", "role ci"]}, F, "user alice, role ci"),
    ],
)
def test_of_the_account(rule: str, found: Mapping[str, Any], expected: State, named: str) -> None:
    permissions = cast("PermissionFacts", {**NOTHING, **found})
    account = KNOWN._replace(permissions=permissions, seen=SEEN)
    verdict = judged(account, TERMS, None, OF_ACCOUNT)[rule]
    assert verdict.state is expected and named in verdict.sentence
    assert verdict.sentence.endswith(".") and "{" not in verdict.sentence
    assert judged(KNOWN, TERMS, None, OF_ACCOUNT)[rule].state is U, "no details yet"
    stale = account._replace(seen={"policies": Seen(Source.DETAILS, ago(91))})
    assert judged(stale, TERMS, None, OF_ACCOUNT)[rule].state is U


@pytest.mark.parametrize(("direct", "expected"), [([], P), (["own"], F)])
def test_of_a_user(direct: list[str], expected: State) -> None:
    def verdict(**known: Any) -> Verdict:
        return judged(NOBODY._replace(**known), TERMS)["policies-through-groups"]

    forced: ForcedFacts = {**told("pass"), "direct": direct}
    assert verdict(forced=forced, seen=DETAILS).state is expected
    assert verdict(forced=forced).state is U and verdict(seen=DETAILS).state is U


@pytest.mark.parametrize(("tagged", "expected"), [(True, P), (False, F), (None, U)])
def test_tags_of_a_user(tagged: bool | None, expected: State) -> None:
    forced = {**told("pass"), **({} if tagged is None else {"tagged": tagged})}
    someone = NOBODY._replace(forced=cast("ForcedFacts", forced), seen=DETAILS)
    assert judged(someone, TERMS)["user-tags"].state is expected
    assert judged(someone._replace(seen={}), TERMS)["user-tags"].state is U


def test_details_of_an_earlier_release_say_nothing_of_services_and_tags(engine: Engine) -> None:
    older = {name: listed for name, listed in NOTHING.items() if name not in ("full_service_own", "untagged_roles")}
    account = KNOWN._replace(permissions=cast("PermissionFacts", older), seen=SEEN)
    for rule in ("no-full-service-own", "role-tags"):
        assert judged(account, TERMS, None, OF_ACCOUNT)[rule].state is U
    keep_details(engine, details_of([{"UserDetailList": [user("a")], "RoleDetailList": [role("ci")]}], hour(9)),
                 given.NOW, terms_of)  # fmt: skip
    with engine.begin() as connection:
        stored = connection.execute(select(ComplianceDetails.content)).scalar_one()
        before = {name: listed for name, listed in stored.items() if name != "tagged_roles"}
        connection.execute(update(ComplianceDetails).values(content=before))
        details = details_data.read(connection, ACCOUNT)
    assert details and "untagged_roles" not in permissions_of(details), "it stored no tags of roles"


def test_many_policies_are_counted_not_all_named() -> None:
    names = [f"policy-{number}" for number in range(40)]
    forced: ForcedFacts = {**told("pass"), "direct": names}
    sentence = judged(NOBODY._replace(forced=forced, seen=DETAILS), TERMS)["policies-through-groups"].sentence
    assert names[NAMED - 1] in sentence and names[NAMED] not in sentence and " 40 " in sentence


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = in_memory()
    yield made
    made.dispose()


def stored_account(engine: Engine) -> AccountRow:
    with engine.connect() as connection:
        found = read_account(connection, ACCOUNT)
    assert found
    return found


def test_imported_details_answer_the_items_about_policies(engine: Engine) -> None:
    alice = user("alice", GroupList=["devs"])
    bob = user("bob", UserPolicyList=[{"PolicyName": "own", "PolicyDocument": ALLOW}])
    page = {
        "UserDetailList": [alice, bob],
        "GroupDetailList": [group("devs", "all")],
        "Policies": [managed("all", EVERYTHING), managed("AWSSupportAccess", ALLOW, owner="aws")],
        "RoleDetailList": [role("helpdesk", "AWSSupportAccess", owner="aws")],
    }
    keep_details(engine, details_of([page], hour(9)), given.NOW, terms_of)
    assert says(engine, "policies-through-groups") == {"alice": "pass", "bob": "fail"}
    with engine.connect() as connection:
        found = findings_of_account(connection, stored_account(engine), terms_of(None))
    states = {finding.rule.id: finding.verdict.state for finding in found}
    asked = ("no-full-access", "no-full-access-own", "support-role", "cloudshell-access")
    assert [states[rule] for rule in asked] == [F, F, P, P]
    assert {name for finding in found for name, _ in finding.evidence} == {"policies"}


def test_until_details_are_imported_these_items_are_unknown() -> None:
    result = result_of(shipped("cis-5.0"), Terms(NOW), figures_of(mfa=Count(1), support_role=Count(0, 0, 1)))
    assert {item.control.number: item.state for item in result.items}["1.16"] is ItemState.UNKNOWN
