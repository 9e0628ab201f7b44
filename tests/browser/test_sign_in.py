"""Who gets in, who does not, and what they are told."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from app.errors import ClockSkew, CredentialsRefused, NoResponse, WrongMfaCode, WrongSecret
from app.signin.service import DevicesUnreadable, NextCodeNeeded, NotForThisPortal
from tests.browser.conftest import Surfing, Visiting
from tests.support import hands
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox, free_port
from tests.support.visitor import Reader

ID, SECRET = "access_key_id", "secret_access_key"


def try_key(surfer: Surfer | Reader, key_id: str, secret: str) -> dict[str, str]:
    """What the page then says is wrong, by field."""
    surfer.open("/sign-in")
    surfer.submit("/sign-in", access_key_id=key_id, secret_access_key=secret)
    return surfer.wrong


def test_every_refusal_has_its_own_words(visiting: Visiting, nadia: Employee, sandbox: Sandbox) -> None:
    reader, unknown = visiting(), "AKIA" + "Q" * 16
    assert try_key(reader, "nadia.k@example.com", nadia.secret_access_key) == {ID: "user-name"}
    assert reader.value(ID) == "nadia.k@example.com"
    assert try_key(reader, nadia.secret_access_key, nadia.access_key_id) == {ID: "swapped"}
    assert reader.count("main [role=alert]") == 1, "one thing is said"
    assert reader.value("access_key_id") == "" == reader.value("secret_access_key"), "and no secret is shown"
    assert try_key(reader, nadia.access_key_id, nadia.access_key_id) == {SECRET: "key-id"}
    assert try_key(reader, nadia.secret_access_key, nadia.secret_access_key) == {ID: "secret-key"}
    assert try_key(reader, "ASIA" + "Q" * 16, nadia.secret_access_key) == {ID: "temporary-key"}
    assert try_key(reader, nadia.access_key_id, "short") == {SECRET: "shape"}
    assert try_key(reader, unknown, nadia.secret_access_key) == {ID: CredentialsRefused.code}
    wrong = try_key(reader, nadia.access_key_id, secrets.token_urlsafe(30).replace("-", "/").replace("_", "+"))
    assert wrong == {SECRET: WrongSecret.code}
    assert reader.value("access_key_id") == nadia.access_key_id, "the key id is kept"
    assert reader.value("secret_access_key") == "", "the secret is not"

    sandbox.as_administrator("iam").update_access_key(
        UserName=nadia.name, AccessKeyId=nadia.access_key_id, Status="Inactive"
    )
    inactive = try_key(reader, nadia.access_key_id, nadia.secret_access_key)
    assert inactive == {ID: CredentialsRefused.code}


def test_what_is_wrong_can_be_corrected_where_it_is_said(surfer: Surfer, nadia: Employee) -> None:
    assert try_key(surfer, "", "") == {ID: "missing", SECRET: "missing"}
    surfer.submit("/sign-in", access_key_id="nadia", secret_access_key=nadia.secret_access_key)
    assert surfer.wrong == {ID: "user-name"}
    assert surfer.has("/sign-in/aws"), "the way in with a user name is on the same page"
    assert surfer.page.title().startswith("Error: "), "a screen reader says so first"
    surfer.page.locator(f"[data-error-summary] a[href='#{ID}']").click()
    assert surfer.page.locator(f"#{ID}").evaluate("field => field === document.activeElement")
    assert surfer.value(ID) == "nadia", "it can be corrected"


def test_a_pasted_key_may_carry_blanks(visiting: Visiting, nadia: Employee) -> None:
    surfer = visiting()
    try_key(surfer, f" \u200b{nadia.access_key_id} ", f"{nadia.secret_access_key}\u2060  ")
    assert surfer.is_inside(nadia.name)


def test_no_browser_is_invited_to_keep_a_secret_key(visiting: Visiting) -> None:
    surfer = visiting()
    surfer.open("/sign-in")
    for name in ("access_key_id", "secret_access_key"):
        assert surfer.attribute(f"[name={name}]", "autocomplete") == ["off"]


@pytest.mark.both_policies
def test_a_user_with_a_path(visiting: Visiting, sandbox: Sandbox, clock: Clock, policy: str) -> None:
    surfer = visiting()
    paula = hire(sandbox, "paula", path="/engineering/")
    clock.move(10)
    surfer.sign_in(paula)
    if policy == "recommended":
        surfer.get_mfa()
        assert surfer.path == "/mfa/finished"
        assert paula.devices() == [paula.serial_number]
    else:
        assert surfer.refused_as == DevicesUnreadable.code
        assert "/engineering/" in surfer.text
        assert f"arn:aws:iam::{sandbox.account_id}:user/*/${{aws:username}}" in surfer.text
        surfer.open("/")
        assert surfer.path == "/sign-in", "nobody gets in whose devices cannot be read"


def test_who_may_not_read_devices_is_told_the_permission(visiting: Visiting, sandbox: Sandbox, clock: Clock) -> None:
    surfer = visiting()
    otto = hire(sandbox, "otto", group=None)
    clock.move(10)
    surfer.sign_in(otto)
    assert surfer.refused_as == DevicesUnreadable.code
    assert "iam:ListMFADevices" in surfer.text
    surfer.open("/")
    assert surfer.path == "/sign-in"


def test_another_accounts_user_is_refused(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox, scratch: Path, policy: str
) -> None:
    with Portal(scratch / f"elsewhere-{policy}", sandbox, ACCOUNTS="999999999999", ADMINS="") as elsewhere:
        surfer = visiting(elsewhere.url)
        surfer.sign_in(nadia)
        assert surfer.wrong == {ID: NotForThisPortal.code}
        assert sandbox.account_id in surfer.text


def test_wrong_and_replayed_codes_at_sign_in(surfing: Surfing, visiting: Visiting, nadia: Employee) -> None:
    surfer = visiting()
    surfer.sign_in(nadia)
    phone = surfer.enroll()
    surfer.clock.move(10)  # STS knows the device
    other = surfing()
    other.arrive(nadia, at="/sign-in/code")
    other.submit("/sign-in/code", code="12345")
    assert other.wrong == {"code": "six-digits"}
    other.submit("/sign-in/code", code=phone.latest)
    assert other.wrong == {"code": NextCodeNeeded.code}
    assert WrongMfaCode.message in other.text, "not: too many tries"
    at_the_top, at_the_field = other.at("[data-error-summary] a"), other.at("#code-error")
    assert at_the_field.startswith(at_the_top) and len(at_the_top) < len(at_the_field), "said in full once"
    assert other.value("code") == ""
    other.submit("/sign-in/code", code=phone.next())
    assert other.is_inside(nadia.name)


def test_with_two_devices_the_person_says_which(surfing: Surfing, nadia: Employee, clock: Clock) -> None:
    nadia.given_device(clock, f"{nadia.name}-tablet")
    phone = nadia.given_device(clock, f"{nadia.name}-phone")
    clock.move(40)
    surfer = surfing()
    surfer.arrive(nadia, at="/sign-in/code")
    surfer.submit("/sign-in/code", code=phone.next())
    assert surfer.data("field-error") == ["no-device"] and surfer.path == "/sign-in/code"
    hands.press(surfer.page, f"[name=serial_number][value$='{nadia.name}-tablet']")
    surfer.submit("/sign-in/code", code=phone.shows())
    assert surfer.path == "/sign-in/code", "a code of the other device"
    hands.press(surfer.page, f"[name=serial_number][value$='{nadia.name}-phone']")
    surfer.submit("/sign-in/code", code=phone.next())
    assert surfer.is_inside(nadia.name)


def offered(reader: Reader, ending: str) -> str:
    """The device on the page whose name ends so."""
    (found,) = reader.soup.select(f"[name=serial_number][value$='-{ending}']")
    return str(found["value"])


def chosen(reader: Reader) -> list[str]:
    """The device that is preselected."""
    return [str(each["value"]) for each in reader.soup.select("[name=serial_number][checked]")]


def test_the_device_used_last_is_preselected(visiting: Visiting, nadia: Employee, clock: Clock) -> None:
    tablet = nadia.given_device(clock, f"{nadia.name}-tablet")
    phone = nadia.given_device(clock, f"{nadia.name}-phone")
    clock.move(40)
    first = visiting()
    first.sign_in(nadia)
    assert chosen(first) == [], "never used here: she says which"
    for name, device in (("phone", phone), ("tablet", tablet), ("phone", phone)):
        surfer = visiting()
        surfer.sign_in(nadia)
        surfer.submit("/sign-in/code", serial_number=offered(surfer, name), code=device.next())
        assert surfer.is_inside(nadia.name)
        clock.move(60)

    again = visiting()
    again.sign_in(nadia)
    [used] = chosen(again)
    assert used.endswith(f"{nadia.name}-phone")
    again.submit("/sign-in/code", serial_number=offered(again, "tablet"), code="123456")
    [kept] = chosen(again)
    assert kept.endswith(f"{nadia.name}-tablet"), "what she chose herself stays after a refused code"
    again.submit("/sign-in/code", code=tablet.next())
    assert again.is_inside(nadia.name)


def test_the_portals_clock_is_wrong(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox, scratch: Path, policy: str
) -> None:
    ahead = scratch / f"ahead-{policy}"
    now = float(Path(os.environ["FAKETIME_TIMESTAMP_FILE"]).read_text())
    ahead.write_text(f"{now + 20 * 60:+f}\n")
    folder = scratch / f"portal-ahead-{policy}"
    with Portal(folder, sandbox, FAKETIME_TIMESTAMP_FILE=str(ahead), FORCE_MFA_POLICY=policy) as portal:
        surfer = visiting(portal.url)
        surfer.sign_in(nadia)
        assert surfer.refused_as == ClockSkew.code
        assert ClockSkew.sentence() in surfer.text, "the key is not at fault"


def test_aws_cannot_be_reached_at_sign_in(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox, scratch: Path, policy: str
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    with Portal(scratch / f"nowhere-{policy}", sandbox, AWS_ENDPOINT_URL_STS=nowhere) as portal:
        surfer = visiting(portal.url)
        surfer.sign_in(nadia)
        assert surfer.refused_as == NoResponse.code
        assert surfer.value("access_key_id") == nadia.access_key_id


def test_the_code_must_follow_within_five_minutes(visiting: Visiting, nadia: Employee, clock: Clock) -> None:
    surfer = visiting()
    surfer.sign_in(nadia)
    phone = surfer.enroll()
    other = visiting()
    other.sign_in(nadia)
    clock.move(301)
    other.submit("/sign-in/code", code=phone.next())
    assert other.path == "/sign-in"
    assert other.refused_as == "session-ended"


def test_after_fifteen_idle_minutes_one_signs_in_again_and_goes_on(
    visiting: Visiting, nadia: Employee, clock: Clock
) -> None:
    surfer = visiting()
    surfer.sign_in(nadia)
    surfer.submit("/mfa/enroll/begin")
    clock.move(16 * 60)
    surfer.open("/mfa/enroll")
    assert surfer.path == "/sign-in"
    assert surfer.refused_as == "session-ended"
    surfer.submit("/sign-in", access_key_id=nadia.access_key_id, secret_access_key=nadia.secret_access_key)
    assert surfer.path == "/mfa/enroll", "back to where they were going"
    surfer.submit("/mfa/enroll/begin")
    surfer.give_two_codes(surfer.scan())
    assert nadia.devices() == [nadia.serial_number]


def test_signing_out_ends_the_session_at_the_server(surfer: Surfer, visiting: Visiting, nadia: Employee) -> None:
    thief = visiting()
    thief.sign_in(nadia)
    surfer.continue_from(thief, at="/")
    surfer.sign_out()
    thief.open("/")
    assert thief.path == "/sign-in"


def test_too_many_tries_for_one_key_are_stopped(surfing: Surfing, visiting: Visiting, nadia: Employee) -> None:
    surfer, reader = surfing(), visiting()
    for _ in range(10):
        try_key(reader, nadia.access_key_id, "A" * 40)
    try_key(surfer, nadia.access_key_id, "A" * 40)
    assert surfer.refused_as == "too-many-attempts"
    assert "5 minutes" in surfer.text


def test_deep_links_wait_behind_the_sign_in(visiting: Visiting, nadia: Employee) -> None:
    surfer = visiting()
    surfer.open("/mfa/enroll?from=mail")
    assert surfer.path == "/sign-in"
    surfer.submit("/sign-in", access_key_id=nadia.access_key_id, secret_access_key=nadia.secret_access_key)
    assert surfer.path == "/mfa/enroll"


def test_localhost_leads_to_the_name_the_cookie_knows(surfer: Surfer, portal: Portal) -> None:
    surfer.page.goto(portal.url.replace("127.0.0.1", "localhost") + "/sign-in")
    assert surfer.page.url == f"{portal.url}/sign-in"
