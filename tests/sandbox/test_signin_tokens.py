"""What `aws login` sends is exchanged for credentials and refreshed. Nothing else is."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.sandbox.conftest import Refused, client, code_for
from tests.support.aws_login import AwsLogin, Browser, base64url, dpop_proof
from tests.support.clock import Clock
from tests.support.people import Employee
from tests.support.sandbox import Sandbox


def test_the_token_needs_a_permission_of_its_own(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin
) -> None:
    code = code_for(browser, login, bob)
    statement = {"Effect": "Deny", "Action": "signin:CreateOAuth2Token", "Resource": "*"}
    one.as_administrator("iam").put_user_policy(
        UserName=bob.name,
        PolicyName="no-token",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    assert login.exchange(code)[1]["error"] == "INSUFFICIENT_PERMISSIONS"


def test_what_an_exchange_carries_is_judged(one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin) -> None:
    program = json.dumps({"signin:OAuthClientId": "arn:aws:signin:::devtools/same-device"})
    for condition, error in (
        ('{"signin:OAuthGrantType": "authorization_code"}', "INSUFFICIENT_PERMISSIONS"),
        (program, "INSUFFICIENT_PERMISSIONS"),
        ('{"signin:OAuthGrantType": "refresh_token"}', None),
    ):
        deny = {"Effect": "Deny", "Action": "signin:CreateOAuth2Token", "Resource": "*"}
        one.as_administrator("iam").put_user_policy(
            UserName=bob.name,
            PolicyName="some-tokens",
            PolicyDocument=json.dumps(
                {"Version": "2012-10-17", "Statement": deny | {"Condition": {"StringEquals": json.loads(condition)}}}
            ),
        )
        if browser.page and browser.page.url.startswith(login.redirect_uri):
            browser.open(login.authorize_url())
            code = browser.submit().answer["code"]
        else:
            code = code_for(browser, login, bob)
        assert login.exchange(code)[1].get("error") == error


def test_a_code_works_once_and_not_for_long(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin, clock: Clock
) -> None:
    code = code_for(browser, login, bob)
    assert login.exchange(code)[0] == 200
    assert login.exchange(code)[1]["error"] == "AUTHCODE_EXPIRED"

    browser.open(login.authorize_url())
    late = browser.submit().answer["code"]
    clock.move(301)
    assert login.exchange(late)[1]["error"] == "AUTHCODE_EXPIRED"


def test_a_stolen_code_is_worth_nothing(one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin) -> None:
    def fresh() -> str:
        if browser.page.url.startswith(login.redirect_uri):
            browser.open(login.authorize_url())
            return browser.submit().answer["code"]
        return code_for(browser, login, bob)

    assert login.exchange(fresh(), codeVerifier="v" * 43) == (
        400,
        {"error": "invalid_grant", "message": "The authorization code was given for another request."},
    )
    assert login.exchange(fresh(), redirectUri="http://127.0.0.1:1/oauth/callback")[1]["error"] == "invalid_grant"
    assert login.exchange(fresh(), clientId="arn:aws:signin:::devtools/cross-device")[1]["error"] == "invalid_grant"
    assert login.exchange("made-up")[1]["error"] == "invalid_grant"
    assert login.exchange(fresh(), codeVerifier="short")[1]["error"] == "invalid_grant"


@pytest.fixture
def spoiled(login: AwsLogin) -> dict[str, str]:
    """DPoP proofs with one thing wrong each."""
    key, url = login.key, f"{login.url}/v1/token"
    good, other = dpop_proof(key, url), dpop_proof(ec.generate_private_key(ec.SECP256R1()), url)
    private = base64url(key.private_numbers().private_value.to_bytes(32, "big"))
    jwk = json.loads(base64.urlsafe_b64decode(good.split(".")[0] + "=="))["jwk"]
    return {
        "none": "",
        "not a JWT": "abc",
        "another method": dpop_proof(key, url, htm="GET"),
        "another address": dpop_proof(key, "https://us-east-1.signin.aws.amazon.com/v1/token"),
        "old": dpop_proof(key, url, iat=1),
        "a time beyond all clocks": dpop_proof(key, url, iat=10**30),
        "a time as text": dpop_proof(key, url, iat="1"),
        "no id": dpop_proof(key, url, jti=""),
        "another type": dpop_proof(key, url, header_typ="JWT"),
        "no algorithm": dpop_proof(key, url, header_alg="none"),
        "a secret as key": dpop_proof(key, url, header_alg="HS256"),
        "the private key in it": dpop_proof(key, url, header_jwk={**jwk, "d": private}),
        "another's signature": f"{good.rsplit('.', 1)[0]}.{other.rsplit('.', 1)[1]}",
        "changed claims": ".".join([good.split(".")[0], other.split(".")[1], good.split(".")[2]]),
    }


def test_without_a_good_proof_there_is_no_token(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin, spoiled: dict[str, str]
) -> None:
    code = code_for(browser, login, bob)
    for what, proof in spoiled.items():
        status, told = login.exchange(code, proof)
        assert (status, told["error"]) == (400, "invalid_request"), what
    proof = dpop_proof(login.key, f"{login.url}/v1/token")
    status, token = login.exchange(code, proof)
    assert status == 200, "the code was not touched"
    assert login.refresh(token["refreshToken"], proof)[1]["error"] == "invalid_request", "a proof counts once"


def test_bodies_that_are_not_a_request(login: AwsLogin) -> None:
    for body in (b"", b"{", b"[]", b'"x"', b"{}", b'{"clientId": 1}', b'{"clientId": {}}', b"\xff", b"[" * 5000):
        assert login.post(body)[1]["error"] == "invalid_request", body
    assert login.post(b'{"clientId":"a","clientId":"b"}')[1]["error"] == "invalid_request"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert login.post(b"grant_type=authorization_code", **form)[1]["error"] == "invalid_request"
    assert login.post(b"x" * 70_000)[1]["error"] == "invalid_request"


def test_refresh_tokens_rotate_and_belong_to_their_key(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin, clock: Clock, refused: Refused
) -> None:
    _, first = login.exchange(code_for(browser, login, bob))
    clock.move(901)
    assert refused(client(one, "sts", first).get_caller_identity) == ("ExpiredToken", 403)
    thief = AwsLogin(login.url)
    assert thief.refresh(first["refreshToken"])[1]["error"] == "invalid_grant", "another key"
    status, second = login.refresh(first["refreshToken"])
    assert status == 200
    assert "idToken" not in second
    assert client(one, "sts", second).get_caller_identity()["Arn"].endswith(bob.name)
    status, told = login.refresh(first["refreshToken"])
    assert (status, told["error"]) == (400, "invalid_grant")
    assert "invalid, expired, revoked, or malformed" in told["message"]
    assert login.refresh(second["refreshToken"])[0] == 200


def test_after_twelve_hours_one_signs_in_again(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin, clock: Clock
) -> None:
    _, token = login.exchange(code_for(browser, login, bob))
    clock.move(12 * 3600 - 300)
    status, last = login.refresh(token["refreshToken"])
    assert status == 200
    assert last["expiresIn"] <= 300, "never beyond the session"
    clock.move(301)
    assert login.refresh(last["refreshToken"])[1]["error"] == "TOKEN_EXPIRED"
    assert "IAM user sign-in" in browser.open(login.authorize_url()).text


def test_a_new_password_ends_the_refreshing(one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin) -> None:
    _, token = login.exchange(code_for(browser, login, bob))
    client(one, "iam", token).change_password(OldPassword=bob.password, NewPassword="Another-horse-8")
    assert login.refresh(token["refreshToken"])[1]["error"] == "USER_CREDENTIALS_CHANGED"
    assert client(one, "sts", token).get_caller_identity(), "what was handed out lives on"


@pytest.fixture
def profile(scratch: Path, monkeypatch: pytest.MonkeyPatch, one: Sandbox) -> Iterator[Path]:
    """An AWS profile as `aws login` leaves it behind."""
    folder = scratch / "profile"
    folder.mkdir()
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
    monkeypatch.setenv("AWS_LOGIN_CACHE_DIRECTORY", str(folder))
    monkeypatch.setenv("AWS_ENDPOINT_URL_SIGNIN", one.facts["signin_url"])
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", one.url)
    yield folder


def test_botocores_own_provider_refreshes_here(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin, clock: Clock, profile: Path
) -> None:
    _, token = login.exchange(code_for(browser, login, bob))
    arn = f"arn:aws:iam::{one.account_id}:user/{bob.name}"
    (profile / "config").write_text(f"[profile bob]\nlogin_session = {arn}\nregion = us-east-1\n")
    pem = login.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    cached = profile / f"{hashlib.sha256(arn.encode()).hexdigest()}.json"
    cached.write_text(
        json.dumps(
            {
                "accessToken": {
                    **token["accessToken"],
                    "accountId": one.account_id,
                    "expiresAt": f"{datetime.now(UTC) + timedelta(seconds=900):%Y-%m-%dT%H:%M:%SZ}",
                },
                "tokenType": token["tokenType"],
                "clientId": login.client_id,
                "refreshToken": token["refreshToken"],
                "idToken": token["idToken"],
                "dpopKey": pem,
            }
        )
    )
    clock.move(901)
    sts = boto3.Session(profile_name="bob").client("sts")
    assert sts.get_caller_identity()["Arn"] == arn
    assert json.loads(cached.read_text())["refreshToken"] != token["refreshToken"]
