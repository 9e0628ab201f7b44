"""AWS Sign-In is real: who comes with a password, and a code where there is a device, is let in; nobody else."""

from __future__ import annotations

import base64
import json
import urllib.parse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Refused, client, code_for, signed_in
from tests.sandbox.test_mfa import Device
from tests.support.aws_login import AwsLogin, Browser
from tests.support.clock import Clock
from tests.support.people import Employee, hire_without_key
from tests.support.sandbox import Sandbox


def device_of(who: Employee, clock: Clock) -> Device:
    """Turned on by the administrator."""
    key = who.sandbox.as_administrator("iam").create_access_key(UserName=who.name)["AccessKey"]
    who.access_key_id, who.secret_access_key = key["AccessKeyId"], key["SecretAccessKey"]
    return Device(who, clock).on()


def test_bob_signs_in_without_mfa(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin, refused: Refused
) -> None:
    assert "IAM user sign-in" in browser.open(login.authorize_url()).text
    confirm = browser.sign_in(one.account_id, bob.name, bob.password)
    assert f"Continue as {bob.name}?" in confirm.text
    assert "opened without MFA" in confirm.text
    arrived = browser.submit()
    assert arrived.url.startswith(login.redirect_uri)
    assert arrived.answer["state"] == login.state

    status, token = login.exchange(arrived.answer["code"])
    assert status == 200
    assert token["expiresIn"] == 900
    assert set(token) == {"accessToken", "tokenType", "expiresIn", "refreshToken", "idToken"}
    assert len(token["refreshToken"]) <= 2048
    claims = json.loads(base64.urlsafe_b64decode(token["idToken"].split(".")[1] + "=="))
    arn = f"arn:aws:iam::{one.account_id}:user/{bob.name}"
    assert claims["sub"] == arn
    assert claims["aud"] == login.client_id

    assert client(one, "sts", token).get_caller_identity()["Arn"] == arn
    assert client(one, "iam", token).list_mfa_devices(UserName=bob.name)["MFADevices"] == []
    assert refused(client(one, "ec2", token).describe_instances) == ("UnauthorizedOperation", 403)
    assert refused(client(one, "sts", token).get_session_token) == ("AccessDenied", 403)
    assert one.calls()[-1]["mfa_present"] is False
    asked = [
        call for call in one.calls() if (call["action"] or "").startswith("signin:") and call["principal"] == arn
    ]
    assert [(call["action"], call["status"]) for call in asked] == [
        ("signin:ConsoleLogin", 200),
        ("signin:AuthorizeOAuth2Access", 200),
        ("signin:CreateOAuth2Token", 200),
    ]
    assert asked[2]["resource"] == f"arn:aws:signin:us-east-1:{one.account_id}:oauth2/public-client/localhost"


def test_iam_may_refuse_a_password_only_sign_in(scratch: Path, clock: Clock, refused: Refused) -> None:
    with Sandbox(scratch / "picky", clock, "--outcome", "password-only-sign-in=refused-by-iam") as picky:
        bob, login, browser = hire_without_key(picky, "bob"), AwsLogin(picky.facts["signin_url"]), Browser()
        _, token = login.exchange(code_for(browser, login, bob))
        assert client(picky, "sts", token).get_caller_identity()["Arn"].endswith(bob.name)
        assert refused(client(picky, "iam", token).list_mfa_devices, UserName=bob.name) == (
            "InvalidClientTokenId",
            403,
        )


def test_with_a_device_the_code_is_asked_and_ec2_works(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin, clock: Clock
) -> None:
    device = device_of(bob, clock)
    assert "Multi-factor authentication" in signed_in(browser, login, bob).text
    assert "wrong or was used" in browser.submit(code="000000").text
    code = device.code()
    assert "opened with MFA" in browser.submit(code=code).text
    _, token = login.exchange(browser.submit().answer["code"])
    assert client(one, "ec2", token).describe_instances()["Reservations"]
    assert one.calls()[-1]["mfa_present"] is True

    another = Browser()
    signed_in(another, login, bob)
    assert "was used before" in another.submit(code=code).text, "no code works twice"


