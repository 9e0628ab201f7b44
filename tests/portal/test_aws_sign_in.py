"""Who AWS Sign-In lets in: GetCallerIdentity decides, never what a token says of itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.aws.clients import AwsCredentials
from app.aws.signin import AuthorizationRequest, OAuthClient, SignInGateway, SignInTokens, oauth_client_for
from app.sessions.contents import PendingAwsSignIn
from app.signin.aws_service import DifferentUser, finish
from app.signin.service import NotForThisPortal
from app.web.security import sign_in_origins
from tests.support.gateways import Caller, NoIam

ACCOUNT = "123456789012"
SOON = datetime.now(UTC) + timedelta(minutes=10)


class AnyCode(SignInGateway):
    """Answers any code with the same credentials."""

    def __init__(self) -> None:
        """Without clients."""

    def exchange(self, asked: AuthorizationRequest, code: str) -> SignInTokens:
        return SignInTokens(AwsCredentials("ASIA", "s", "t", SOON), OAuthClient.SAME.value, "refresh", "pem")


def pending(expected_user_id: str = "") -> PendingAwsSignIn:
    return PendingAwsSignIn(OAuthClient.SAME.value, "", "state", "verifier", SOON, False, expected_user_id)


@pytest.mark.parametrize(
    ("arn", "account", "words"),
    [
        (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "root user"),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/x", ACCOUNT, "role or a federated user"),
        ("arn:aws:iam::999999999999:user/alice", "999999999999", "999999999999, which this site doesn’t serve"),
    ],
)
def test_only_iam_users_of_configured_accounts(arn: str, account: str, words: str) -> None:
    with pytest.raises(NotForThisPortal, match=words):
        finish(AnyCode(), Caller(arn, account), NoIam(), {ACCOUNT}, pending(), "code")


def test_who_goes_through_aws_again_must_come_back_as_themselves() -> None:
    bob = f"arn:aws:iam::{ACCOUNT}:user/bob"
    with pytest.raises(DifferentUser) as told:
        finish(AnyCode(), Caller(bob, ACCOUNT), NoIam(), {ACCOUNT}, pending("AIDAALICE"), "code")
    assert told.value.user_name == "bob"


@pytest.mark.parametrize(
    ("public_url", "client", "callback"),
    [
        ("http://127.0.0.1:8000", OAuthClient.SAME, "http://127.0.0.1:8000/oauth/callback"),
        ("http://127.0.0.1", OAuthClient.SAME, "http://127.0.0.1:80/oauth/callback"),
        ("https://latchkey.example.com", OAuthClient.CROSS, ""),
        ("https://127.0.0.1:8443", OAuthClient.CROSS, ""),
    ],
)
def test_aws_redirects_to_plain_loopback_only(public_url: str, client: OAuthClient, callback: str) -> None:
    assert oauth_client_for(public_url) == (client, callback)


def test_forms_may_end_at_aws_and_nowhere_else() -> None:
    assert sign_in_origins("http://127.0.0.1:5000") == ["http://127.0.0.1:5000"]
    assert sign_in_origins("https://us-east-1.signin.aws.amazon.com") == [
        "https://us-east-1.signin.aws.amazon.com",
        "https://signin.aws.amazon.com",
        "https://*.signin.aws.amazon.com",
    ]
    assert sign_in_origins("https://evilsignin.aws.amazon.com.example") == [
        "https://evilsignin.aws.amazon.com.example"
    ]
