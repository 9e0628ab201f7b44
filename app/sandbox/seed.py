"""The cast of a fresh account. Passwords, keys and seeds are random at every start."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.iam.models import AWSManagedPolicy, SigningCertificate

from app.policy.check.parse import grammar_problems
from app.policy.documents import rendered
from app.policy.evaluation import PolicyError
from app.sandbox import generated_secrets
from app.sandbox.api import Refusal
from app.sandbox.auth.users import unique_id
from app.sandbox.operations import mfa, passwords, policies
from app.sandbox.state import World

GROUP = "EC2MFA"
POLICY = "Force_MFA"
_AWS_POLICIES = {
    "AmazonEC2FullAccess": [
        {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "elasticloadbalancing:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "cloudwatch:*", "Resource": "*"},
        {"Effect": "Allow", "Action": "autoscaling:*", "Resource": "*"},
    ],
    "AdministratorAccess": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


def populate(world: World, document: Mapping[str, Any], employees: int, now: datetime) -> dict[str, dict[str, Any]]:
    """Fill the account; answers the `users` of sandbox.json. Raises PolicyError where IAM would refuse it."""
    iam = world.iam
    for name, statements in _AWS_POLICIES.items():
        _aws_policy(world, name, statements, now)
    own = rendered(document, world.account_id, world.partition)
    for problem in grammar_problems(own):
        raise PolicyError(
            f"IAM refuses this policy (MalformedPolicyDocument), because of {problem.place}: {problem.sentence} "
            f"IAM’s words: {problem.iam}",
            problem.iam,
        )
    try:
        policy = policies.create(world, POLICY, "/", json.dumps(own), "", [])
    except Refusal as refusal:
        raise PolicyError(f"IAM refuses this policy ({refusal.code}): {refusal.message}") from refusal
    iam.create_group(GROUP)
    iam.attach_group_policy(_arn(world, "AmazonEC2FullAccess"), GROUP)
    iam.attach_group_policy(policy.arn, GROUP)

    users = {
        "MFAUser": _hire(world, "MFAUser", now, password=True, group=GROUP),
        "KeyUser": _hire(world, "KeyUser", now, key=True, group=GROUP),
        "PathUser": _hire(world, "PathUser", now, key=True, group=GROUP, path="/engineering/"),
        "SecurityKeyUser": _hire(world, "SecurityKeyUser", now, password=True, key=True, group=GROUP),
        "Administrator": _hire(world, "Administrator", now, password=True, key=True, device=True),
    }
    iam.attach_user_policy(_arn(world, "AdministratorAccess"), "Administrator")
    users["Administrator"]["user_id"] = unique_id(iam.get_user("Administrator"))  # as the portal's ADMINS names them
    mfa.give_security_key(world, "SecurityKeyUser", now)
    for number in range(1, employees + 1):
        users |= _employee(world, number, now)
    return users


def _arn(world: World, name: str) -> str:
    return f"arn:{world.partition}:iam::aws:policy/{name}"


def _aws_policy(world: World, name: str, statements: list[dict[str, Any]], now: datetime) -> None:
    made = AWSManagedPolicy.from_data(
        name,
        world.account_id,
        world.region,
        {
            "DefaultVersionId": "v1",
            "Path": "/",
            "Document": {"Version": "2012-10-17", "Statement": statements},
            "CreateDate": now.isoformat(),
            "UpdateDate": now.isoformat(),
        },
    )
    world.iam.managed_policies[made.arn] = made


def _hire(
    world: World,
    name: str,
    now: datetime,
    *,
    password: bool = False,
    key: bool = False,
    device: bool = False,
    group: str | None = None,
    path: str = "/",
) -> dict[str, Any]:
    user = world.iam.create_user(world.region, name, path)
    user.create_date = _naive(now - timedelta(days=1))
    facts: dict[str, Any] = {"arn": user.arn}
    if group:
        world.iam.add_user_to_group(group, name)
    if password:
        facts["password"] = generated_secrets.password(world.settings)
        passwords.remember(world, name, facts["password"], now - timedelta(days=1))
    if key:
        made = _give_key(world, name, now - timedelta(days=1))
        facts |= {"access_key_id": made.access_key_id, "secret_access_key": made.secret_access_key}
    if device:
        given = mfa.provision(world, name, now - timedelta(minutes=5))
        facts["mfa"] = {"serial_number": given.serial_number, "seed": given.seed}
    facts["groups"] = [group] if group else []
    return facts


def _give_key(world: World, name: str, made_at: datetime) -> Any:
    made = world.iam.create_access_key(name)
    made.secret_access_key = generated_secrets.secret_access_key(world.settings)
    made.create_date = _naive(made_at)
    return made


def _employee(world: World, number: int, now: datetime) -> dict[str, dict[str, Any]]:
    """Employee 0001 and so on: who has what follows from the number, so every start has the same mixture."""
    name = f"employee-{number:04d}"
    made_at = now - timedelta(days=(number * 37) % 900 + 1)
    facts = _hire(
        world,
        name,
        now,
        device=number % 5 in (1, 2, 4),
        group=GROUP,
        path="/engineering/" if number % 7 == 0 else "/",
    )
    world.iam.users[name].create_date = _naive(made_at)
    if number % 10:
        facts["password"] = generated_secrets.password(world.settings)
        passwords.promise(world, name, facts["password"], made_at)
        if number % 4:
            world.password_last_used[name] = max(made_at, now - timedelta(days=(number * 13) % 120))
    if number % 3:
        # Every sixth with the user, the others later; every eleventh has two.
        since = made_at if number % 6 == 1 else max(made_at, now - timedelta(days=(number * 29) % 200))
        for since_then in (since, now - timedelta(hours=5))[: 2 if number % 11 == 0 else 1]:
            made = _give_key(world, name, since_then)
            if number % 4 != 1:
                used = max(since_then, now - timedelta(days=(number * 17) % 100))
                world.key_last_used[made.access_key_id] = (used, "s3")
            facts |= {"access_key_id": made.access_key_id, "secret_access_key": made.secret_access_key}
    if number % 45 == 0:
        mfa.give_security_key(world, name, now)
    if number % 50 == 3:
        held = SigningCertificate(secrets.token_hex(12).upper(), name, "")
        held.upload_date = _naive(now - timedelta(days=(number * 7) % 700))
        world.iam.users[name].signing_certificates[held.id] = held
    return {name: facts}


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
