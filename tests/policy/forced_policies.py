"""Policies for the tests of whether MFA is forced, and what the judge says about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.policy.documents import read, rendered
from app.policy.forced import Judgement, Named, Person
from app.policy.forced.judge import judge_person
from app.policy.parsed import parsed
from tests.policy.forced_universe import ACCOUNT, Tried, always, lets, person_keys

Statement = dict[str, Any]
ALICE = Person(ACCOUNT, "aws", "alice", "/", "AIDACKCEVSQ6C2EXAMPLE", {"team": "red"})
WITHOUT: Any = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
POWER: Statement = {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}
ADMIN: Statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def named(*statements: Statement, name: str = "own", via: str = "user", version: str = "2012-10-17") -> Named:
    document = {"Version": version, "Statement": list(statements)}
    return Named(name, f"arn:aws:iam::{ACCOUNT}:policy/{name}", via, parsed(document, ACCOUNT, "aws"))


def published(variant: str) -> Named:
    document = rendered(read(variant), ACCOUNT)
    return Named(variant, f"arn:aws:iam::{ACCOUNT}:policy/{variant}", "group:staff", parsed(document, ACCOUNT, "aws"))


def allow(*actions: str, on: str | list[str] = "*", **condition: Any) -> Statement:
    made: Statement = {"Effect": "Allow", "Action": list(actions), "Resource": on}
    return {**made, "Condition": condition} if condition else made


def deny(*actions: str, but: list[str] | None = None, on: str | list[str] = "*", **condition: Any) -> Statement:
    made: Statement = {"Effect": "Deny", "NotAction" if but else "Action": but or list(actions), "Resource": on}
    return {**made, "Condition": condition or WITHOUT}


def asked(condition: Mapping[str, Mapping[str, Any]]) -> Any:
    """A condition whose operator is no name of Python's."""
    return condition


def judged(*identity: Named, boundary: Named | None = None, person: Person = ALICE) -> Judgement:
    """The judgement; a counterexample is tried with both judges of single requests."""
    found = judge_person(identity, boundary, person)
    assert (found.state == "fail") is (found.counterexample is not None)
    assert (found.state == "unknown") is bool(found.unexplored)
    if found.counterexample:
        example = found.counterexample
        keys: dict[str, Any] = person_keys(person.user_name, person.tags) | {
            "aws:principalarn": person.arn,
            "aws:userid": person.user_id,
        }
        given = {
            key.lower(): list(value) if isinstance(value, tuple) else value for key, value in example.context.items()
        }
        tried = Tried(example.action, example.resource, example.session, always(example.session) | keys | given)
        limit = boundary.policy.source if boundary and boundary.policy else None
        assert lets([each.policy.source for each in identity if each.policy], limit, tried), tried
    return found


def got(*identity: Named, **given: Any) -> tuple[str, str, str]:
    """Action, resource and session of the counterexample."""
    found = judged(*identity, **given).counterexample
    assert found
    return found.action, found.resource, found.session
