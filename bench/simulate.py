"""`policy simulate` against plain reading of the same lines: the judge may cost little more than JSON itself."""

from __future__ import annotations

import json
import random

from app.policy.documents import read, rendered
from app.policy.portal_actions import live_actions
from app.policy.simulate import decided
from bench import Row, least_cpu

CASES = 3000
ACCOUNT = "123456789012"
EC2 = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]}


def lines(seed: int, people: int) -> list[str]:
    """CASES lines as `simulate` reads them: both documents, many people, every credential and every live action."""
    chance = random.Random(seed)
    force_mfa = [rendered(read(variant), ACCOUNT) for variant in ("tutorial", "recommended")]
    actions = [*sorted(live_actions()), "ec2:DescribeInstances", "s3:ListAllMyBuckets", "sts:AssumeRole"]
    made = []
    for number in range(CASES):
        name = f"person{chance.randrange(people)}"
        user = f"arn:aws:iam::{ACCOUNT}:user/{chance.choice(['', 'eng/', 'eng/eu/'])}{name}"
        case = {
            "id": str(number),
            "policies": [EC2, chance.choice(force_mfa)],
            "principal": {"arn": user, "username": name},
            "action": chance.choice(actions),
            "resource": chance.choice([user, f"arn:aws:iam::{ACCOUNT}:mfa/{name}", "*"]),
            "context": chance.choice(
                [{}, {"aws:MultiFactorAuthPresent": "false"}, {"aws:MultiFactorAuthPresent": "true"}]
            ),
        }
        made.append(json.dumps(case))
    return made


def _row(name: str, cases: list[str]) -> Row:
    def read_only() -> None:
        for line in cases:
            json.loads(line)

    def decide_and_answer() -> None:
        for line in cases:
            json.dumps(decided(json.loads(line)))

    theirs, ours = least_cpu(read_only, decide_and_answer)
    return Row(name, f"CPU of json.loads of the same {len(cases)} lines", ours, theirs, at_most=3)


def measure() -> list[Row]:
    """A small company, and one in which nearly every line is about another user."""
    return [_row("simulate, 20 people", lines(1, 20)), _row("simulate, 100,000 people", lines(2, 100_000))]
