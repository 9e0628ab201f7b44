"""What the judge of forced MFA says of an account is true of the account: its requests are sent, and get through.

300 people of mixed policies are made through IAM's API. For everyone who fails, the counterexample is sent with their
own credentials. For those who pass, requests are made up at random, and none gets through.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app.policy.forced import Counterexample, Judgement
from app.policy.forced.judge import judge_everyone
from tests.sandbox.forced_account import ACCOUNT, IAM, TEAMS, Account, Member, account
from tests.support.aws_login import AwsLogin, Browser
from tests.support.clock import Clock
from tests.support.marks import PASSWORD
from tests.support.sandbox import Sandbox
from tests.support.signed_requests import Answered, Sender, written

PEOPLE = 300
SEARCHED = 60
"""Members who pass and are searched; all of them where more tries are asked for."""
USUAL = 8


class Credentials(NamedTuple):
    """What a request is signed with."""

    access_key_id: str
    secret: str
    token: str | None = None


class Office:
    """The account in the sandbox, with everything that its policies are about."""

    def __init__(self, sandbox: Sandbox, made: Account) -> None:
        self.sandbox = sandbox
        self.made = made
        self.iam = sandbox.as_administrator("iam")
        self.sender = Sender(sandbox.url)
        self._keys: dict[str, Credentials] = {}
        self._there: set[str] = set()
        self._seen = 0

    def open(self) -> None:
        """Make policies, groups and people."""
        for name, document in self.made.policies.items():
            self.iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(document))
        for group, attached in self.made.groups.items():
            self.iam.create_group(GroupName=group)
            for name in attached:
                self.iam.attach_group_policy(GroupName=group, PolicyArn=f"{IAM}:policy/{name}")
        for team in TEAMS:
            self.make(f"{IAM}:role/{team}")
        for member in self.made.members:
            self._hire(member)

    def _hire(self, member: Member) -> None:
        person = member.person
        tags = [{"Key": key, "Value": value} for key, value in person.tags.items()]
        limit = {"PermissionsBoundary": f"{IAM}:policy/limit-{member.boundary}"} if member.boundary else {}
        self.iam.create_user(UserName=person.user_name, Path=person.path, Tags=tags, **limit)
        for group in member.groups:
            self.iam.add_user_to_group(GroupName=group, UserName=person.user_name)
        for name, document in member.inline.items():
            self.iam.put_user_policy(UserName=person.user_name, PolicyName=name, PolicyDocument=json.dumps(document))

    def make(self, arn: str) -> None:
        """Make a user or role that a request is about, so that AWS judges it on its whole ARN."""
        kind, _, rest = arn.split(":", 5)[5].partition("/")
        path, _, name = rest.rpartition("/")
        if arn in self._there or not name or any(each.person.user_name == name for each in self.made.members):
            return
        self._there.add(arn)
        where = f"/{path}/" if path else "/"
        if kind == "user":
            self.iam.create_user(UserName=name, Path=where)
        if kind == "role":
            principal = {"Effect": "Allow", "Principal": {"AWS": f"{IAM}:root"}, "Action": "sts:AssumeRole"}
            trust = json.dumps({"Version": "2012-10-17", "Statement": principal})
            self.iam.create_role(RoleName=name, Path=where, AssumeRolePolicyDocument=trust)

    def key(self, member: Member) -> Credentials:
        """A plain access key of a member."""
        name = member.person.user_name
        if name not in self._keys:
            made = self.iam.create_access_key(UserName=name)["AccessKey"]
            self._keys[name] = Credentials(made["AccessKeyId"], made["SecretAccessKey"])
        return self._keys[name]

    def password(self, member: Member) -> Credentials:
        """A session of a member who signed in with a password and no code."""
        self.iam.create_login_profile(UserName=member.person.user_name, Password=PASSWORD)
        login, browser = AwsLogin(self.sandbox.facts["signin_url"]), Browser()
        browser.open(login.authorize_url())
        browser.sign_in(ACCOUNT, member.person.user_name, PASSWORD)
        _, token = login.exchange(browser.submit().answer["code"])
        made = token["accessToken"]
        return Credentials(made["accessKeyId"], made["secretAccessKey"], made["sessionToken"])

    def session(self, member: Member) -> Credentials:
        """A session that was asked for with a plain access key and no code: everything but IAM takes it."""
        key = self.key(member)
        sts = self.sandbox.client("sts", aws_access_key_id=key.access_key_id, aws_secret_access_key=key.secret)
        made = sts.get_session_token()["Credentials"]
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    def log(self) -> list[dict[str, Any]]:
        """What the sandbox logged since this was asked last."""
        entries = self.sandbox.calls(self._seen)
        self._seen = entries[-1]["seq"] if entries else self._seen
        return entries

    def send(self, action: str, resource: str, context: dict[str, Any], credentials: Credentials) -> Answered:
        """Send a request about a resource."""
        if resource.startswith(IAM):
            self.make(resource)
        return self.sender.send(written(action, resource, context), *credentials)


@pytest.fixture(scope="module")
def office(scratch: Path, clock: Clock) -> Iterator[Office]:
    with Sandbox(scratch / "aws-forced", clock) as running:
        made = Office(running, account(PEOPLE, seed=18))
        made.open()
        yield made


@pytest.fixture(scope="module")
def judged(office: Office) -> Sequence[tuple[Member, Judgement]]:
    members, made = office.made.members, office.made
    asked = ((each.person, made.identity(each), made.boundary(each)) for each in members)
    return list(zip(members, judge_everyone(asked), strict=True))


def test_the_account_has_people_of_every_kind(judged: Sequence[tuple[Member, Judgement]]) -> None:
    states = Counter(found.state for _, found in judged)
    assert states["pass"] > 100 and states["fail"] > 100 and states["unknown"] < 10
    sessions = Counter(found.counterexample.session for _, found in judged if found.counterexample)
    assert sessions["key"] > 100 and sessions["password"] > 5


def test_every_counterexample_gets_through(office: Office, judged: Sequence[tuple[Member, Judgement]]) -> None:
    for member, found in judged:
        if found.counterexample:
            _goes_through(office, member, found.counterexample)


def _goes_through(office: Office, member: Member, example: Counterexample) -> None:
    credentials = office.key(member) if example.session == "key" else office.password(member)
    answer = office.send(example.action, example.resource, dict(example.context), credentials)
    told = (member.person.user_name, member.groups, example[:4], dict(example.context), answer)
    assert not answer.denied, told
    entry = office.log()[-1]
    assert (entry["action"], entry["decision"]) == (example.action, "Allowed"), (told, entry)
    assert entry["mfa_present"] is not True, told


# -- those who pass

_SENT = (
    *(f"s3:{name}" for name in ("GetObject", "PutObject", "DeleteObject", "ListBucket", "ListAllMyBuckets")),
    *(f"ec2:{name}" for name in ("DescribeInstances", "RunInstances", "TerminateInstances")),
    *("dynamodb:ListTables", "secretsmanager:GetSecretValue", "sqs:SendMessage", "lambda:InvokeFunction"),
    *(f"iam:{name}" for name in ("CreateAccessKey", "ListAccessKeys", "ListUsers", "GetUser", "ListMFADevices")),
    *(f"iam:{name}" for name in ("EnableMFADevice", "DeactivateMFADevice", "TagUser", "CreateUser", "ListRoles")),
    "iam:DeleteVirtualMFADevice",
    "sts:AssumeRole",
)
_OF_ALICE = ("ListMFADevices", "EnableMFADevice", "GetUser")
"""Getting MFA, on themselves."""


def _made_up(chance: random.Random, member: Member) -> tuple[str, str, dict[str, Any]]:
    """A request beyond getting MFA, about what there is in the account."""
    person, action = member.person, chance.choice(_SENT)
    service, _, name = action.partition(":")
    team = chance.choice(TEAMS)
    resource = "*"
    if service == "s3":
        keys = ("k", f"home/{person.user_name}/k", "home/other/k")
        objects = [f"arn:aws:s3:::{team}/{key}" for key in keys]
        resource = chance.choice(objects) if name.endswith("Object") else f"arn:aws:s3:::{team}"
    elif name == "DeleteVirtualMFADevice":
        resource = f"{IAM}:mfa/somebody"
    elif service == "iam":
        others = [f"{IAM}:user/somebody", f"{IAM}:user/engineering/somebody-else"]
        resource = chance.choice(others if name in _OF_ALICE else [person.arn, *others])
    elif service == "sts":
        resource = f"{IAM}:role/{team}"
    context = {
        "aws:RequestedRegion": "us-east-1" if service == "iam" else chance.choice(["us-east-1", "eu-central-1"]),
        "aws:UserAgent": chance.choice(["backup/1", "console/2", "x"]),
    }
    if action == "s3:ListBucket":
        context["s3:prefix"] = chance.choice([person.user_name, "x"])
    if action == "iam:TagUser":
        return action, resource, {**context, "aws:TagKeys": chance.choice([("team",), ("cost", "team"), ("x",)])}
    return action, resource, context


def test_for_those_who_pass_nothing_that_is_made_up_gets_through(
    office: Office, judged: Sequence[tuple[Member, Judgement]], pytestconfig: pytest.Config
) -> None:
    tries = int(pytestconfig.getoption("tries"))
    passing = [member for member, found in judged if found.state == "pass"]
    chance = random.Random(pytestconfig.getoption("seed"))
    for member in passing if tries > USUAL else chance.sample(passing, SEARCHED):
        session = office.session(member)
        for _ in range(tries):
            action, resource, context = _made_up(chance, member)
            in_session = not action.startswith("iam:") and chance.random() < 0.5
            answer = office.send(action, resource, context, session if in_session else office.key(member))
            assert answer.denied, (member.person.user_name, member.groups, action, resource, context, answer)
