"""GetAccountAuthorizationDetails: everyone and every policy, as AWS has them, for those who are permitted."""

from __future__ import annotations

import json
from typing import Any

from app.policy.documents import read, rendered
from tests.sandbox.conftest import Refused
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox

ASKED = "iam:GetAccountAuthorizationDetails"


def details_of(admin: Any, **asked: Any) -> dict[str, list[Any]]:
    """All pages."""
    pages = list(admin.get_paginator("get_account_authorization_details").paginate(**asked))
    names = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    return {name: [entry for page in pages for entry in page[name]] for name in names}


def test_who_has_which_policies(one: Sandbox, alice: Employee) -> None:
    admin = one.as_administrator("iam")
    document: dict[str, Any] = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
    }
    text = json.dumps(document)
    first = json.dumps({**document, "Statement": [{**document["Statement"][0], "Effect": "Deny"}]})
    policy = admin.create_policy(PolicyName=f"lists-{alice.name}", PolicyDocument=first)["Policy"]["Arn"]
    admin.create_policy_version(PolicyArn=policy, PolicyDocument=text, SetAsDefault=True)
    admin.attach_user_policy(UserName=alice.name, PolicyArn=policy)
    admin.put_user_policy(UserName=alice.name, PolicyName="own", PolicyDocument=text)
    admin.put_user_permissions_boundary(
        UserName=alice.name, PermissionsBoundary="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    admin.tag_user(UserName=alice.name, Tags=[{"Key": "team", "Value": "blau"}])
    told = details_of(admin)
    (mine,) = [each for each in told["UserDetailList"] if each["UserName"] == alice.name]
    listed = admin.get_user(UserName=alice.name)["User"]
    assert {name: mine[name] for name in ("UserId", "Arn", "Path", "CreateDate", "Tags", "PermissionsBoundary")} == {
        name: listed[name] for name in ("UserId", "Arn", "Path", "CreateDate", "Tags", "PermissionsBoundary")
    }
    assert mine["UserId"].startswith("AIDA")
    assert mine["GroupList"] == ["EC2MFA"] == [each["GroupName"] for each in told["GroupDetailList"]]
    assert mine["AttachedManagedPolicies"] == [{"PolicyName": f"lists-{alice.name}", "PolicyArn": policy}]
    assert mine["UserPolicyList"] == [{"PolicyName": "own", "PolicyDocument": document}]
    policies = {each["Arn"]: each for each in told["Policies"]}
    (default,) = [each for each in policies[policy]["PolicyVersionList"] if each["IsDefaultVersion"]]
    assert default["Document"] == document and default["VersionId"] == policies[policy]["DefaultVersionId"] == "v2"
    (force,) = [each for arn, each in policies.items() if arn.endswith(":policy/Force_MFA")]
    assert force["PolicyVersionList"][0]["Document"] == rendered(read("recommended"), "123456789012")
    bound = policies["arn:aws:iam::aws:policy/AdministratorAccess"]
    assert bound["PermissionsBoundaryUsageCount"] == 1, "AWS's own are told where they are in use"


def test_a_page_holds_as_many_as_asked_for(one: Sandbox) -> None:
    admin = one.as_administrator("iam")
    for name in ("one", "two", "three"):
        hire(one, f"paged-{name}")
    whole = details_of(admin)
    assert whole == details_of(admin, PaginationConfig={"PageSize": 2})
    page = admin.get_account_authorization_details(MaxItems=2)
    assert page["IsTruncated"] and page["Marker"] and sum(map(len, (page[name] for name in whole))) == 2
    assert not details_of(admin, Filter=["Group"])["UserDetailList"]


def test_only_who_is_permitted_may_ask(one: Sandbox, alice: Employee, refused: Refused) -> None:
    assert refused(alice.client("iam").get_account_authorization_details) == ("AccessDenied", 403)
    assert one.calls()[-1]["action"] == ASKED