def test_a_console_session_keeps_the_mfa_it_was_opened_with(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin, clock: Clock, refused: Refused
) -> None:
    signed_in(browser, login, bob)
    device = device_of(bob, clock)
    page = browser.open(login.authorize_url())
    assert "opened without MFA" in page.text, "no code was asked of the session from before"
    _, token = login.exchange(browser.submit().answer["code"])
    assert refused(client(one, "ec2", token).describe_instances) == ("UnauthorizedOperation", 403)

    onwards = urllib.parse.quote(login.authorize_url(), safe="")
    assert "IAM user sign-in" in browser.open(f"{login.url}/oauth?Action=logout&redirect_uri={onwards}").text
    browser.sign_in(one.account_id, bob.name, bob.password)
    assert "opened with MFA" in browser.submit(code=device.code()).text


def test_signing_out_leads_nowhere_else(one: Sandbox, browser: Browser, login: AwsLogin) -> None:
    assert "signed out" in browser.open(f"{login.url}/oauth?Action=logout&redirect_uri=http://127.0.0.1:9/x").text


def test_remote_shows_a_code_to_paste(one: Sandbox, bob: Employee, browser: Browser) -> None:
    login = AwsLogin.remote(one.facts["signin_url"])
    signed_in(browser, login, bob)
    page = browser.submit()
    text = page.html.split('id="code"')[1].split(">")[1].split("<")[0]
    said = dict(urllib.parse.parse_qsl(base64.b64decode(text, validate=True).decode()))
    assert said["state"] == login.state
    status, token = login.exchange(said["code"])
    assert status == 200
    assert one.calls()[-1]["resource"].endswith("oauth2/public-client/remote")
    assert client(one, "sts", token).get_caller_identity()["Arn"].endswith(bob.name)


def test_the_console_does_not_tell_which_of_the_three_is_wrong(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin
) -> None:
    browser.open(login.authorize_url())
    for account, name, password in (
        ("999999999999", bob.name, bob.password),
        (one.account_id, "nobody", bob.password),
        (one.account_id, bob.name, "Wrong-horse-7"),
        (one.account_id, "KeyUser", bob.password),
    ):
        page = browser.sign_in(account, name, password)
        assert page.status == 422
        assert "The account, the user name or the password is wrong." in page.text
        assert password not in page.html


def test_passwords_cannot_be_guessed(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin, clock: Clock
) -> None:
    browser.open(login.authorize_url())
    for number in range(10):
        browser.sign_in(one.account_id, bob.name, f"Wrong-horse-{number}")
    assert "too many wrong passwords" in browser.sign_in(one.account_id, bob.name, bob.password).text
    clock.move(301)
    assert "Continue as" in browser.sign_in(one.account_id, bob.name, bob.password).text


def test_the_accounts_alias_will_do(one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin) -> None:
    admin = one.as_administrator("iam")
    admin.create_account_alias(AccountAlias="example-corp")
    browser.open(login.authorize_url())
    assert "Continue as" in browser.sign_in("example-corp", bob.name, bob.password).text
    admin.delete_account_alias(AccountAlias="example-corp")


def test_the_use_of_a_password_is_noted(one: Sandbox, bob: Employee, login: AwsLogin, clock: Clock) -> None:
    def last_used() -> datetime | None:
        user: dict[str, Any] = one.as_administrator("iam").get_user(UserName=bob.name)["User"]
        return user.get("PasswordLastUsed")

    assert last_used() is None
    signed_in(Browser(), login, bob)
    first = last_used()
    assert first is not None
    assert abs(first - datetime.now(UTC)) < timedelta(seconds=10)
    clock.move(120)
    signed_in(Browser(), login, bob)
    assert last_used() == first, "several uses within five minutes count once"
    clock.move(300)
    signed_in(Browser(), login, bob)
    assert last_used() != first


