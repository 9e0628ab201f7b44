"""A made-up account of mixed policies, by a seed: what people are allowed, and what forces MFA on them or doesn't."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.policy.documents import read, rendered, sign_in_statement
from app.policy.forced import Named, Person
from app.policy.parsed import parsed

ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}"
Document = dict[str, Any]
MINE = [f"{IAM}:user/${{aws:username}}", f"{IAM}:user/*/${{aws:username}}"]
WITHOUT: Mapping[str, Any] = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}


def _document(*statements: Mapping[str, Any]) -> Document:
    return {"Version": "2012-10-17", "Statement": [dict(each) for each in statements]}


def _allow(
    actions: str | list[str], on: str | list[str] = "*", condition: Mapping[str, Any] | None = None
) -> Document:
    made = {"Effect": "Allow", "Action": actions, "Resource": on}
    return {**made, "Condition": condition} if condition else made


def _deny(condition: Mapping[str, Any], **elements: Any) -> Document:
    where = {} if "NotResource" in elements else {"Resource": "*"}
    return {"Effect": "Deny", **(where | (elements or {"Action": "*"})), "Condition": condition}


def grants(team: str) -> dict[str, Document]:
    """What a team can be allowed, by name."""
    bucket = f"arn:aws:s3:::{team}"
    code = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    return {
        "reads": _document(_allow(["s3:GetObject", "s3:ListBucket"], [bucket, f"{bucket}/*"])),
        "writes": _document(_allow("s3:*Object", f"{bucket}/*"), _allow("ec2:*")),
        "home": _document(_allow(["s3:GetObject", "s3:PutObject"], f"{bucket}/home/${{aws:username}}/*")),
        "listing": _document(_allow("s3:ListBucket", bucket, {"StringLike": {"s3:prefix": "${aws:username}*"}})),
        "tables": _document(_allow(["dynamodb:*", "secretsmanager:GetSecretValue"])),
        "power": _document({"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}),
        "admin": _document(_allow("*")),
        "looks": _document(_allow(["iam:List*", "iam:Get*"])),
        "own": _document(_allow(["iam:CreateAccessKey", "iam:ListAccessKeys"], MINE)),
        "devices": _document(_allow("iam:*MFADevice*", [f"{IAM}:user/*", f"{IAM}:mfa/*"])),
        "role": _document(_allow("sts:AssumeRole", f"{IAM}:role/{team}")),
        "tagging": _document(
            _allow("iam:TagUser", MINE, {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}})
        ),
        "by tag": _document(_allow("s3:GetObject", "arn:aws:s3:::${aws:PrincipalTag/team}/*")),
        "of a team": _document(_allow("ec2:Describe*", "*", {"StringEquals": {"aws:PrincipalTag/team": team}})),
        "in Frankfurt": _document(_allow("ec2:*", "*", {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}})),
        "with a code": _document(_allow(["s3:*", "ec2:*", "iam:*"], "*", code)),
        "by hand": _document(_allow("sqs:*", "*", {"StringLike": {"aws:UserAgent": "console*"}})),
    }


def forces() -> dict[str, Document]:
    """What is meant to force MFA, by name: some do, and some leave a hole."""
    published = {
        variant: rendered(read(variant), ACCOUNT) for variant in ("recommended", "tutorial", "2022-11", "2017-12")
    }
    old = {"NumericGreaterThanIfExists": {"aws:MultiFactorAuthAge": "3600"}}
    both = [
        _deny({"Null": {"aws:MultiFactorAuthPresent": "true"}}),
        _deny({"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
    ]
    return {
        **published,
        "everything": _document(_deny(WITHOUT)),
        "old codes": _document(_deny(old)),
        "in two": _document(*both),
        "keys only": _document(both[0], sign_in_statement(ACCOUNT)),
        "passwords only": _document(both[1]),
        "but objects": _document(_deny(WITHOUT, NotAction=["s3:getobject", "iam:ListMFADevices"])),
        "but a bucket": _document(_deny(WITHOUT, Action="*", NotResource="arn:aws:s3:::team-1/*")),
        "but scripts": _document(_deny({**WITHOUT, "StringNotLike": {"aws:UserAgent": "backup/*"}})),
        "in one region": _document(_deny({**WITHOUT, "StringEquals": {"aws:RequestedRegion": "us-east-1"}})),
        "but some": _document(_deny({**WITHOUT, "StringNotLike": {"aws:username": "*7"}})),
        "of two services": _document(_deny(WITHOUT, Action=["s3:*", "ec2:*"])),
    }


BOUNDARIES: Mapping[str, Document] = {
    "data": _document(_allow(["s3:*", "dynamodb:*"])),
    "devices-only": _document(_allow(["iam:ListMFADevices", "iam:EnableMFADevice"], MINE)),
    "code-first": _document(_allow("*"), _deny(WITHOUT)),
}
TEAMS = [f"team-{number}" for number in range(5)]


@dataclass(frozen=True)
class Member:
    """A person of the account. inline: the user's own documents by name. boundary: a name of BOUNDARIES, or ""."""

    person: Person
    groups: tuple[str, ...]
    inline: Mapping[str, Document]
    boundary: str


