"""Whether MFA is forced on everyone in a large account, against plain reading of their policies.

5,000 people are members of 60 groups with 200 policies, in more than 1,600 combinations.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from app.policy.documents import read, rendered
from app.policy.forced import Named, Person
from app.policy.forced.judge import judge_everyone
from app.policy.parsed import parsed
from bench import Row, medians

ACCOUNT = "123456789012"
PEOPLE, POLICIES, GROUPS = 5_000, 200, 60
_READS = ("s3:Get*", "s3:List*", "ec2:Describe*", "logs:*", "cloudwatch:Get*", "dynamodb:Query", "kms:Decrypt")
_WRITES = ("s3:PutObject", "ec2:*", "lambda:*", "sqs:*", "dynamodb:*", "iam:PassRole", "sts:AssumeRole")
Everyone = list[tuple[Person, Sequence[Named], Named | None]]


def policies(chance: random.Random) -> list[dict[str, Any]]:
    """Documents as teams write them: buckets and roles of their own, some conditions, a few denies."""
    made = []
    for number in range(POLICIES):
        bucket = f"arn:aws:s3:::team-{number}"
        places = ["*", f"{bucket}/home/${{aws:username}}/*", f"arn:aws:iam::{ACCOUNT}:role/team-{number}"]
        reads = {"Action": chance.sample(_READS, 3), "Resource": chance.choice(["*", [bucket, f"{bucket}/*"]])}
        writes: dict[str, Any] = {"Action": chance.sample(_WRITES, 2), "Resource": chance.choice(places)}
        if chance.random() < 0.3:
            writes["Condition"] = chance.choice(
                [
                    {"StringEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}},
                    {"StringEquals": {"aws:PrincipalTag/team": f"team-{number % 7}"}},
                    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
                ]
            )
        statements = [{"Effect": "Allow", **reads}, {"Effect": "Allow", **writes}]
        if chance.random() < 0.2:
            whole = {"Null": {"s3:prefix": "true"}}
            statements.append({"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*", "Condition": whole})
        made.append({"Version": "2012-10-17", "Statement": statements})
    return made


def _named(name: str, document: dict[str, Any]) -> Named:
    return Named(name, f"arn:aws:iam::{ACCOUNT}:policy/{name}", "group:team", parsed(document, ACCOUNT, "aws"))


def everyone(seed: int) -> tuple[Everyone, list[str]]:
    """The people with their policies, and the documents of each as text."""
    chance = random.Random(seed)
    recommended = rendered(read("recommended"), ACCOUNT)
    documents = policies(chance)
    named = [_named(f"policy-{at}", each) for at, each in enumerate(documents)]
    forcing = _named("Force_MFA", recommended)
    groups = [chance.sample(range(POLICIES), chance.randint(1, 6)) for _ in range(GROUPS)]
    people: Everyone = []
    texts = []
    for number in range(PEOPLE):
        held = sorted({at for group in chance.sample(groups, chance.randint(1, 2)) for at in group})
        forced = chance.random() < 0.85
        path, tags = chance.choice(["/", "/eng/"]), {"team": f"team-{number % 9}"}
        person = Person(ACCOUNT, "aws", f"person-{number}", path, f"AIDA{number:017}", tags)
        people.append((person, [*(named[at] for at in held), *([forcing] if forced else [])], None))
        texts.append(json.dumps([*(documents[at] for at in held), *([recommended] if forced else [])]))
    return people, texts


def measure() -> list[Row]:
    """A large account."""
    people, texts = everyone(1)

    def read_only() -> None:
        for text in texts:
            json.loads(text)

    def judge() -> None:
        for _ in judge_everyone(people):
            pass

    theirs, ours = medians(read_only, judge, repeats=5)
    return [Row("is MFA forced, 5,000 people", "json.loads of each person's policies", ours, theirs, at_most=10)]
