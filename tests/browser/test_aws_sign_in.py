"""Signing in with the console password, on AWS's page: most people have nothing else."""

from __future__ import annotations

import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError

from app.errors import AwsServerError, NoResponse, Throttled
from tests.browser.conftest import Surfing, Visiting, refreshes
from tests.support.aws_login import AwsLogin
from tests.support.aws_login import Browser as WithoutScreen
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.marks import NEXT_PASSWORD
from tests.support.people import Employee, Phone, hire_without_key
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox

ALLOWED_AT_AWS = {
    "signin:CreateOAuth2Token",
    "sts:GetCallerIdentity",
    "iam:ListMFADevices",
    "iam:ListAccountAliases",
    "iam:CreateVirtualMFADevice",
    "iam:EnableMFADevice",
    "iam:DeactivateMFADevice",
    "iam:ListAccessKeys",
    "iam:GetLoginProfile",
    "iam:ListSSHPublicKeys",
    "iam:ListSigningCertificates",
}


def aws_login(who: Employee, phone: Phone | None = None, service: str = "ec2") -> Any:
    """A client with the credentials of an `aws login` of theirs, in a browser of its own."""
    login, browser = AwsLogin(who.sandbox.facts["signin_url"]), WithoutScreen()
    browser.open(login.authorize_url())
    browser.sign_in(who.sandbox.account_id, who.name, who.password)
    if phone:
        browser.submit(code=phone.next())
    made = login.exchange(browser.submit().answer["code"])[1]["accessToken"]
    return who.sandbox.client(
        service,
        aws_access_key_id=made["accessKeyId"],
        aws_secret_access_key=made["secretAccessKey"],
        aws_session_token=made["sessionToken"],
    )


def refused(act: Callable[[], object]) -> str:
    """AWS's code for no."""
    with pytest.raises(ClientError) as no:
        act()
    return str(no.value.response["Error"]["Code"])


@pytest.mark.parametrize("javascript", [True, False], ids=["with-javascript", "without-javascript"])
def test_step_3_with_nothing_but_a_password(
    surfing: Surfing, marta: Employee, sandbox: Sandbox, portal: Portal, javascript: bool
) -> None:
    before = sandbox.mark()
    assert refused(aws_login(marta).describe_instances) == "UnauthorizedOperation"
    surfer = surfing(javascript=javascript)
    surfer.sign_in_at_aws(marta)
    assert surfer.is_inside(marta.name)
    assert surfer.notices == ["success"] and marta.name in surfer.page.locator("[data-notice]").inner_text()
    assert surfer.has("/mfa/enroll/begin") and not surfer.with_mfa

    surfer.submit("/mfa/enroll/begin")
    assert surfer.data("step-3") == ["aws-sign-in"], "a sign-in, not only a code"
    phone = surfer.scan()
    surfer.give_two_codes(phone)
    assert marta.devices() == [marta.serial_number]
    assert surfer.path == "/mfa/activate" and surfer.has("/sign-in/aws")
    surfer.submit("/sign-in/aws")
    surfer.give_password(marta, phone)
    surfer.press("Continue")
    assert surfer.path == "/mfa/finished", "back where they were"
    assert surfer.data("works-in") == ["console command-line"]
    assert "aws login" in surfer.text
    assert aws_login(marta, phone).describe_instances()["Reservations"]
    assert refused(aws_login(marta, phone, "s3").list_buckets) == "AccessDenied"

    surfer.open("/")
    assert surfer.with_mfa
    assert surfer.data("way") == ["aws-sign-in"]
    keys = surfer.page.locator("[data-glance='access_keys.index']")
    assert "works without one" in keys.inner_text(), "aws login needs no access key"
    made = [call for call in sandbox.calls(before) if "latchkey" in call["user_agent"] and call["principal"]]
    mine = [call for call in made if call["principal"].endswith(f"/{marta.name}")]
    assert {call["action"] for call in mine} == ALLOWED_AT_AWS
    assert mine[-1]["mfa_present"] is True
    assert portal.activity(marta.name) == [
        ("sign-in", "done", "new-browser"),
        ("mfa-device-created", "intended", ""),
        ("mfa-device-created", "done", ""),
        ("mfa-device-enabled", "intended", ""),
        ("mfa-device-enabled", "done", ""),
        ("sign-in", "done", ""),
    ]


