"""Two judges, written apart, decide alike; and check, explain and the portal say the same of one document."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.policy.check.all_checks import check
from app.policy.documents import VARIANTS, read, rendered
from app.policy.evaluation import Effect, Request, compiled, decide
from app.policy.explain import Question, explain
from app.policy.features import BY_CODE, FEATURES, Need, When, offers, resource
from app.policy.meaning import whereabouts
from app.policy.parsed import parsed
from app.policy.permits import Permits
from app.policy.reference.actions import all_actions
from app.policy.reference.request_context import Circumstances, IamUser, Session, request_context
from tests.policy.oracle import verdict
from tests.policy.sound import FORCED, sound
from tests.policy.test_as_people_write_it import EVERYBODY, SOMEBODY
from tests.policy.test_mfa_enforcement import documents
from tests.policy.test_remedies import EXAMPLES

Document = dict[str, Any]
ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}:"
SESSIONS = [
    Session.of(None),
    Session.of(mfa=False),
    Session.of(mfa=True, age=0),
    Session.of(mfa=True, age=60),
    Session.of(mfa=True, age=43_200),
]
PUBLISHED: dict[str, Document] = {variant: rendered(read(variant), ACCOUNT) for variant in VARIANTS}
NARROWED = [sound(Condition={**FORCED, operator: {key: value}}) for operator, key, value in (*EVERYBODY, *SOMEBODY)]
PLACES = [
    "*",
    f"{IAM}user/alice",
    f"{IAM}user/engineering/alice",
    f"{IAM}user/bob",
    f"{IAM}user/",
    f"{IAM}mfa/alice",
    f"{IAM}mfa/alice/phone",
    f"{IAM}mfa/bob",
    f"arn:aws:signin:us-east-1:{ACCOUNT}:oauth2/public-client/localhost",
    "arn:aws:s3:::bucket/key",
]
SAID = {Effect.ALLOWED: "Allowed", Effect.EXPLICITLY_DENIED: "Denied", Effect.IMPLICITLY_DENIED: "Nothing"}


def agree(document: Document, actions: list[str]) -> None:
    policy = compiled(document)
    for path in ("/", "/engineering/"):
        user = IamUser(ACCOUNT, "alice", f"{IAM}user{path}alice")
        for session in SESSIONS:
            context = request_context(user, session, "iam:ListUsers", Circumstances(datetime(2026, 5, 3, tzinfo=UTC)))
            for action in actions:
                for place in PLACES:
                    ours = decide([policy], Request(action, place, context))
                    assert SAID[ours.effect] == verdict([document], action, place, context), (action, place, session)


NEEDED = sorted({need.action for feature in FEATURES for need in (*feature.needs, *feature.and_with_mfa)})
MORE = ["iam:GetUser", "iam:GetMFADevice", "iam:GetAccessKeyLastUsed", "sts:GetSessionToken", "ec2:RunInstances"]


@pytest.mark.parametrize("variant", PUBLISHED)
def test_two_judges_decide_alike_under_every_published_document(variant: str) -> None:
    agree(PUBLISHED[variant], [*NEEDED, *MORE, *all_actions("iam")[::9]])


def test_and_under_variants_of_them() -> None:
    for document in [*NARROWED, *documents(31, 120)]:
        agree(document, ["iam:ListMFADevices", "iam:CreateAccessKey", "s3:GetObject", "ec2:RunInstances"])


WAYS: dict[str, bool | None] = {"key": None, "password": False, "mfa": True}


def _explained(document: Document, need: Need, way: str, permits: Permits) -> bool | None:
    """What `explain` says; None where it is not evaluated."""
    asked = Question("alice", need.action, resource(need, permits), way)
    found = explain(parsed(document, permits.account_id, permits.partition), asked)
    return found.decision.allowed if found.evaluated else None


ALL = [*PUBLISHED.values(), *NARROWED, *EXAMPLES, *documents(47, 40)]


def test_check_explain_and_the_portal_never_contradict_each_other() -> None:
    for document in ALL:
        report = check(json.dumps(document))
        if not report.features:
            continue
        partition, account = whereabouts(document["Statement"])
        permits = Permits.of_user(document, account, partition, "alice")
        open_keys = "not-evaluated" in {finding.code for finding in report.findings}
        for found in report.features:
            feature = found.feature
            needs = {way: feature.needs + (feature.and_with_mfa if mfa else ()) for way, mfa in WAYS.items()}
            said = {way: [_explained(document, need, way, permits) for need in needs[way]] for way in WAYS}
            if any(None in each for each in said.values()):
                assert open_keys
                continue
            works = {way: all(each) for way, each in said.items()}
            before = works["key"] and works["password"] and not feature.by_service
            expected = {
                (True, True): When.BEFORE,
                (False, True): When.WITH,
                (True, False): When.ONLY_BEFORE,
                (False, False): When.NEVER,
            }[before, works["mfa"]]
            assert found.when is expected, (feature.code, document["Statement"])
            for way, mfa in WAYS.items():
                offered = feature.code in offers(permits, mfa)
                assert offered is (works[way] and bool(mfa or feature.early)), (feature.code, way)


def test_a_page_that_works_with_a_fresh_code_is_offered() -> None:
    own = ["iam:ListAccessKeys", "iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey"]
    keys = {"Effect": "Allow", "Action": own, "Resource": f"{IAM}user/${{aws:username}}"}
    document = sound(keys, Condition={"Null": {"aws:MultiFactorAuthAge": "true"}})
    permits = Permits.of_user(document, ACCOUNT, "aws", "alice")
    assert "access-keys" in offers(permits, True) and "access-keys" not in offers(permits, None)
    assert all(permits.allows(need.action, resource(need, permits)) for need in BY_CODE["access-keys"].needs)


def test_what_depends_on_the_portals_address_is_offered() -> None:
    networks = {
        "Effect": "Deny",
        "Action": "*",
        "Resource": "*",
        "Condition": {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    }
    permits = Permits.of_user(sound(networks), ACCOUNT, "aws", "alice")
    assert {"see-devices", "enroll"} <= offers(permits, None)
