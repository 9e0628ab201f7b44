"""What attaching a policy to a group changes, and who is under which policy."""

from __future__ import annotations

from typing import Any

import pytest

from app.compliance.data.details import details_of
from app.compliance.data.details_rows import Details
from app.compliance.data.forced import judged
from app.compliance.policies import describe_ways, listed, matching, people_of, policies_of, rows_of
from app.compliance.rules.verdicts import State
from app.compliance.what_if import change, commands, replaced
from app.policy.documents import read, rendered
from tests.support.details import ACCOUNT, EDGE, IAM, NOW, attached, group, managed, user

FORCE = rendered(read("recommended"), ACCOUNT)


def allowing(*actions: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def account(**lists: Any) -> Details:
    """Twenty developers; two of them are in "forced" as well, one may also list buckets, and one has a boundary."""
    own = [{"PolicyName": "buckets", "PolicyDocument": allowing("s3:ListAllMyBuckets")}]
    users = [
        *(user(f"dev{number}", GroupList=["devs"]) for number in range(16)),
        *(user(f"safe{number}", GroupList=["devs", "forced"]) for number in range(2)),
        user("lister", GroupList=["devs"], UserPolicyList=own),
        user("bound", GroupList=["devs"], PermissionsBoundary=EDGE),
        user("other"),
    ]
    runs = allowing("ec2:RunInstances", "ec2:DescribeInstances")
    resource = f"{IAM}:user/${{aws:username}}"
    own_devices = {"Effect": "Allow", "Action": "iam:ListMFADevices", "Resource": resource}
    page = {
        "UserDetailList": users,
        "GroupDetailList": [group("devs", "runs"), group("forced", "forces")],
        "Policies": [
            managed("runs", {**runs, "Statement": [*runs["Statement"], own_devices]}),
            managed("forces", FORCE),
            managed("edge", allowing("ec2:DescribeInstances")),
        ],
    }
    return details_of([page | lists], NOW)


def test_who_loses_what_before_mfa() -> None:
    found = change(account(), "devs", FORCE)
    assert (found.users, found.before, found.after) == (20, {"fail": 18, "pass": 2}, {"pass": 20})
    losses = {loss.users: set(loss.actions) for loss in found.losses}
    assert [len(loss.users) for loss in found.losses] == [16, 1, 1], "most users first"
    assert losses[found.losses[0].users] == {"ec2:RunInstances", "ec2:DescribeInstances"}, "what sets up MFA is kept"
    assert losses["lister",] == {"ec2:RunInstances", "ec2:DescribeInstances", "s3:ListAllMyBuckets"}
    assert losses["bound",] == {"ec2:DescribeInstances"}, "the boundary forbade the other"
    assert not any(name.startswith("safe") for names in losses for name in names)
    assert found.probed > 20 and not found.attached and not found.full


def test_a_policy_that_forces_nothing_takes_nothing() -> None:
    found = change(account(), "devs", allowing("s3:GetObject"))
    assert found.before["fail"] == 18 and found.after == {"fail": 18, "pass": 2} and not found.losses


def test_a_group_that_has_it_already_and_one_that_is_full() -> None:
    found = change(account(), "forced", FORCE)
    assert found.attached and not found.losses and found.before == found.after == {"pass": 2}
    many = group("forced", *(f"p{number}" for number in range(10)))
    full = change(account(GroupDetailList=[group("devs"), many]), "forced", FORCE)
    assert full.full and not full.attached


def test_with_a_policy_missing_only_a_pass_is_sure() -> None:
    found = change(account(Policies=[managed("forces", FORCE), managed("edge", FORCE)]), "devs", FORCE)
    assert found.before == found.after == {"unknown": 19, "pass": 1}, "one has a boundary, whatever the policy allows"


def test_the_commands_name_the_group_and_nothing_else() -> None:
    script = commands(account(), "devs", FORCE)
    assert "aws iam create-policy --policy-name Force_MFA" in script
    attach = [line for line in script.splitlines() if line.startswith("aws iam attach-group-policy")]
    assert attach == [f"aws iam attach-group-policy --group-name devs --policy-arn {IAM}:policy/Force_MFA"]
    assert "create-group" not in script and "AmazonEC2FullAccess" not in script
    assert commands(account(), "-rf", FORCE) == "", "a name that commands take for an option"


def test_a_policy_of_that_name_is_changed_for_all_who_have_it() -> None:
    assert replaced(account(), FORCE) is None, "there is none"
    named = [managed("Force_MFA", FORCE), managed("runs", allowing("ec2:*"))]
    groups = [group("devs", "Force_MFA"), group("forced")]
    assert replaced(account(Policies=named, GroupDetailList=groups), FORCE) is None, "it says the same"
    assert replaced(account(Policies=named, GroupDetailList=groups), allowing("s3:*")) == 20


def test_who_is_under_a_policy() -> None:
    details = account()
    found = listed(details)
    assert next(iter(found)) == f"{IAM}:policy/runs", "the one with most users first"
    runs, edge = found[f"{IAM}:policy/runs"], found[f"{IAM}:policy/edge"]
    assert (len(runs.users), runs.count("user"), runs.count("group:"), runs.count("boundary")) == (20, 0, 20, 0)
    assert edge.users == {"bound": ["boundary"]} and edge.count("boundary") == 1
    own = found["user/lister/buckets"]
    assert own.inline and own.owner == "lister" and list(own.users) == ["lister"]
    assert [each.key for each in matching(found, "LIST")] == ["user/lister/buckets"]
    states = {name: State(told["state"]) for name, told in judged(details).items()}
    under = people_of(details, runs, states, under=True)
    assert len(under) == 20 and not {"other"} & {each.user_name for each in under}
    (other,) = people_of(details, runs, states, under=False)
    assert (other.user_name, other.ways, other.forced) == ("other", (), State.PASS)
    assert runs.failing(states) == 18
    (row,) = rows_of([other], ACCOUNT, runs)
    assert (row["under"], row["via"], row["mfa_forced"]) == ("no", "", "pass")


def test_the_policies_of_a_user_and_how_they_come_by_them() -> None:
    details = account()
    told = {each.name: (each.key, describe_ways([each.via])) for each in policies_of(details, "lister")}
    assert told["buckets"] == ("user/lister/buckets", "directly")
    assert told["runs"] == (f"{IAM}:policy/runs", "group devs")
    assert [describe_ways([each.via]) for each in policies_of(details, "bound")][-1] == "permissions boundary"
    assert policies_of(details, "nobody") == []


@pytest.mark.parametrize("owner", [ACCOUNT, "aws"])
def test_a_policy_that_the_details_lack_is_listed_all_the_same(owner: str) -> None:
    people = [user("alice", AttachedManagedPolicies=attached("away", owner=owner))]
    found = listed(account(UserDetailList=people))
    away = found[f"arn:aws:iam::{owner}:policy/away"]
    assert list(away.users) == ["alice"] and not away.document and away.by_aws == (owner == "aws")
