"""Signing in at AWS for a portal on another machine: AWS shows a code, and the user pastes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import CodeRefused
from app.policy.documents import sign_in_statement
from app.signin.aws_service import (
    OtherVerificationCode,
    VerificationCodeMissing,
    VerificationCodeNotWhole,
    VerificationCodeTooLong,
)
from app.signin.aws_views import ACCOUNT
from tests.browser.conftest import Surfing
from tests.support.browser import Surfer
from tests.support.chromium import HOSTED
from tests.support.clock import Clock
from tests.support.people import Employee, Phone
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="session")
def hosted(scratch: Path, sandbox: Sandbox, policy: str) -> Iterator[Portal]:
    """A portal with TLS and its own host name, as on a server."""
    with Portal(scratch / f"hosted-{policy}", sandbox, host=HOSTED, FORCE_MFA_POLICY=policy) as running:
        yield running


def verification_code(surfer: Surfer, employee: Employee | None, phone: Phone | None = None) -> str:
    """Open AWS in a new tab, sign in there unless the user is signed in already, and copy the code."""
    ours = surfer.page
    with surfer.page.context.expect_page() as opened:
        ours.locator("[data-at-aws]").click()
    surfer.page = opened.value
    surfer.page.wait_for_load_state()
    surfer.inspect()
    if employee:
        surfer.give_password(employee, phone)
    surfer.press("Continue")
    code = surfer.page.inner_text("#code") if surfer.page.locator("#code").count() else surfer.text
    surfer.page.close()
    surfer.page = ours
    return code


def paste(surfer: Surfer, code: str) -> None:
    surfer.submit("/sign-in/aws/code", verification_code=code)


def test_the_same_from_another_machine(surfing: Surfing, marta: Employee, hosted: Portal) -> None:
    surfer = surfing(hosted.url)
    surfer.begin_at_aws()
    assert surfer.path == "/sign-in/aws"
    code = verification_code(surfer, marta)
    paste(surfer, f"  {code[:20]}\n{code[20:]} ")
    assert surfer.is_inside(marta.name)

    phone = surfer.enroll()
    surfer.submit("/sign-in/aws")
    assert surfer.path == "/sign-in/aws"
    paste(surfer, verification_code(surfer, marta, phone))
    assert surfer.path == "/mfa/finished"
    cookies = {c["name"]: c for c in surfer.page.context.cookies() if "latchkey" in c["name"]}
    assert cookies.keys() == {"__Host-latchkey", "__Host-latchkey-browser"}
    assert all(cookie["secure"] and cookie["httpOnly"] for cookie in cookies.values())


def test_pasting_goes_wrong_in_every_way(
    surfing: Surfing, marta: Employee, hosted: Portal, sandbox: Sandbox, clock: Clock
) -> None:
    surfer = surfing(hosted.url)
    surfer.begin_at_aws()
    first = verification_code(surfer, marta)
    for wrong, told in (
        ("", VerificationCodeMissing),
        ("hello", VerificationCodeNotWhole),
        (first[:-7], VerificationCodeNotWhole),
        (f"{first}{first}", VerificationCodeNotWhole),
        ("A" * 5000, VerificationCodeTooLong),
    ):
        paste(surfer, wrong)
        assert surfer.wrong == {"verification_code": told.code}, wrong
        assert surfer.value("verification_code") == "", "a code is not shown again"
    other = surfing(hosted.url)
    other.begin_at_aws()
    paste(other, first)
    assert other.wrong == {"verification_code": OtherVerificationCode.code}
    paste(surfer, first)
    assert surfer.is_inside(marta.name), "the valid code still works"

    late = verification_code(other, marta)
    clock.move(301)
    paste(other, late)
    assert other.refused_as == CodeRefused.code
    assert other.path == "/sign-in"
    other.open("/")
    assert other.path == "/sign-in", "no incomplete session"


@pytest.mark.tutorials_policy
def test_under_the_tutorials_policy_the_missing_permissions_are_named(
    surfing: Surfing, marta: Employee, hosted: Portal, portal: Portal
) -> None:
    surfer = surfing()
    surfer.sign_in_at_aws(marta)
    assert surfer.path == "/sign-in/aws/stopped/not-permitted"
    statement = json.loads(surfer.page.locator("#statement").inner_text())
    assert statement == sign_in_statement(ACCOUNT, "aws") and "oauth2/public-client/remote" in str(statement)
    for action in ("signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"):
        assert action in surfer.page.locator("#not-denied").inner_text()
    for words in ("NotAction", "AWS console"):
        assert words in surfer.text
    assert surfer.leads_to("/sign-in"), "with an access key"
    assert ("sign-in", "refused", "sign-in-not-permitted") in portal.activity("")
    surfer.open("/")
    assert surfer.path == "/sign-in"

    remote = surfing(hosted.url)
    remote.begin_at_aws()
    assert "not authorized to perform: signin:AuthorizeOAuth2Access" in verification_code(remote, marta)
    remote.page.locator("main summary").click()
    remote.follow("/sign-in/aws/stopped/not-permitted")
    assert remote.path == "/sign-in/aws/stopped/not-permitted"
