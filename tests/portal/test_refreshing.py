"""AWS refuses to renew a sign-in: the sentence is about that, whatever code AWS gives it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from markupsafe import escape

from app.aws.clients import AwsCredentials
from app.aws.signin import OAuthClient, SignInGateway, SignInTokens
from app.db import db
from app.errors import MEANING, CodeRefused, PasswordWasChanged, RenewalRefused
from app.sessions import current
from app.sessions.contents import Person
from app.web.guards import public
from tests.support.inside import cookie, get, portal_at, post


class Refusing(SignInGateway):
    """Renews nothing."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.url = "https://signin.example"

    def refresh(self, client_id: str, refresh_token: str, dpop_key: str) -> SignInTokens:
        raise MEANING[self.code]()

    def sign_out_url(self, onwards: str) -> str:
        return onwards


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Flask]:
    app = portal_at(tmp_path / "portal.db")

    @app.post("/test/through-aws")
    def through_aws() -> str:
        person = Person("123456789012", "alice", "/", "aws", True, datetime.now(UTC), user_id="AIDAALICE")
        soon = AwsCredentials("ASIA", "temporary", "token", datetime.now(UTC) + timedelta(minutes=1))
        tokens = SignInTokens(soon, OAuthClient.SAME.value, "refresh", "pem")
        current.sign_in_through_aws(person, tokens, timedelta(hours=1))
        return ""

    public(through_aws)
    app.extensions["csrf"].exempt(through_aws)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    "code", ["INVALID_REQUEST", "TOKEN_EXPIRED", "invalid_grant", "ValidationException", "USER_CREDENTIALS_CHANGED"]
)
def test_a_refused_refresh_has_its_own_sentence(portal: Flask, code: str) -> None:
    client = portal.test_client()
    object.__setattr__(portal.extensions["gateways"], "signin", Refusing(code))
    post(client, "/test/through-aws")
    assert cookie(client)
    told = get(client, "/activity?page=2")
    assert told.status_code == 303 and "next=/activity?page%3D2" in told.headers["Location"]
    page = get(client, told.headers["Location"]).text
    told_of = PasswordWasChanged if MEANING[code] is PasswordWasChanged else RenewalRefused
    assert f'data-refused="{told_of.code}"' in page and escape(told_of.message) in page
    assert CodeRefused.message not in page and cookie(client) == ""