def test_a_password_to_be_reset_is_changed_first(sandbox: Sandbox, browser: Browser, policy: str) -> None:
    bob, login = hire_without_key(sandbox, "bob"), AwsLogin(sandbox.facts["signin_url"])
    admin = sandbox.as_administrator("iam")
    admin.update_login_profile(UserName=bob.name, PasswordResetRequired=True)
    assert "Choose a new password" in signed_in(browser, login, bob).text
    assert (
        "Choose a new password"
        in browser.open(f"{login.url}/v1/new-password?{login.authorize_url().split('?')[1]}").text
    )
    assert "minimum length" in browser.submit(old=bob.password, new="short").text
    assert "old password was incorrect" in browser.submit(old="Wrong-horse-7", new="Another-horse-8").text
    assert f"Continue as {bob.name}?" in browser.submit(old=bob.password, new="Another-horse-8").text
    call = [c for c in sandbox.calls() if c["action"] == "iam:ChangePassword"][-1]
    assert (call["mfa_present"], call["decision"], call["status"]) == (False, "Allowed", 200)
    assert not admin.get_login_profile(UserName=bob.name)["LoginProfile"]["PasswordResetRequired"]


def test_who_may_not_change_a_password_is_stuck_at_the_console(
    one: Sandbox, browser: Browser, login: AwsLogin
) -> None:
    eve = hire_without_key(one, "eve", group=None)
    one.as_administrator("iam").update_login_profile(UserName=eve.name, PasswordResetRequired=True)
    signed_in(browser, login, eve)
    assert "not allowed to change your password" in browser.submit(old=eve.password, new="Another-horse-8").text


def test_without_the_signin_actions_the_answer_is_an_error(sandbox: Sandbox, browser: Browser, policy: str) -> None:
    bob, login = hire_without_key(sandbox, "bob"), AwsLogin(sandbox.facts["signin_url"])
    signed_in(browser, login, bob)
    answer = browser.submit().answer
    if policy == "recommended":
        assert "code" in answer
        return
    assert answer["error"] == "access_denied"
    assert "signin:AuthorizeOAuth2Access" in answer["error_description"]
    assert answer["state"] == login.state

    remote = AwsLogin.remote(sandbox.facts["signin_url"])
    browser.open(remote.authorize_url())
    assert "not authorized to perform: signin:AuthorizeOAuth2Access" in browser.submit().text


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example/oauth/callback"},
        {"redirect_uri": "http://127.0.0.1:1/elsewhere"},
        {"redirect_uri": "http://127.0.0.1:99999/oauth/callback"},
        {"redirect_uri": "http://127.0.0.1:1@evil.example/oauth/callback"},
        {"redirect_uri": "http://localhost:1/oauth/callback"},
        {"code_challenge_method": "S256"},
        {"code_challenge": "short"},
        {"client_id": "arn:aws:signin:::devtools/other"},
        {"response_type": "token"},
        {"state": ""},
    ],
    ids="-".join,
)
def test_foreign_authorization_requests_go_nowhere(
    browser: Browser, login: AwsLogin, changes: dict[str, str]
) -> None:
    page = browser.open(login.authorize_url(**changes))
    assert page.status == 400
    assert "can’t answer this request" in page.text


def test_another_user_in_the_same_browser(one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin) -> None:
    signed_in(browser, login, bob)
    carol = hire_without_key(one, "carol")
    assert "IAM user sign-in" in browser.submit(1).text
    assert f"Continue as {carol.name}?" in browser.sign_in(one.account_id, carol.name, carol.password).text


def test_who_takes_over_a_name_does_not_take_over_its_console(
    one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin
) -> None:
    signed_in(browser, login, bob)
    iam = one.as_administrator("iam")
    iam.delete_login_profile(UserName=bob.name)
    assert "IAM user sign-in" in browser.open(login.authorize_url()).text, "no password, no console"
    iam.remove_user_from_group(GroupName="EC2MFA", UserName=bob.name)
    iam.delete_user(UserName=bob.name)
    iam.create_user(UserName=bob.name)
    iam.create_login_profile(UserName=bob.name, Password="Another-horse-8")
    assert "IAM user sign-in" in browser.open(login.authorize_url()).text


def test_forms_cannot_be_forged(one: Sandbox, bob: Employee, browser: Browser, login: AwsLogin) -> None:
    signed_in(browser, login, bob)
    assert browser.open(login.authorize_url(), {}).status == 400
    assert browser.open(f"{login.url}/v1/other-user", {}).status == 400
