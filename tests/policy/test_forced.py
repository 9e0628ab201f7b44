"""Is MFA forced on a person? Policies as accounts have them, and the request that gets through."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from app.policy.documents import VARIANTS, read, rendered
from app.policy.forced import Judgement
from app.policy.permits import Permits
from tests.policy.forced_policies import (
    ADMIN,
    ALICE,
    POWER,
    allow,
    deny,
    got,
    judged,
    named,
    published,
)
from tests.policy.forced_universe import ACCOUNT, IAM
from tests.policy.forced_ways import FORCED, NOT_FORCED

# -- the documents that are published


FORCING = ("recommended", "2019-01", "2021-05", "2022-11", "2023-11", "re-post")


@pytest.mark.parametrize("variant", FORCING)
@pytest.mark.parametrize("path", ["/", "/engineering/"])
def test_nothing_but_getting_mfa_works_under_them(variant: str, path: str) -> None:
    person = ALICE._replace(path=path)
    assert judged(published(variant), named(POWER), person=person) == Judgement("pass", None, ())


@pytest.mark.parametrize("variant", sorted(set(VARIANTS) - set(FORCING)))
def test_the_older_ones_let_something_through(variant: str) -> None:
    found = judged(published(variant), named(POWER))
    assert found.state == "fail"


def test_the_tutorials_lets_a_stolen_key_make_another() -> None:
    found = judged(published("tutorial"), named(POWER)).counterexample
    assert found and (found.action, found.resource) == ("iam:CreateAccessKey", f"{IAM}:user/alice")
    assert found.session == "key" and found.policy.name == "tutorial" and found.policy.via == "group:staff"
    assert found.statement == "AllowIndividualUserToSeeAndManageTheirOwnAccountInformation"


def test_administrators_can_change_the_devices_of_others_even_under_the_recommended_one() -> None:
    action, resource, session = got(published("recommended"), named(ADMIN))
    assert (action, session) == ("iam:DeleteVirtualMFADevice", "key") and resource.startswith(f"{IAM}:mfa/")
    assert not resource.startswith(f"{IAM}:mfa/alice")


def test_with_the_statement_of_the_documents_they_cannot() -> None:
    text = (Path(__file__).parents[2] / "docs" / "compliance.md").read_text()
    (block,) = [each for each in re.findall(r"```json\n(.*?)```", text, re.DOTALL) if "NotResource" in each]
    recommended = read("recommended")
    document = rendered({**recommended, "Statement": [*recommended["Statement"], json.loads(block)]}, ACCOUNT)
    closed = named(*document["Statement"], name="closed")
    for person in (ALICE, ALICE._replace(path="/engineering/")):
        assert judged(closed, named(ADMIN), person=person) == Judgement("pass", None, ())
        permits = Permits.of_user(document, ACCOUNT, "aws", person.user_name, person.path)
        for action, resource in (
            ("iam:EnableMFADevice", permits.arn),
            ("iam:ListMFADevices", permits.arn),
            ("iam:ChangePassword", permits.arn),
            ("iam:CreateVirtualMFADevice", f"{IAM}:mfa/alice"),
            ("iam:CreateVirtualMFADevice", f"{IAM}:mfa/alice/phone"),
            ("iam:DeleteVirtualMFADevice", f"{IAM}:mfa/alice/phone"),
        ):
            assert permits.allows(action, resource, mfa=None) and permits.allows(action, resource, mfa=False), action


def test_without_any_policy_nothing_works() -> None:
    assert judged().state == "pass"
    assert judged(published("recommended"), boundary=named(ADMIN, name="limit")).state == "pass"


# -- ways to force it


@pytest.mark.parametrize("way", FORCED)
def test_mfa_is_forced(way: str) -> None:
    assert judged(named(*FORCED[way])) == Judgement("pass", None, ())


# -- ways in which it is not


@pytest.mark.parametrize("way", NOT_FORCED)
def test_mfa_is_not_forced(way: str) -> None:
    statements, action, resource, session = NOT_FORCED[way]
    found = got(named(*statements))
    assert found == (action or found[0], resource or found[1], session)


def test_what_matters_of_the_request_is_told() -> None:
    networks = deny("*", NotIpAddress={"aws:SourceIp": "192.0.2.0/24"}, Null={"aws:MultiFactorAuthAge": "true"})
    found = judged(named(POWER, networks)).counterexample
    assert found and found.context == {"aws:SourceIp": "192.0.2.0"}
    only_passwords = named(allow("s3:ListAllMyBuckets", Bool={"aws:MultiFactorAuthPresent": "false"}))
    found = judged(only_passwords).counterexample
    assert found and found.session == "password" and found.context == {"aws:MultiFactorAuthPresent": "false"}