def test_an_old_console_session_does_not_count_as_mfa(
    surfing: Surfing, visiting: Visiting, marta: Employee, sandbox: Sandbox
) -> None:
    visitor, old = visiting(), surfing(fresh=True)
    old.begin_at_aws()
    old.give_password(marta)  # a console session from before the device
    visitor.sign_in_at_aws(marta)
    phone = visitor.enroll()

    old.begin_at_aws()
    old.press("Continue")
    assert old.path == "/sign-in/aws/stopped/no-code"
    assert old.page.locator("[data-at-aws-as]").inner_text() == marta.name
    old.open("/")
    assert old.path == "/sign-in", "who has a device gets in only with it"
    old.page.go_back()
    old.submit("/sign-in/aws")
    old.give_password(marta, phone)
    old.press("Continue")
    assert old.with_mfa


def test_someone_else_at_aws_does_not_take_over(
    surfing: Surfing, visiting: Visiting, marta: Employee, sandbox: Sandbox
) -> None:
    surfer, visitor, oskar = surfing(), visiting(), hire_without_key(sandbox, "oskar")
    visitor.sign_in_at_aws(marta)
    visitor.enroll()
    surfer.take_cookies_of(visitor)
    surfer.open("/mfa/activate")
    surfer.submit("/sign-in/aws")
    surfer.give_password(oskar)
    surfer.press("Continue")
    assert surfer.path == "/sign-in/aws/stopped/someone-else"
    assert surfer.page.locator("[data-at-aws-as]").inner_text() == oskar.name and marta.name in surfer.text
    surfer.open("/")
    assert surfer.is_inside(marta.name)


def test_iam_may_refuse_a_sign_in_without_mfa(surfing: Surfing, scratch: Path, clock: Clock) -> None:
    knob = ("--outcome", "password-only-sign-in=refused-by-iam")
    with (
        Sandbox(scratch / "strict", clock, *knob) as strict,
        Portal(scratch / "strict-portal", strict) as portal,
    ):
        marta, surfer = hire_without_key(strict, "marta"), surfing(portal.url)
        surfer.sign_in_at_aws(marta)
        assert surfer.path == "/sign-in/aws/stopped/iam-refuses"
        assert surfer.has("/sign-in/aws") and surfer.leads_to("/sign-in"), "two ways forward"
        surfer.open("/")
        assert surfer.path == "/sign-in"

        admin = strict.user("Administrator")
        boss = Employee(strict, "Administrator", "", "", password=admin["password"])
        phone = Phone(clock, f"otpauth://totp/x?secret={admin['mfa']['seed']}")
        surfer.open("/sign-in/aws/stopped/iam-refuses")
        surfer.submit("/sign-in/aws")
        surfer.give_password(boss, phone)
        surfer.press("Continue")
        assert surfer.with_mfa


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("throttle", Throttled.code),
        ("error-500", AwsServerError.code),
        ("reset-after", NoResponse.code),
        ("truncated", NoResponse.code),
    ],
)
def test_the_token_endpoint_fails_at_the_sign_in(
    visiting: Visiting, marta: Employee, sandbox: Sandbox, fault: str, told: str
) -> None:
    visitor = visiting()
    sandbox.set_faults([{"action": "signin:CreateOAuth2Token", "fault": fault, "occurrences": [1]}])
    visitor.sign_in_at_aws(marta)
    assert visitor.path == "/sign-in"
    assert visitor.refused_as == told
    visitor.open("/")
    assert visitor.path == "/sign-in", "no half-made session"
    visitor.submit("/sign-in/aws")
    visitor.press("Continue")
    assert visitor.is_inside(marta.name), "one click later it works"


