"""The first page as a to-do list, and the page about the account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.conftest import Surfing
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.marks import PASSWORD, STRONG_PASSWORD
from tests.support.people import Employee, Phone, hire
from tests.support.sandbox import Sandbox

A_DAY = 24 * 3600


@pytest.fixture
def olga(sandbox: Sandbox, clock: Clock) -> Iterator[Employee]:
    """Has an access key, and a console password somebody else set."""
    hired = hire(sandbox, "olga")
    admin = sandbox.as_administrator("iam")
    admin.create_login_profile(UserName=hired.name, Password=PASSWORD, PasswordResetRequired=True)
    clock.move(10)
    yield hired
    sandbox.set_faults([])


@pytest.fixture
def phone(olga: Employee, clock: Clock) -> Phone:
    """Olga's MFA device."""
    return olga.given_device(clock, olga.name)


def arrive(surfer: Surfer, olga: Employee, phone: Phone) -> Surfer:
    surfer.sign_in(olga)
    surfer.type(code=phone.next())
    surfer.press("Sign in")
    return surfer


def to_do(surfer: Surfer) -> list[str]:
    return [item.inner_text() for item in surfer.page.locator("[data-what]").all()]


@pytest.mark.both_policies
def test_worst_first_and_each_one_click_away(
    surfing: Surfing, olga: Employee, phone: Phone, clock: Clock, sandbox: Sandbox
) -> None:
    clock.move(91 * A_DAY)
    surfer = arrive(surfing(), olga, phone)
    assert to_do(surfer) == ["Replace your temporary console password", "Replace your access key"]
    assert "was due to be replaced 1 day ago" in surfer.text

    surfer.press("Change it")
    assert "Yours is temporary" in surfer.text
    surfer.type(old=PASSWORD, new=STRONG_PASSWORD, again=STRONG_PASSWORD)
    surfer.press("Change it")
    assert to_do(surfer) == ["Replace your access key"]
    profile = sandbox.as_administrator("iam").get_login_profile(UserName=olga.name)["LoginProfile"]
    assert not profile.get("PasswordResetRequired")

    surfer.press("Rotate it")
    assert "It was due to be replaced on" in surfer.text
    surfer.press("Create a new key")
    surfer.navigate("/")
    assert to_do(surfer)[0] == "Save your new access key"
    surfer.press("Save it")
    secret = surfer.page.locator("#secret-access-key").inner_text()
    clock.move(20)
    surfer.type(last_characters=secret[-6:])
    surfer.press("I saved it")
    surfer.navigate("/")
    assert to_do(surfer) == ["Replace your access key", "Retire your older access key"]
    sandbox.as_administrator("iam").delete_access_key(UserName=olga.name, AccessKeyId=olga.access_key_id)
    surfer.open("/")
    assert to_do(surfer) == []
    assert surfer.page.get_by_role("heading", name="Nothing to do", exact=True).count() == 1


@pytest.mark.both_policies
def test_what_cannot_be_read_is_said(surfing: Surfing, olga: Employee, phone: Phone, sandbox: Sandbox) -> None:
    olga.denied("iam:ListAccessKeys")
    sandbox.set_faults([{"action": "iam:GetLoginProfile", "occurrences": [1, 2, 3], "fault": "throttle"}])
    surfer = arrive(surfing(), olga, phone)
    assert "Your policy does not allow iam:ListAccessKeys" in surfer.text
    assert "AWS did not answer iam:GetLoginProfile this time" in surfer.text
    assert "Nothing to do that Latchkey can see" in surfer.text
    surfer.open("/")
    assert to_do(surfer) == ["Replace your temporary console password"], "AWS answers again"


@pytest.mark.both_policies
def test_the_account_and_who_is_in_it(
    surfing: Surfing, olga: Employee, phone: Phone, sandbox: Sandbox, policy: str
) -> None:
    surfer = arrive(surfing(), olga, phone)
    summary = sandbox.as_administrator("iam").get_account_summary()["SummaryMap"]
    surfer.navigate("/account")
    assert f"{summary['Users']} of 5000" in surfer.text
    assert f"{summary['MFADevicesInUse']} in use" in surfer.text
    words = (
        "at least 8 characters" if policy == "recommended" else "does not let you read (iam:GetAccountPasswordPolicy)"
    )
    assert words in surfer.text
    while not surfer.page.locator("tr[data-me]").count():
        surfer.press("Next page")
    assert olga.name in surfer.page.locator("tr[data-me]").inner_text()
    surfer.open("/account?marker=nobody-gave-this-out")
    assert "no longer there" in surfer.text and surfer.path == "/account"

    olga.denied("iam:ListUsers", "iam:GetAccountSummary")
    surfer.open("/account")
    assert "does not show who else is in the account (iam:ListUsers)" in surfer.text
    assert "does not show more (iam:GetAccountSummary)" in surfer.text
