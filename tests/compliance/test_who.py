"""Who added an exception: a name alone where it is unique, and all that tells namesakes apart elsewhere."""

from __future__ import annotations

import pytest

from app.compliance.people_names import who
from app.sessions.contents import Colleague
from tests.compliance.test_rules import NOW

ACCOUNT, OTHER = "123456789012", "444455556666"


@pytest.mark.parametrize("path", ["/", "/eng/", "/eng/carol/"])
def test_a_user_of_the_account_is_named(path: str) -> None:
    assert who(f"arn:aws:iam::{ACCOUNT}:user{path}carol", ACCOUNT) == "carol"
    assert who(f"arn:aws-us-gov:iam::{ACCOUNT}:user{path}carol", ACCOUNT) == "carol"


def test_a_namesake_of_another_account_is_told_apart() -> None:
    mine, theirs = (who(f"arn:aws:iam::{account}:user/carol", ACCOUNT) for account in (ACCOUNT, OTHER))
    assert mine != theirs and "carol" in theirs and OTHER in theirs


def test_people_with_a_company_account_are_told_apart() -> None:
    def told(issuer: str, subject: str, name: str) -> str:
        return who(Colleague.of(issuer, subject, name, [], NOW).arn, ACCOUNT)

    found = [
        told("https://id.example.com", "u-42", "carol"),
        told("https://id.example.com", "u-43", "carol"),
        told("https://other.example.com", "u-42", "carol"),
        told("https://id.example.com/realms/a", "u-42", "carol"),
        who(f"arn:aws:iam::{ACCOUNT}:user/carol", ACCOUNT),
    ]
    assert len(set(found)) == len(found) and all("carol" in each for each in found)


@pytest.mark.parametrize(
    "by",
    [
        "https://id.example.com#u/42/carol",  # is the subject "u" or "u/42"?
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/carol",
        f"arn:aws:iam::{ACCOUNT}:root",
        "Latchkey, because the user was deleted and created again",
        "",
    ],
)
def test_everything_else_is_shown_as_it_is(by: str) -> None:
    assert who(by, ACCOUNT) == by