@dataclass(frozen=True)
class Account:
    """policies: managed ones. groups: to the names of what is attached to them."""

    policies: Mapping[str, Document]
    groups: Mapping[str, Sequence[str]]
    members: Sequence[Member]
    _named: dict[str, Named] = field(default_factory=dict)

    def identity(self, member: Member) -> list[Named]:
        """All policies of a member but the boundary."""
        held = [self._managed(name, f"group:{group}") for group in member.groups for name in self.groups[group]]
        own = (Named(name, "", "user", parsed(each, ACCOUNT, "aws")) for name, each in member.inline.items())
        return [*held, *own]

    def boundary(self, member: Member) -> Named | None:
        """Of a member."""
        return self._managed(f"limit-{member.boundary}", "boundary") if member.boundary else None

    def _managed(self, name: str, via: str) -> Named:
        if f"{via} {name}" not in self._named:
            made = parsed(self.policies[name], ACCOUNT, "aws")
            self._named[f"{via} {name}"] = Named(name, f"{IAM}:policy/{name}", via, made)
        return self._named[f"{via} {name}"]


def account(people: int, seed: int) -> Account:
    """An account of so many people."""
    chance = random.Random(seed)
    policies = {f"limit-{name}": document for name, document in BOUNDARIES.items()}
    groups: dict[str, list[str]] = {}
    for team in TEAMS:
        of_team = {f"{team}-{name.replace(' ', '-')}": document for name, document in grants(team).items()}
        policies |= of_team
        for number in range(4):
            groups[f"{team}-{number}"] = chance.sample(sorted(of_team), chance.randint(1, 3))
    for name, document in forces().items():
        slug = f"force-{name.replace(' ', '-')}"
        policies[slug] = document
        groups[slug] = [slug]
    teams = [name for name in groups if not name.startswith("force-")]
    forcing = [name for name in groups if name.startswith("force-")]
    members = []
    for number in range(people):
        joined = chance.sample(teams, chance.randint(1, 2))
        if chance.random() < 0.9:
            joined.append(chance.choice([*forcing, *["force-recommended"] * 6, *["force-everything"] * 2]))
        own = chance.choice(sorted(grants(TEAMS[0]))) if chance.random() < 0.15 else ""
        path = chance.choice(["/", "/", "/engineering/"])
        tags = {"team": chance.choice(TEAMS)} if chance.random() < 0.6 else {}
        members.append(
            Member(
                Person(ACCOUNT, "aws", f"member-{number}", path, "", tags),
                tuple(joined),
                {"own": grants(TEAMS[0])[own]} if own else {},
                chance.choice(sorted(BOUNDARIES)) if chance.random() < 0.12 else "",
            )
        )
    return Account(policies, groups, members)