def test_a_foreign_callback_is_refused_and_noted(
    surfer: Surfer, visiting: Visiting, marta: Employee, sandbox: Sandbox, portal: Portal
) -> None:
    visitor = visiting()
    visitor.open("/oauth/callback?code=abc&state=def")
    assert visitor.path == "/sign-in"
    assert visitor.refused_as == "elsewhere"

    visitor.begin_at_aws()
    visitor.give_password(marta)
    mark = sandbox.mark()
    visitor.open("/oauth/callback?code=abc&state=def")
    assert visitor.refused_as == "elsewhere"
    assert refreshes(sandbox, mark) == [], "AWS was not even asked"
    assert ("sign-in", "refused", "foreign-state") in portal.activity("")
    visitor.open("/oauth/callback?error=access_denied&state=def")
    assert visitor.refused_as == "elsewhere"
    visitor.open("/oauth/callback?code=%01&state=")
    assert visitor.path == "/sign-in"
    surfer.open("/oauth/callback?code=%00&state=")
    assert surfer.refused_as == "bad-request"


def test_a_callback_is_taken_once(
    surfer: Surfer, visiting: Visiting, marta: Employee, sandbox: Sandbox, portal: Portal
) -> None:
    surfer.begin_at_aws()
    asked = parse_qs(urlsplit(surfer.page.url).query)
    surfer.give_password(marta)
    visited: list[str] = []
    surfer.listen("request", lambda request: visited.append(request.url))
    surfer.press("Continue")
    callback = next(url for url in visited if "/oauth/callback" in url)
    assert asked["state"][0] in callback
    mark = sandbox.mark()
    surfer.page.goto(callback)
    assert surfer.is_inside(marta.name)
    assert refreshes(sandbox, mark) == []
    stranger = visiting()
    stranger.open(callback.removeprefix(portal.url))
    assert stranger.path == "/sign-in"


def test_the_password_never_comes_near_the_portal(surfer: Surfer, marta: Employee, portal: Portal) -> None:
    sent: list[str] = []
    surfer.listen("request", lambda asked: sent.append(f"{asked.url} {asked.post_data}"))
    surfer.sign_in_at_aws(marta)
    ours = [asked for asked in sent if asked.startswith(portal.url)]
    assert ours
    assert urllib.parse.quote(marta.password) not in " ".join(ours)
    assert any(marta.password in asked for asked in sent), "it was typed at AWS"
    stored = portal.stored()
    for secret in (marta.password, "BEGIN PRIVATE KEY", "refresh_token"):
        assert secret not in stored + portal.log.read_text()


def test_only_the_ways_that_are_offered_exist(
    visiting: Visiting, sandbox: Sandbox, scratch: Path, policy: str
) -> None:
    with Portal(scratch / f"keys-{policy}", sandbox, SIGN_IN_METHODS="access-key") as keys:
        visitor = visiting(keys.url)
        visitor.open("/sign-in")
        assert not visitor.has("/sign-in/aws") and visitor.has("/sign-in")
        visitor.open("/oauth/callback?code=a&state=b")
        assert visitor.refused_as == "no-such-page"
    with Portal(scratch / f"aws-only-{policy}", sandbox, SIGN_IN_METHODS="aws-sign-in") as aws_only:
        visitor = visiting(aws_only.url)
        visitor.open("/sign-in")
        assert visitor.has("/sign-in/aws") and not visitor.soup.select("main [name=access_key_id]")


def test_the_sandboxs_pages_are_as_accessible(
    surfing: Surfing, marta: Employee, sandbox: Sandbox, seen: set[str]
) -> None:
    login = AwsLogin.remote(sandbox.facts["signin_url"])
    sandbox.as_administrator("iam").update_login_profile(UserName=marta.name, PasswordResetRequired=True)
    surfer = surfing()
    surfer.page.goto(login.authorize_url())
    surfer.inspect()
    surfer.press("Sign in")
    assert "Enter the password." in surfer.text
    surfer.give_password(marta)
    assert surfer.page.locator("[name=new]").count() == 1, "a new one is due"
    surfer.type(old=marta.password, new="short")
    surfer.press("Change password")
    surfer.type(old=marta.password, new=NEXT_PASSWORD)
    surfer.press("Change password")
    assert surfer.heading == f"Continue as {marta.name}?"
    surfer.press("Continue")
    for path in ("/oauth?Action=logout", "/v1/authorize?x=y"):
        surfer.page.goto(login.url + path)
        surfer.inspect()
    sandboxes = {state for state in seen if state.startswith("sandbox ")}
    assert len(sandboxes) >= 5, sandboxes
