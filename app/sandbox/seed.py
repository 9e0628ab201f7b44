"""The users of a new account. Passwords, keys and seeds are random at every start."""

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
from app.sandbox.state import State

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


def populate(state: State, document: Mapping[str, Any], employees: int, now: datetime) -> dict[str, dict[str, Any]]:
    """Fill the account. Returns the `users` of sandbox.json. Raises PolicyError if IAM would refuse the document."""
    iam = state.iam
    for name, statements in _AWS_POLICIES.items():
        _aws_policy(state, name, statements, now)
    own = rendered(document, state.account_id, state.partition)
    for problem in grammar_problems(own):
        raise PolicyError(
            f"IAM refuses this policy (MalformedPolicyDocument), because of {problem.place}: {problem.sentence} "
            f"IAM’s words: {problem.iam}",
            problem.iam,
        )
    try:
        policy = policies.create(state, POLICY, "/", json.dumps(own), "", [])
    except Refusal as refusal:
        raise PolicyError(f"IAM refuses this policy ({refusal.code}): {refusal.message}") from refusal
    iam.create_group(GROUP)
    iam.attach_group_policy(_arn(state, "AmazonEC2FullAccess"), GROUP)
    iam.attach_group_policy(policy.arn, GROUP)

    users = {
        "MFAUser": _hire(state, "MFAUser", now, password=True, group=GROUP),
        "KeyUser": _hire(state, "KeyUser", now, key=True, group=GROUP),
        "PathUser": _hire(state, "PathUser", now, key=True, group=GROUP, path="/engineering/"),
        "SecurityKeyUser": _hire(state, "SecurityKeyUser", now, password=True, key=True, group=GROUP),
        "Administrator": _hire(state, "Administrator", now, password=True, key=True, device=True),
    }
    iam.attach_user_policy(_arn(state, "AdministratorAccess"), "Administrator")
    users["Administrator"]["user_id"] = unique_id(iam.get_user("Administrator"))  # as the portal's ADMINS names them
    mfa.give_security_key(state, "SecurityKeyUser", now)
    return users | hire_employees(state, employees, now)


def administrator_access(state: State, now: datetime) -> None:
    """Give the account AWS's policy AdministratorAccess, and the group of its employees."""
    _aws_policy(state, "AdministratorAccess", _AWS_POLICIES["AdministratorAccess"], now)
    state.iam.create_group(GROUP)


def hire_employees(state: State, count: int, now: datetime) -> dict[str, dict[str, Any]]:
    """Add synthetic employees of mixed compliance to the account's group; answers their `users` of sandbox.json."""
    hired: dict[str, dict[str, Any]] = {}
    for number in range(1, count + 1):
        hired |= _employee(state, number, now)
    return hired


def _arn(state: State, name: str) -> str:
    return f"arn:{state.partition}:iam::aws:policy/{name}"


def _aws_policy(state: State, name: str, statements: list[dict[str, Any]], now: datetime) -> None:
    made = AWSManagedPolicy.from_data(
        name,
        state.account_id,
        state.region,
        {
            "DefaultVersionId": "v1",
            "Path": "/",
            "Document": {"Version": "2012-10-17", "Statement": statements},
            "CreateDate": now.isoformat(),
            "UpdateDate": now.isoformat(),
        },
    )
    state.iam.managed_policies[made.arn] = made


def _hire(
    state: State,
    name: str,
    now: datetime,
    *,
    password: bool = False,
    key: bool = False,
    device: bool = False,
    group: str | None = None,
    path: str = "/",
) -> dict[str, Any]:
    user = state.iam.create_user(state.region, name, path)
    user.create_date = _naive(now - timedelta(days=1))
    facts: dict[str, Any] = {"arn": user.arn}
    if group:
        state.iam.add_user_to_group(group, name)
    if password:
        facts["password"] = generated_secrets.password(state.settings)
        passwords.promise(state, name, facts["password"], now - timedelta(days=1))
    if key:
        made = _give_key(state, name, now - timedelta(days=1))
        facts |= {"access_key_id": made.access_key_id, "secret_access_key": made.secret_access_key}
    if device:
        given = mfa.provision(state, name, now - timedelta(minutes=5))
        facts["mfa"] = {"serial_number": given.serial_number, "seed": given.seed}
    facts["groups"] = [group] if group else []
    return facts


def _give_key(state: State, name: str, made_at: datetime) -> Any:
    made = state.iam.create_access_key(name)
    made.secret_access_key = generated_secrets.secret_access_key(state.settings)
    made.create_date = _naive(made_at)
    return made


def _employee(state: State, number: int, now: datetime) -> dict[str, dict[str, Any]]:
    """Create employee 0001 and so on. The number decides what they have, so every start has the same mixture."""
    name = f"employee-{number:04d}"
    made_at = now - timedelta(days=(number * 37) % 900 + 1)
    facts = _hire(
        state,
        name,
        now,
        device=number % 5 in (1, 2, 4),
        group=GROUP,
        path="/engineering/" if number % 7 == 0 else "/",
    )
    state.iam.users[name].create_date = _naive(made_at)
    if number % 10:
        facts["password"] = generated_secrets.password(state.settings)
        passwords.promise(state, name, facts["password"], made_at)
        if number % 4:
            state.password_last_used[name] = max(made_at, now - timedelta(days=(number * 13) % 120))
    if number % 3:
        # Every sixth with the user, the others later; every eleventh has two.
        since = made_at if number % 6 == 1 else max(made_at, now - timedelta(days=(number * 29) % 200))
        for since_then in (since, now - timedelta(hours=5))[: 2 if number % 11 == 0 else 1]:
            made = _give_key(state, name, since_then)
            if number % 4 != 1:
                used = max(since_then, now - timedelta(days=(number * 17) % 100))
                state.key_last_used[made.access_key_id] = (used, "s3")
            facts |= {"access_key_id": made.access_key_id, "secret_access_key": made.secret_access_key}
    if number % 45 == 0:
        mfa.give_security_key(state, name, now)
    if number % 50 == 3:
        held = SigningCertificate(secrets.token_hex(12).upper(), name, "")
        held.upload_date = _naive(now - timedelta(days=(number * 7) % 700))
        state.iam.users[name].signing_certificates[held.id] = held
    return {name: facts}


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
