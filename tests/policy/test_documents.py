"""What the two documents grant, before and after MFA, to whom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.policy.documents import DEAD_ACTIONS, VARIANTS, read, rendered
from app.policy.evaluation import Effect, PolicyError, Request, compiled, decide
from app.policy.portal_actions import LATER_ACTIONS, allowed_actions, live_actions

ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}:"
NO_MFA: list[dict[str, str]] = [{}, {"aws:MultiFactorAuthPresent": "false"}]
MFA = {"aws:MultiFactorAuthPresent": "true"}

ALLOWED, DENIED, SILENT = Effect.ALLOWED, Effect.EXPLICITLY_DENIED, Effect.IMPLICITLY_DENIED
OWN = f"{IAM}user/alice"
# action, resource, tutorial before MFA, tutorial after, recommended before, recommended after
TABLE = [
    ("ec2:DescribeInstances", "*", DENIED, SILENT, DENIED, SILENT),
    ("s3:ListAllMyBuckets", "*", DENIED, SILENT, DENIED, SILENT),
    ("sts:AssumeRole", f"{IAM}role/x", DENIED, SILENT, DENIED, SILENT),
    ("iam:ListUsers", f"{IAM}user/", ALLOWED, ALLOWED, DENIED, ALLOWED),
    ("iam:ListAccountAliases", "*", ALLOWED, ALLOWED, ALLOWED, ALLOWED),
    ("iam:GetAccountSummary", "*", ALLOWED, ALLOWED, DENIED, ALLOWED),
    ("iam:GetAccountPasswordPolicy", "*", SILENT, SILENT, ALLOWED, ALLOWED),
    ("iam:ListVirtualMFADevices", f"{IAM}mfa/", ALLOWED, ALLOWED, ALLOWED, ALLOWED),
    ("iam:ListMFADevices", OWN, ALLOWED, ALLOWED, ALLOWED, ALLOWED),
    ("iam:ListMFADevices", f"{IAM}user/bob", SILENT, SILENT, SILENT, SILENT),
    ("iam:ListMFADevices", f"{IAM}user/Alice", SILENT, SILENT, SILENT, SILENT),
    ("iam:ListMFADevices", f"{IAM}user/eng/alice", SILENT, SILENT, ALLOWED, ALLOWED),
    ("iam:EnableMFADevice", OWN, ALLOWED, ALLOWED, ALLOWED, ALLOWED),
    ("iam:EnableMFADevice", f"{IAM}user/eng/alice", SILENT, SILENT, ALLOWED, ALLOWED),
    ("iam:EnableMFADevice", f"{IAM}user/bob", SILENT, SILENT, SILENT, SILENT),
    ("iam:CreateVirtualMFADevice", f"{IAM}mfa/alice", ALLOWED, ALLOWED, ALLOWED, ALLOWED),
    ("iam:CreateVirtualMFADevice", f"{IAM}mfa/alice/tablet", SILENT, SILENT, ALLOWED, ALLOWED),
    ("iam:CreateVirtualMFADevice", f"{IAM}mfa/bob", SILENT, SILENT, SILENT, SILENT),
    ("iam:DeleteVirtualMFADevice", f"{IAM}mfa/alice", ALLOWED, ALLOWED, ALLOWED, ALLOWED),
    ("iam:DeleteVirtualMFADevice", f"{IAM}mfa/alice2", SILENT, SILENT, SILENT, SILENT),
    ("iam:DeactivateMFADevice", OWN, ALLOWED, ALLOWED, DENIED, ALLOWED),
    ("iam:ResyncMFADevice", OWN, ALLOWED, ALLOWED, ALLOWED, ALLOWED),
    ("iam:ChangePassword", OWN, ALLOWED, ALLOWED, ALLOWED, ALLOWED),
    ("iam:CreateLoginProfile", OWN, ALLOWED, ALLOWED, DENIED, ALLOWED),
    ("iam:CreateAccessKey", OWN, ALLOWED, ALLOWED, DENIED, ALLOWED),
    ("iam:CreateAccessKey", f"{IAM}user/bob", SILENT, SILENT, DENIED, SILENT),
    ("iam:UploadSSHPublicKey", OWN, ALLOWED, ALLOWED, DENIED, ALLOWED),
    ("iam:CreateUser", f"{IAM}user/mallory", SILENT, SILENT, DENIED, SILENT),
    ("iam:AttachUserPolicy", OWN, SILENT, SILENT, DENIED, SILENT),
    (
        "signin:CreateOAuth2Token",
        f"arn:aws:signin:eu-central-1:{ACCOUNT}:oauth2/public-client/remote",
        DENIED,
        SILENT,
        ALLOWED,
        ALLOWED,
    ),
]


@pytest.mark.parametrize(("action", "resource", "before", "after", "before_new", "after_new"), TABLE)
def test_what_alice_may(
    action: str, resource: str, before: Effect, after: Effect, before_new: Effect, after_new: Effect
) -> None:
    for variant, expected in (("tutorial", (before, after)), ("recommended", (before_new, after_new))):
        policy = compiled(rendered(read(variant), ACCOUNT))
        for context in NO_MFA:
            found = decide([policy], Request(action, resource, {"aws:username": "alice", **context}))
            assert found.effect is expected[0], f"{variant}, before MFA"
        found = decide([policy], Request(action, resource, {"aws:username": "alice", **MFA}))
        assert found.effect is expected[1], f"{variant}, after MFA"


@pytest.mark.parametrize("variant", ["tutorial", "recommended"])
def test_a_user_named_like_a_wildcard_reaches_nobody_else(variant: str) -> None:
    policy = compiled(rendered(read(variant), ACCOUNT))
    for name in ("*", "?lice", "al*"):
        found = decide([policy], Request("iam:ListMFADevices", OWN, {"aws:username": name, **MFA}))
        assert found.effect is SILENT


def test_before_mfa_the_recommended_document_spares_exactly_what_getting_mfa_needs() -> None:
    deny = next(s for s in read("recommended")["Statement"] if s["Effect"] == "Deny")
    assert set(deny["NotAction"]) == {
        "iam:CreateVirtualMFADevice",
        "iam:DeleteVirtualMFADevice",
        "iam:EnableMFADevice",
        "iam:ResyncMFADevice",
        "iam:ListMFADevices",
        "iam:ListVirtualMFADevices",
        "iam:ListAccountAliases",
        "iam:ChangePassword",
        "iam:GetAccountPasswordPolicy",
        "signin:AuthorizeOAuth2Access",
        "signin:CreateOAuth2Token",
        "sts:GetSessionToken",
    }


def test_the_tutorials_document_has_five_statements_and_31_actions_of_which_29_live() -> None:
    statements = read("tutorial")["Statement"]
    named = [action for s in statements for action in s.get("Action", [])]
    assert (len(statements), len(named), len(allowed_actions(read("tutorial")))) == (5, 31, 29)
    assert not any("Sms" in action for action in live_actions())


def test_what_a_later_document_of_aws_grants_is_live_under_that_one_alone() -> None:
    tutorial = {action for each in read("tutorial")["Statement"] for action in each.get("Action", [])} - DEAD_ACTIONS
    assert live_actions() - tutorial == LATER_ACTIONS == {"iam:GetAccessKeyLastUsed"}
    granting = {variant for variant in VARIANTS if allowed_actions(read(variant)) >= LATER_ACTIONS}
    assert granting == {"2023-11"}
    assert allowed_actions(read("re-post")) == frozenset(), "a deny grants nothing"


@pytest.mark.parametrize("variant", ["tutorial", "recommended"])
def test_both_documents_cover_the_same_29_actions_and_fit_into_a_managed_policy(variant: str) -> None:
    assert allowed_actions(read(variant)) == live_actions() - LATER_ACTIONS
    assert len(allowed_actions(read(variant))) == 29
    assert len("".join(json.dumps(rendered(read(variant), ACCOUNT)).split())) < 6144


def test_a_document_can_only_narrow() -> None:
    def actions(action: object) -> frozenset[str]:
        return allowed_actions(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
        )

    assert actions("*") == live_actions()
    assert actions("IAM:*mfa*") == {action for action in live_actions() if "MFA" in action}
    assert actions(["iam:CreateUser", "s3:*"]) == frozenset()


def test_partitions(tmp_path: Path) -> None:
    text = json.dumps(rendered(read("recommended"), ACCOUNT, "aws-cn"))
    assert "arn:aws-cn:iam" in text and "arn:aws:" not in text


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "nor a readable file"), ("{", "is not JSON"), ("{}", "isn’t a policy"), ("[]", "isn’t a policy")],
)
def test_a_bad_file_is_told_on_one_line(tmp_path: Path, content: str | None, words: str) -> None:
    file = tmp_path / "policy.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(PolicyError, match=words) as told:
        read(str(file))
    assert "\n" not in str(told.value)
