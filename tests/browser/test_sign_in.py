"""Who gets in, who does not, and what they are told."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from tests.browser.conftest import Surfing
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox, free_port


def try_key(surfer: Surfer, key_id: str, secret: str) -> str:
    surfer.open("/sign-in")
    surfer.type(access_key_id=key_id, secret_access_key=secret)
    surfer.press("Sign in")
    return surfer.text


def test_every_refusal_has_its_own_words(surfer: Surfer, nadia: Employee, sandbox: Sandbox, clock: Clock) -> None:
    unknown = "AKIA" + "Q" * 16
    assert "Enter your access key ID" in try_key(surfer, "", "")
    assert "This is not an access key ID" in try_key(surfer, "nadia", nadia.secret_access_key)
    assert "To sign in with your user name and password, use Continue to AWS" in surfer.text
    assert "The access key ID and the secret access key are swapped" in try_key(
        surfer, nadia.secret_access_key, nadia.access_key_id
    )
    assert surfer.page.locator("main [role=alert]").count() == 1, "one thing is said"
    assert surfer.value("access_key_id") == "" == surfer.value("secret_access_key"), "and no secret is shown"
    assert "This is an access key ID" in try_key(surfer, nadia.access_key_id, nadia.access_key_id)
    assert "looks like a secret access key" in try_key(surfer, nadia.secret_access_key, nadia.secret_access_key)
    assert "temporary key" in try_key(surfer, "ASIA" + "Q" * 16, nadia.secret_access_key)
    assert "it has 40 characters" in try_key(surfer, nadia.access_key_id, "short")
    assert "does not know this access key, or it is inactive" in try_key(surfer, unknown, nadia.secret_access_key)
    wrong = try_key(surfer, nadia.access_key_id, secrets.token_urlsafe(30).replace("-", "/").replace("_", "+"))
    assert "does not belong to this access key ID" in wrong
    assert surfer.value("access_key_id") == nadia.access_key_id, "the key id is kept"
    assert surfer.value("secret_access_key") == "", "the secret is not"

    sandbox.as_administrator("iam").update_access_key(
        UserName=nadia.name, AccessKeyId=nadia.access_key_id, Status="Inactive"
    )
    inactive = try_key(surfer, nadia.access_key_id, nadia.secret_access_key)
    assert "does not know this access key, or it is inactive" in inactive


def test_a_pasted_key_may_carry_blanks(surfer: Surfer, nadia: Employee) -> None:
    try_key(surfer, f" \u200b{nadia.access_key_id} ", f"{nadia.secret_access_key}\u2060  ")
    assert surfer.heading == f"Hello, {nadia.name}"


def test_no_browser_is_invited_to_keep_a_secret_key(surfer: Surfer) -> None:
    surfer.open("/sign-in")
    for name in ("access_key_id", "secret_access_key"):
        assert surfer.page.locator(f"[name={name}]").get_attribute("autocomplete") == "off"


@pytest.mark.both_policies
def test_a_user_with_a_path(surfer: Surfer, sandbox: Sandbox, clock: Clock, policy: str) -> None:
    paula = hire(sandbox, "paula", path="/engineering/")
    clock.move(10)
    surfer.sign_in(paula)
    if policy == "recommended":
        surfer.get_mfa()
        assert surfer.heading == "You are set up"
        assert paula.devices() == [paula.serial_number]
    else:
        assert "has the path /engineering/" in surfer.text
        assert f"arn:aws:iam::{sandbox.account_id}:user/*/${{aws:username}}" in surfer.text
        surfer.open("/")
        assert surfer.path == "/sign-in", "nobody gets in whose devices cannot be read"


@pytest.mark.both_policies
def test_who_may_not_read_devices_is_told_the_permission(surfer: Surfer, sandbox: Sandbox, clock: Clock) -> None:
    otto = hire(sandbox, "otto", group=None)
    clock.move(10)
    surfer.sign_in(otto)
    assert "iam:ListMFADevices" in surfer.text
    surfer.open("/")
    assert surfer.path == "/sign-in"


def test_another_accounts_user_is_refused(
    surfing: Surfing, nadia: Employee, sandbox: Sandbox, scratch: Path, policy: str
) -> None:
    with Portal(scratch / f"elsewhere-{policy}", sandbox, ACCOUNTS="999999999999", ADMINS="") as elsewhere:
        surfer = surfing(elsewhere.url)
        surfer.sign_in(nadia)
        assert f"belongs to AWS account {sandbox.account_id}, which this portal does not serve" in surfer.text


def test_wrong_and_replayed_codes_at_the_door(surfing: Surfing, nadia: Employee) -> None:
    surfer = surfing()
    surfer.sign_in(nadia)
    phone = surfer.enroll()
    surfer.clock.move(10)  # STS knows the device
    other = surfing()
    other.sign_in(nadia)
    other.type(code="12345")
    other.press("Sign in")
    assert "six digits" in other.text
    other.type(code=phone.latest)
    other.press("Sign in")
    assert "each code works once" in other.text
    assert other.value("code") == ""
    other.type(code=phone.next())
    other.press("Sign in")
    assert other.heading == f"Hello, {nadia.name}"


def test_with_two_devices_the_person_says_which(surfing: Surfing, nadia: Employee, clock: Clock) -> None:
    nadia.given_device(clock, f"{nadia.name}-tablet")
    phone = nadia.given_device(clock, f"{nadia.name}-phone")
    clock.move(40)
    surfer = surfing()
    surfer.sign_in(nadia)
    surfer.type(code=phone.next())
    surfer.press("Sign in")
    assert "Choose the device the code is from" in surfer.text
    surfer.page.get_by_label(f"{nadia.name}-tablet").check()
    surfer.type(code=phone.shows())
    surfer.press("Sign in")
    assert surfer.path == "/sign-in/code", "a code of the other device"
    surfer.page.get_by_label(f"{nadia.name}-phone").check()
    surfer.type(code=phone.next())
    surfer.press("Sign in")
    assert surfer.heading == f"Hello, {nadia.name}"


def test_the_portals_clock_is_wrong(
    surfing: Surfing, nadia: Employee, sandbox: Sandbox, scratch: Path, policy: str
) -> None:
    ahead = scratch / f"ahead-{policy}"
    now = float(Path(os.environ["FAKETIME_TIMESTAMP_FILE"]).read_text())
    ahead.write_text(f"{now + 20 * 60:+f}\n")
    folder = scratch / f"portal-ahead-{policy}"
    with Portal(folder, sandbox, FAKETIME_TIMESTAMP_FILE=str(ahead), FORCE_MFA_POLICY=policy) as portal:
        surfer = surfing(portal.url)
        surfer.sign_in(nadia)
        assert "The clock of the machine Latchkey runs on is wrong" in surfer.text
        assert "Your key is not at fault" in surfer.text


def test_aws_cannot_be_reached_at_the_door(
    surfing: Surfing, nadia: Employee, sandbox: Sandbox, scratch: Path, policy: str
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with Portal(scratch / f"nowhere-{policy}", sandbox, AWS_ENDPOINT_URL_STS=nowhere) as portal:
        surfer = surfing(portal.url)
        surfer.sign_in(nadia)
        assert "AWS could not be reached" in surfer.text
        assert surfer.value("access_key_id") == nadia.access_key_id


def test_the_code_must_follow_within_five_minutes(surfing: Surfing, nadia: Employee, clock: Clock) -> None:
    surfer = surfing()
    surfer.sign_in(nadia)
    phone = surfer.enroll()
    other = surfing()
    other.sign_in(nadia)
    clock.move(301)
    other.type(code=phone.next())
    other.press("Sign in")
    assert other.path == "/sign-in"
    assert "start again" in other.text.lower() or "session" in other.text


def test_after_fifteen_idle_minutes_one_signs_in_again_and_goes_on(
    surfing: Surfing, nadia: Employee, clock: Clock
) -> None:
    surfer = surfing()
    surfer.sign_in(nadia)
    surfer.press("Set up MFA")
    clock.move(16 * 60)
    surfer.open("/mfa/enroll")
    assert surfer.path == "/sign-in"
    assert "session has ended" in surfer.text
    surfer.type(access_key_id=nadia.access_key_id, secret_access_key=nadia.secret_access_key)
    surfer.press("Sign in")
    assert surfer.path == "/mfa/enroll", "back to where they were going"
    surfer.press("Show the QR code")
    surfer.give_two_codes(surfer.scan())
    assert nadia.devices() == [nadia.serial_number]


def test_signing_out_ends_the_session_at_the_server(surfing: Surfing, nadia: Employee, portal: Portal) -> None:
    surfer = surfing()
    surfer.sign_in(nadia)
    thief = surfing()
    thief.take_cookies_of(surfer)
    surfer.page.get_by_role("button", name="Sign out").click()
    surfer.page.wait_for_url("**/sign-in*")
    thief.open("/")
    assert thief.path == "/sign-in"


def test_too_many_tries_for_one_key_are_stopped(surfing: Surfing, nadia: Employee) -> None:
    surfer = surfing()
    for _ in range(11):
        try_key(surfer, nadia.access_key_id, "A" * 40)
    assert surfer.heading == "Too many attempts"
    assert "Wait 5 minutes, then try again" in surfer.text


def test_deep_links_wait_behind_the_sign_in(surfer: Surfer, nadia: Employee) -> None:
    surfer.open("/mfa/enroll?from=mail")
    assert surfer.path == "/sign-in"
    surfer.type(access_key_id=nadia.access_key_id, secret_access_key=nadia.secret_access_key)
    surfer.press("Sign in")
    assert surfer.path == "/mfa/enroll"


def test_localhost_leads_to_the_name_the_cookie_knows(surfer: Surfer, portal: Portal) -> None:
    surfer.page.goto(portal.url.replace("127.0.0.1", "localhost") + "/sign-in")
    assert surfer.page.url == f"{portal.url}/sign-in"
