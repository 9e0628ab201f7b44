"""Enrolling, and everything that goes wrong while one does."""

from __future__ import annotations

import re
from typing import Unpack

import pytest

from tests.browser.conftest import Surfing
from tests.support.browser import Surfer, Window
from tests.support.clock import Clock
from tests.support.people import Employee
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox


def begin(surfing: Surfing, employee: Employee, **window: Unpack[Window]) -> Surfer:
    surfer = surfing(**window)
    surfer.sign_in(employee)
    surfer.press("Set up MFA")
    return surfer


def test_wrong_pairs_are_told_apart_and_cost_nothing_at_aws(
    surfing: Surfing, nadia: Employee, sandbox: Sandbox, clock: Clock
) -> None:
    surfer = begin(surfing, nadia)
    phone = surfer.scan()
    clock.to_next_code()
    older, current = phone.shows(), phone.next()

    def told(first: str, second: str) -> str:
        surfer.type(first_code=first, second_code=second)
        surfer.press("Turn on MFA")
        return surfer.text

    mark = sandbox.calls()[-1]["seq"]
    assert "same code twice" in told(current, current)
    assert "swapped" in told(current, older)
    wrong = phone.never_shows()
    assert "The second code is not from this entry" in told(older, wrong)
    assert "The first code is not from this entry" in told(wrong, current)
    assert "do not fit this QR code" in told("000000", "000001")
    assert "six digits" in told("12345", current)
    assert "six digits" in told("", "")
    latest = phone.next()
    assert "do not follow each other" in told(older, latest)
    assert surfer.value("first_code") == older, "what was typed is kept"

    assert "iam:EnableMFADevice" not in {call["action"] for call in sandbox.calls(mark)}
    assert nadia.devices() == []

    surfer.give_two_codes(phone)
    assert nadia.devices() == [nadia.serial_number]


def test_a_slow_phone_is_told_not_refused(surfing: Surfing, nadia: Employee, clock: Clock) -> None:
    surfer = begin(surfing, nadia)
    surfer.give_two_codes(surfer.scan(slow_s=300))
    assert "about 5 minutes slow" in surfer.text
    assert nadia.devices() == [nadia.serial_number]


def test_codes_typed_slowly_are_no_slow_clock(
    surfing: Surfing, nadia: Employee, sandbox: Sandbox, clock: Clock
) -> None:
    surfer = begin(surfing, nadia)
    phone = surfer.scan()
    mark = sandbox.calls()[-1]["seq"]
    for minutes in (3, 3):  # slowly twice, by the same time: that is still no clock
        surfer.type(first_code=phone.next(), second_code=phone.next())
        clock.move(60 * minutes)
        surfer.press("Turn on MFA")
        assert "about 3 minutes ago" in surfer.text and "next one" in surfer.text
        assert surfer.value("first_code") == surfer.value("second_code") == ""
    surfer.type(first_code=phone.latest, second_code=phone.latest)
    assert "iam:EnableMFADevice" not in {call["action"] for call in sandbox.calls(mark)}, (
        "AWS stores how old they are"
    )

    surfer.give_two_codes(phone)
    assert "clock is about" not in surfer.text
    for _ in range(3):  # AWS takes the codes of a phone whose clock is right
        clock.move(30)
        nadia.with_code("ec2", phone.next()).describe_instances()


def test_a_slow_clock_tells_by_fresh_codes_however_long_it_took_to_get_there(
    surfing: Surfing, nadia: Employee, clock: Clock
) -> None:
    surfer = begin(surfing, nadia)
    phone = surfer.scan(slow_s=300)
    clock.move(180)  # finding the phone, and an app for it
    surfer.give_two_codes(phone)
    assert "let the phone set it by itself" in surfer.text and nadia.devices() == []
    surfer.give_two_codes(phone)
    assert "about 5 minutes slow" in surfer.text
    clock.move(30)
    nadia.with_code("ec2", phone.next()).describe_instances()


