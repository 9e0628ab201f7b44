"""The first page as a to-do list, and the page about the account."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Surfing
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.marks import PASSWORD, STRONG_PASSWORD
from tests.support.people import Employee, Phone, hire
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader

A_DAY = 24 * 3600


@pytest.fixture
def olga(sandbox: Sandbox, clock: Clock) -> Iterator[Employee]:
    """A user with an access key and a console password that an administrator set."""
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


def arrive(surfer: Surfer | Reader, olga: Employee, phone: Phone) -> Surfer | Reader:
    surfer.sign_in(olga)
    surfer.submit("/sign-in/code", code=phone.next())
    return surfer


def keys_of(sandbox: Sandbox, who: Employee) -> list[Any]:
    """As AWS lists them."""
    found: list[Any] = sandbox.as_administrator("iam").list_access_keys(UserName=who.name)["AccessKeyMetadata"]
    return found


@pytest.mark.both_policies
def test_worst_first_and_each_one_click_away(
    browser_of_policy: Surfer | Reader, olga: Employee, phone: Phone, clock: Clock, sandbox: Sandbox, policy: str
) -> None:
    clock.move(91 * A_DAY)
    surfer = arrive(browser_of_policy, olga, phone)
    old_key = olga.access_key_id
    assert surfer.to_do == ["temporary-password", f"key-overdue:{old_key}"]
    assert surfer.attributes(f"main [data-item='{old_key}']", "data-days-left")[0] == ["-1"]

    surfer.follow("/password")
    assert "temporary" in surfer.states
    surfer.submit("/password", old=PASSWORD, new=STRONG_PASSWORD, again=STRONG_PASSWORD)
    surfer.navigate("/")
    assert surfer.to_do == [f"key-overdue:{old_key}"]
    profile = sandbox.as_administrator("iam").get_login_profile(UserName=olga.name)["LoginProfile"]
    assert not profile.get("PasswordResetRequired")

    surfer.follow("/access-keys")
    assert f"overdue:{old_key}" in surfer.states
    surfer.submit("/access-keys/create")
    surfer.navigate("/")
    (new_key,) = {key["AccessKeyId"] for key in keys_of(sandbox, olga)} - {old_key}
    assert surfer.to_do[0] == f"save-key:{new_key}"
    surfer.follow("/access-keys/new")
    secret = surfer.at("#secret-access-key")
    clock.move(20)
    surfer.submit("/access-keys/new", last_characters=secret[-6:])
    surfer.navigate("/")
    assert surfer.to_do == [f"key-overdue:{old_key}", f"retire-key:{old_key}"]
    sandbox.as_administrator("iam").delete_access_key(UserName=olga.name, AccessKeyId=olga.access_key_id)
    surfer.open("/")
    assert surfer.to_do == []
    assert surfer.data("nothing-to-do") == [""] and surfer.data("unread") == [], "nothing at all"
    one_device_only = policy == "tutorial"
    assert surfer.data("second-device") == ([] if one_device_only else [""]), "one lost phone locks her out"
    olga.given_device(clock, f"{olga.name}-tablet")
    surfer.open("/")
    assert surfer.data("second-device") == []


def test_what_cannot_be_read_is_said(surfing: Surfing, olga: Employee, phone: Phone, sandbox: Sandbox) -> None:
    olga.denied("iam:ListAccessKeys")
    sandbox.set_faults([{"action": "iam:GetLoginProfile", "occurrences": [1, 2, 3], "fault": "throttle"}])
    surfer = arrive(surfing(), olga, phone)
    why = dict(zip(surfer.data("unread"), surfer.data("why"), strict=True))
    assert why == {"iam:ListAccessKeys": "denied", "iam:GetLoginProfile": "no-answer"}
    assert surfer.data("nothing-to-do") == [""], "nothing that Latchkey can see"
    surfer.open("/")
    assert surfer.to_do == ["temporary-password"], "AWS answers again"


@pytest.mark.both_policies
def test_the_account_and_who_is_in_it(
    browser_of_policy: Surfer | Reader, olga: Employee, phone: Phone, sandbox: Sandbox, policy: str
) -> None:
    surfer = arrive(browser_of_policy, olga, phone)
    summary = sandbox.as_administrator("iam").get_account_summary()["SummaryMap"]
    surfer.navigate("/account")
    assert surfer.data("users") == [f"{summary['Users']} {summary['UsersQuota']}"]
    assert surfer.data("devices-in-use") == [f"{summary['MFADevicesInUse']}"]
    if policy == "recommended":
        assert surfer.data("rule")[0] == "^.{8,}$" and "rules-not-readable" not in surfer.states
    else:
        assert surfer.data("rule") == [] and "rules-not-readable" in surfer.states
    while not surfer.data("me"):
        surfer.click("main a[href^='/account?marker=']")
    assert olga.name in surfer.at("[data-me]")
    surfer.open("/account?marker=nobody-gave-this-out")
    assert surfer.notices == ["info"] and surfer.path == "/account"

    olga.denied("iam:ListUsers", "iam:GetAccountSummary")
    surfer.open("/account")
    assert surfer.data("unread")[:1] == ["iam:GetAccountSummary"] and "iam:ListUsers" in surfer.data("unread")
    assert surfer.data("users") == [] == surfer.data("me")
