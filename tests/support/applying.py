"""Other people's engines, played: rendered files applied through AWS's API by an administrator."""

from __future__ import annotations

import json
import re
import textwrap
from dataclasses import dataclass
from typing import Any

import hcl2


@dataclass(frozen=True)
class Plan:
    """What a rendered Terraform file asks for, references resolved."""

    document: dict[str, Any]
    group: str
    others: list[str]
    user: str | None


def _unquoted(value: str) -> str:
    """python-hcl2 keeps the quotes of a string."""
    return str(json.loads(value))


def of_terraform(text: str) -> Plan:
    """Read HCL with python-hcl2; the heredoc's indentation and escapes are undone as Terraform does."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for block in hcl2.loads(text)["resource"]:
        for kind, named in block.items():
            for name, body in named.items():
                found[kind.strip('"'), name.strip('"')] = body
    policy, group = found["aws_iam_policy", "force_mfa"], found["aws_iam_group", "mfa"]
    heredoc = re.fullmatch(r'"?<<-POLICY\n(.*)\n\s*POLICY"?', policy["policy"], re.DOTALL)
    assert heredoc, policy["policy"]
    assert not re.search(r"(?<!\$)\$\{|(?<!%)%\{", heredoc[1]), "Terraform would take this for a template of its own"
    document = json.loads(textwrap.dedent(heredoc[1]).replace("$${", "${").replace("%%{", "%{"))
    force, granted = (found["aws_iam_group_policy_attachment", name] for name in ("force_mfa", "granted"))
    assert force["policy_arn"] == "${aws_iam_policy.force_mfa.arn}"
    assert force["group"] == granted["group"] == "${aws_iam_group.mfa.name}"
    others = re.fullmatch(r"\$\{toset\((\[.*\])\)\}", granted["for_each"])
    assert others and granted["policy_arn"] == "${each.value}"
    user = found.get(("aws_iam_user", "test"))
    if user:
        member = found["aws_iam_user_group_membership", "test"]
        assert member["user"] == "${aws_iam_user.test.name}" and member["groups"] == ["${aws_iam_group.mfa.name}"]
    return Plan(document, _unquoted(group["name"]), json.loads(others[1]), _unquoted(user["name"]) if user else None)


def template_of(text: str) -> dict[str, Any]:
    """A CloudFormation template in JSON."""
    return dict(json.loads(text))


def apply_plan(iam: Any, plan: Plan) -> None:
    """As `terraform apply` would, in the order of its dependencies."""
    arn = iam.create_policy(PolicyName="Force_MFA", PolicyDocument=json.dumps(plan.document))["Policy"]["Arn"]
    iam.create_group(GroupName=plan.group)
    for each in (arn, *plan.others):
        iam.attach_group_policy(GroupName=plan.group, PolicyArn=each)
    if plan.user:
        iam.create_user(UserName=plan.user)
        iam.add_user_to_group(GroupName=plan.group, UserName=plan.user)


def apply_template(iam: Any, template: dict[str, Any]) -> None:
    """As a CloudFormation stack would: a resource once those it refers to are there."""
    made: dict[str, str] = {}

    def resolved(value: Any) -> Any:
        return made[value["Ref"]] if isinstance(value, dict) and set(value) == {"Ref"} else value

    waiting = dict(template["Resources"])
    while waiting:
        ready = [name for name, resource in waiting.items() if _references(resource) <= made.keys()]
        assert ready, f"{sorted(waiting)} wait for each other"
        for name in ready:
            resource = waiting.pop(name)
            made[name] = _MAKERS[resource["Type"]](iam, resource["Properties"], resolved)


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        if set(value) == {"Ref"}:
            return {value["Ref"]}
        return set().union(*map(_references, value.values()), set())
    return set().union(*map(_references, value), set()) if isinstance(value, list) else set()


def _managed_policy(iam: Any, asked: dict[str, Any], _: Any) -> str:
    made = iam.create_policy(
        PolicyName=asked["ManagedPolicyName"],
        Description=asked["Description"],
        PolicyDocument=json.dumps(asked["PolicyDocument"]),
    )
    return str(made["Policy"]["Arn"])


def _group(iam: Any, asked: dict[str, Any], resolved: Any) -> str:
    iam.create_group(GroupName=asked["GroupName"])
    for arn in asked["ManagedPolicyArns"]:
        iam.attach_group_policy(GroupName=asked["GroupName"], PolicyArn=resolved(arn))
    return str(asked["GroupName"])


def _user(iam: Any, asked: dict[str, Any], resolved: Any) -> str:
    iam.create_user(UserName=asked["UserName"])
    for group in asked["Groups"]:
        iam.add_user_to_group(GroupName=resolved(group), UserName=asked["UserName"])
    return str(asked["UserName"])


_MAKERS = {"AWS::IAM::ManagedPolicy": _managed_policy, "AWS::IAM::Group": _group, "AWS::IAM::User": _user}