def test_codes_typed_with_blanks_and_in_other_digits_are_fine(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    phone = surfer.scan()
    first = phone.next()
    second = phone.next()
    persian = second.translate({ord(str(digit)): "۰۱۲۳۴۵۶۷۸۹"[digit] for digit in range(10)})
    surfer.type(first_code=f"{first[:3]} {first[3:]}", second_code=f"\u200f {persian[:3]}-{persian[3:]}\u200f ")
    surfer.press("Turn on MFA")
    assert nadia.devices() == [nadia.serial_number]


def test_reload_shows_the_same_qr_code(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    seed = surfer.scan().seed
    surfer.page.reload()
    assert surfer.scan().seed == seed
    surfer.open("/")
    surfer.press("Continue")
    assert surfer.scan().seed == seed


def test_the_seed_as_text_is_the_seed_of_the_picture(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    phone = surfer.scan()
    surfer.page.get_by_text("Cannot scan?").click()
    shown = surfer.page.inner_text("#seed")
    assert re.fullmatch(r"([A-Z2-7]{4} ){15}[A-Z2-7]{4}", shown)
    surfer.page.get_by_role("button", name="Copy").click()
    assert surfer.page.evaluate("navigator.clipboard.readText()") == phone.seed
    assert phone.seed in (surfer.page.locator("a[href^='otpauth:']").get_attribute("href") or "")


def test_six_digits_lead_to_the_next_field(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    for typed in ("123456", "123-456", "１２３４５６", "۱۲۳۴۵۶"):
        surfer.page.locator("#first_code").fill("")
        surfer.page.locator("#first_code").press_sequentially(typed)
        assert surfer.page.evaluate("document.activeElement.id") == "second_code", typed


@pytest.mark.both_policies
def test_cancel_leaves_nothing_at_aws(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    assert nadia.leftover()
    surfer.press("Cancel")
    assert not nadia.leftover()
    assert "Next: set up MFA" in surfer.text


@pytest.mark.both_policies
def test_a_closed_tab_strands_no_one(surfing: Surfing, nadia: Employee) -> None:
    begin(surfing, nadia).page.close()
    assert nadia.leftover()

    later = begin(surfing, nadia)
    later.give_two_codes(later.scan())
    assert nadia.devices() == [nadia.serial_number]


def test_the_other_browser_is_told_that_enrollment_was_restarted(surfing: Surfing, nadia: Employee) -> None:
    first = begin(surfing, nadia)
    stale = first.scan()
    second = begin(surfing, nadia)

    first.give_two_codes(stale)
    assert "restarted or cancelled in another browser" in first.text
    assert nadia.devices() == []

    second.page.reload()
    second.give_two_codes(second.scan())
    assert nadia.devices() == [nadia.serial_number]

    first.open("/mfa/enroll")
    assert first.heading == "Enter the next code", "the first browser goes on with the device that is there now"


def test_cancelling_in_one_browser_leaves_the_others_device_alone(surfing: Surfing, nadia: Employee) -> None:
    first = begin(surfing, nadia)
    second = begin(surfing, nadia)
    first.press("Cancel")
    assert nadia.leftover()
    second.give_two_codes(second.scan())
    assert nadia.devices() == [nadia.serial_number]


def test_the_seed_is_gone_once_the_device_is_on(surfing: Surfing, nadia: Employee, portal: Portal) -> None:
    surfer = begin(surfing, nadia)
    phone = surfer.scan()
    surfer.give_two_codes(phone)
    surfer.open("/mfa/enroll")
    assert phone.seed not in surfer.page.content().replace(" ", "")
    kept = portal.stored() + portal.log.read_text()
    assert nadia.name in kept, "that is where to look"
    assert phone.seed not in kept
    assert nadia.secret_access_key not in kept


def test_a_double_click_turns_on_one_device(surfing: Surfing, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = begin(surfing, nadia)
    phone = surfer.scan()
    first = phone.next()
    surfer.type(first_code=first, second_code=phone.next())
    mark = sandbox.calls()[-1]["seq"]
    with surfer.page.expect_navigation():
        surfer.page.get_by_role("button", name="Turn on MFA").dblclick()
    surfer.page.wait_for_load_state()
    enabled = [call for call in sandbox.calls(mark) if call["action"] == "iam:EnableMFADevice"]
    assert len(enabled) == 1
    assert surfer.heading == "Enter the next code"


def test_a_used_code_does_not_upgrade(surfing: Surfing, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = begin(surfing, nadia)
    phone = surfer.scan()
    surfer.give_two_codes(phone)
    mark = sandbox.calls()[-1]["seq"]
    surfer.type(code=phone.latest)
    surfer.press("Finish")
    assert "already used" in surfer.text
    assert "sts:GetSessionToken" not in {call["action"] for call in sandbox.calls(mark)}
    surfer.upgrade(phone)
    assert surfer.heading == "You are set up"


def test_waiting_for_aws_survives_a_reload(surfing: Surfing, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = begin(surfing, nadia, javascript=False)
    phone = surfer.scan()
    # The pair before the current code: the next code is there at once, long before STS knows the device.
    older, second, third = phone.next(), phone.next(), phone.next()
    surfer.type(first_code=older, second_code=second)
    surfer.press("Turn on MFA")
    surfer.type(code=third)
    surfer.press("Finish")
    assert surfer.heading == "Waiting for AWS"
    surfer.page.reload()
    assert surfer.heading == "Waiting for AWS"
    surfer.press("Continue")
    assert surfer.heading == "Waiting for AWS", "asking before ten seconds would waste a try"
    surfer.clock.move(11)
    surfer.press("Continue")
    assert surfer.heading == "You are set up"


@pytest.mark.parametrize("typed", ["codes of the newer one", "nothing"])
def test_a_form_beside_an_older_qr_code(surfing: Surfing, nadia: Employee, typed: str) -> None:
    surfer = begin(surfing, nadia, javascript=False)
    first_tab, surfer.page = surfer.page, surfer.tab()
    surfer.open("/mfa/enroll")
    surfer.press("Make a new QR code")
    fresh = surfer.scan()
    surfer.page = first_tab
    if typed == "nothing":
        surfer.press("Turn on MFA")
        assert "newer QR code in another tab" in surfer.text
    surfer.give_two_codes(fresh)
    assert nadia.devices() == [nadia.serial_number], "its codes count wherever they are typed"


def test_two_tabs_of_one_browser(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    stale = surfer.scan()
    first_tab, surfer.page = surfer.page, surfer.tab()
    surfer.open("/mfa/enroll")
    surfer.press("Make a new QR code")
    fresh = surfer.scan()
    assert fresh.seed != stale.seed

    second_tab, surfer.page = surfer.page, first_tab
    surfer.give_two_codes(stale)
    assert "newer QR code in another tab" in surfer.text and "do not fit" not in surfer.text
    assert surfer.page.locator("main [role=alert]").count() == 1, "one thing is said"
    assert surfer.value("first_code") == "" == surfer.value("second_code")
    assert surfer.scan().seed == fresh.seed, "the first tab now shows the code that counts"
    surfer.page.reload()
    assert "This is a new QR code" in surfer.text
    surfer.type(first_code="000000", second_code="000001")
    surfer.press("Turn on MFA")
    assert "do not fit this QR code" in surfer.text and "another tab" not in surfer.text

    surfer.page = second_tab
    assert "This is a new QR code" in surfer.text
    surfer.give_two_codes(fresh)
    assert nadia.devices() == [nadia.serial_number]
    surfer.page = first_tab
    surfer.type(first_code="000000", second_code="000001")
    surfer.press("Turn on MFA")
    assert surfer.heading == "Enter the next code" and "No QR code waits" not in surfer.text
