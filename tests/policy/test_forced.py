"""Is MFA forced on a person? Policies as accounts have them, and what gets through."""

from __future__ import annotations

from typing import Any

import pytest

from app.policy.documents import read, rendered
from app.policy.forced import Judgement, Named, Person, judge_person
from app.policy.parsed import parsed

ACCOUNT = "123456789012"
ALICE = Person(ACCOUNT, "aws", "alice", "/", "AIDACKCEVSQ6C2EXAMPLE", {})
POWER = {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}


def named(*statements: dict[str, Any], name: str = "own", via: str = "user") -> Named:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    return Named(name, f"arn:aws:iam::{ACCOUNT}:policy/{name}", via, parsed(document, ACCOUNT, "aws"))


def published(variant: str) -> Named:
    document = rendered(read(variant), ACCOUNT)
    return Named(variant, f"arn:aws:iam::{ACCOUNT}:policy/{variant}", "group:staff", parsed(document, ACCOUNT, "aws"))


def judged(*identity: Named, boundary: Named | None = None, person: Person = ALICE) -> Judgement:
    return judge_person(identity, boundary, person)


def test_under_the_recommended_policy_nothing_but_getting_mfa_works() -> None:
    assert judged(published("recommended"), named(POWER)) == Judgement("pass", None, ())


@pytest.mark.parametrize("path", ["/", "/engineering/"])
def test_the_tutorials_lets_a_stolen_key_make_another(path: str) -> None:
    found = judged(published("tutorial"), person=ALICE._replace(path=path))
    assert found.state == "fail"


def test_without_a_deny_what_is_granted_works() -> None:
    found = judged(named(POWER)).counterexample
    assert found and found.session == "key" and found.policy.name == "own" and found.statement == "0"


def test_a_document_that_could_not_be_read_makes_it_unknown() -> None:
    assert judged(published("recommended"), Named("odd", "", "user", None)).unexplored == ("policy-unread:odd",)
