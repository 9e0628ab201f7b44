"""Enrolling, and everything that goes wrong while one does."""

from __future__ import annotations

import re
from typing import Unpack

import pytest

from app.mfa.codes import (
    CodesNotConsecutive,
    CodesNotOfThisEntry,
    CodesSwapped,
    Diagnosis,
    FirstCodeNotOfThisEntry,
    SameCodeTwice,
    SecondCodeNotOfThisEntry,
    drift_message,
    stale_message,
)
from app.mfa.service import EnrollmentReplaced, OlderQrCode, StaleCodes
from app.mfa.upgrading import CodeAlreadyUsed
from tests.browser.conftest import Surfing, Visiting
from tests.support.browser import Surfer, Window
from tests.support.clock import Clock
from tests.support.people import Employee
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader


def begin(surfing: Surfing, employee: Employee, **window: Unpack[Window]) -> Surfer:
    surfer = surfing(**window)
    surfer.begin_enrolling(employee)
    return surfer


def begun(reader: Reader, employee: Employee) -> Reader:
    reader.sign_in(employee)
    reader.submit("/mfa/enroll/begin")
    return reader


def test_wrong_pairs_are_told_apart_and_cost_nothing_at_aws(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox, clock: Clock
) -> None:
    surfer = begun(visiting(), nadia)
    phone = surfer.scan()
    clock.to_next_code()
    older, current = phone.shows(), phone.next()

    def refused(first: str, second: str) -> tuple[str, list[str]]:
        surfer.submit("/mfa/enroll", first_code=first, second_code=second)
        return surfer.refused_as, surfer.invalid

    mark = sandbox.mark()
    assert refused(current, current) == (SameCodeTwice.code, ["second_code"])
    assert refused(current, older) == (CodesSwapped.code, ["first_code"])
    wrong = phone.never_shows()
    assert refused(older, wrong) == (SecondCodeNotOfThisEntry.code, ["second_code"])
    assert refused(wrong, current) == (FirstCodeNotOfThisEntry.code, ["first_code"])
    assert refused("000000", "000001") == (CodesNotOfThisEntry.code, ["first_code"])
    assert refused("12345", current)[1] == ["first_code"]
    assert refused("", "")[1] == ["first_code", "second_code"]
    latest = phone.next()
    assert refused(older, latest) == (CodesNotConsecutive.code, ["second_code"])
    assert surfer.value("first_code") == older, "what was typed is kept"

    assert "iam:EnableMFADevice" not in {call["action"] for call in sandbox.calls(mark)}
    assert nadia.devices() == []

    surfer.give_two_codes(phone)
    assert nadia.devices() == [nadia.serial_number]


def test_a_slow_phone_is_told_not_refused(visiting: Visiting, nadia: Employee, clock: Clock) -> None:
    surfer = begun(visiting(), nadia)
    surfer.give_two_codes(surfer.scan(slow_s=300))
    assert drift_message(Diagnosis(drift_s=-300)) in surfer.text
    assert nadia.devices() == [nadia.serial_number]


def test_codes_typed_slowly_are_no_slow_clock(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox, clock: Clock
) -> None:
    surfer = begun(visiting(), nadia)
    phone = surfer.scan()
    mark = sandbox.mark()
    for minutes in (3, 3):  # slowly twice, by the same time: that is still no clock
        typed = {"first_code": phone.next(), "second_code": phone.next()}
        clock.move(60 * minutes)
        surfer.submit("/mfa/enroll", **typed)
        assert (surfer.refused_as, surfer.invalid) == (StaleCodes.code, ["first_code"])
        assert stale_message(Diagnosis(drift_s=-60 * minutes)) in surfer.text, "how old, and to send the next ones"
        assert surfer.value("first_code") == surfer.value("second_code") == ""
    assert "iam:EnableMFADevice" not in {call["action"] for call in sandbox.calls(mark)}, (
        "AWS stores how old they are"
    )

    surfer.give_two_codes(phone)
    assert surfer.notices == ["success"], "nothing is said of her clock"
    for _ in range(3):  # AWS takes the codes of a phone whose clock is right
        clock.move(30)
        nadia.with_code("ec2", phone.next()).describe_instances()


def test_a_slow_clock_tells_by_fresh_codes_however_long_it_took_to_get_there(
    visiting: Visiting, nadia: Employee, clock: Clock
) -> None:
    surfer = begun(visiting(), nadia)
    phone = surfer.scan(slow_s=300)
    clock.move(180)  # finding the phone, and an app for it
    surfer.give_two_codes(phone)
    assert surfer.refused_as == StaleCodes.code and nadia.devices() == []
    surfer.give_two_codes(phone)
    assert drift_message(Diagnosis(drift_s=-300)) in surfer.text
    clock.move(30)
    nadia.with_code("ec2", phone.next()).describe_instances()


def test_codes_typed_with_blanks_and_in_other_digits_are_fine(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    phone = surfer.scan()
    first = phone.next()
    second = phone.next()
    persian = second.translate({ord(str(digit)): "۰۱۲۳۴۵۶۷۸۹"[digit] for digit in range(10)})
    typed = {"first_code": f"{first[:3]} {first[3:]}", "second_code": f"\u200f {persian[:3]}-{persian[3:]}\u200f "}
    surfer.submit("/mfa/enroll", **typed)
    assert nadia.devices() == [nadia.serial_number]


def test_reload_shows_the_same_qr_code(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    seed = surfer.scan().seed
    surfer.page.reload()
    assert surfer.scan().seed == seed
    surfer.open("/")
    surfer.follow("/mfa/enroll")
    assert surfer.scan().seed == seed


def test_the_seed_as_text_is_the_seed_of_the_picture(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    phone = surfer.scan()
    surfer.page.locator("details:has(#seed) > summary").click()
    shown = surfer.page.inner_text("#seed")
    assert re.fullmatch(r"([A-Z2-7]{4} ){15}[A-Z2-7]{4}", shown)
    surfer.page.locator("[data-copy=seed]").click()
    assert surfer.page.evaluate("navigator.clipboard.readText()") == phone.seed
    assert phone.seed in (surfer.page.locator("a[href^='otpauth:']").get_attribute("href") or "")


def test_six_digits_lead_to_the_next_field(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    for typed in ("123456", "123-456", "１２３４５６", "۱۲۳۴۵۶"):
        surfer.page.locator("#first_code").fill("")
        surfer.page.locator("#first_code").press_sequentially(typed)
        assert surfer.page.evaluate("document.activeElement.id") == "second_code", typed


def test_the_time_until_the_next_code_is_beside_the_field(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    clock = surfer.page.clock
    clock.install()
    surfer.page.reload()
    clock.pause_at(surfer.page.evaluate("Date.now()") / 1_000 + 1)  # in seconds

    def seconds() -> int:
        text = surfer.page.locator("[data-countdown-text]").inner_text()
        found = re.fullmatch(r"New code in (\d+) s", text)
        assert found, text
        return int(found[1])

    said = seconds()
    assert 1 <= said <= 30
    for passed in (1, 4, 11, 25):
        clock.run_for(passed * 1_000)
        said = (said - passed - 1) % 30 + 1
        assert seconds() == said, "it counts down to the next code, then to the one after that"
    field, countdown = (surfer.page.locator(each).bounding_box() for each in ("#first_code", "[data-countdown]"))
    assert field and countdown
    assert abs(field["y"] - countdown["y"]) < field["height"] and countdown["x"] >= field["x"] + field["width"]


def test_fields_with_the_same_error_are_told_apart_at_the_top(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    surfer.submit("/mfa/enroll")
    links = surfer.texts("[data-error-summary] a")
    assert len(links) == len(set(links)) == 2
    boxes = [surfer.page.locator(each).bounding_box() for each in ("#first_code", "#second_code")]
    assert boxes[0] and boxes[1] and boxes[0]["width"] == boxes[1]["width"], "two codes of the same length"


@pytest.mark.both_policies
def test_cancel_leaves_nothing_at_aws(visiting: Visiting, nadia: Employee) -> None:
    surfer = begun(visiting(), nadia)
    assert nadia.leftover()
    surfer.submit("/mfa/enroll/cancel")
    assert not nadia.leftover()
    assert surfer.is_inside(nadia.name) and surfer.has("/mfa/enroll/begin")


@pytest.mark.both_policies
def test_a_closed_tab_strands_no_one(visiting: Visiting, nadia: Employee) -> None:
    begun(visiting(), nadia)
    assert nadia.leftover()

    later = begun(visiting(), nadia)
    later.give_two_codes(later.scan())
    assert nadia.devices() == [nadia.serial_number]


def test_the_other_browser_is_told_that_enrollment_was_restarted(visiting: Visiting, nadia: Employee) -> None:
    first = begun(visiting(), nadia)
    stale = first.scan()
    second = begun(visiting(), nadia)

    first.give_two_codes(stale)
    assert first.refused_as == EnrollmentReplaced.code
    assert nadia.devices() == []

    second.open("/mfa/enroll")
    second.give_two_codes(second.scan())
    assert nadia.devices() == [nadia.serial_number]

    first.open("/mfa/enroll")
    assert first.has("/mfa/activate"), "the first browser goes on with the device that is there now"


def test_cancelling_in_one_browser_leaves_the_others_device_alone(visiting: Visiting, nadia: Employee) -> None:
    first = begun(visiting(), nadia)
    second = begun(visiting(), nadia)
    first.submit("/mfa/enroll/cancel")
    assert nadia.leftover()
    second.give_two_codes(second.scan())
    assert nadia.devices() == [nadia.serial_number]


def test_the_seed_is_gone_once_the_device_is_on(visiting: Visiting, nadia: Employee, portal: Portal) -> None:
    surfer = begun(visiting(), nadia)
    phone = surfer.scan()
    surfer.give_two_codes(phone)
    surfer.open("/mfa/enroll")
    assert phone.seed not in surfer.html.replace(" ", "")
    kept = portal.stored() + portal.log.read_text()
    assert nadia.name in kept, "that is where to look"
    assert phone.seed not in kept
    assert nadia.secret_access_key not in kept


def test_a_double_click_turns_on_one_device(surfing: Surfing, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = begin(surfing, nadia)
    phone = surfer.scan()
    first = phone.next()
    surfer.type(first_code=first, second_code=phone.next())
    mark = sandbox.mark()
    with surfer.page.expect_navigation():
        surfer.button("/mfa/enroll").dblclick()
    surfer.page.wait_for_load_state()
    enabled = [call for call in sandbox.calls(mark) if call["action"] == "iam:EnableMFADevice"]
    assert len(enabled) == 1
    assert surfer.has("/mfa/activate")


def test_a_used_code_does_not_upgrade(visiting: Visiting, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = begun(visiting(), nadia)
    phone = surfer.scan()
    surfer.give_two_codes(phone)
    mark = sandbox.mark()
    surfer.submit("/mfa/activate", code=phone.latest)
    assert surfer.refused_as == CodeAlreadyUsed.code
    assert "sts:GetSessionToken" not in {call["action"] for call in sandbox.calls(mark)}
    surfer.upgrade(phone)
    assert surfer.path == "/mfa/finished"


def test_a_list_of_devices_that_lags_behind_hides_no_device(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox, clock: Clock
) -> None:
    surfer = begun(visiting(), nadia)
    phone = surfer.scan()
    surfer.give_two_codes(phone)
    clock.move(20)  # STS knows the device by now
    sandbox.set_faults([{"action": "iam:ListMFADevices", "fault": "stale-read", "occurrences": [1]}])
    mark = sandbox.mark()
    surfer.submit("/mfa/activate", code=phone.next())
    sandbox.set_faults([])
    assert surfer.path == "/mfa/finished"
    assert f"--serial-number {nadia.serial_number}" in surfer.text
    asked = [call["action"] for call in sandbox.calls(mark)]
    assert asked.count("iam:ListMFADevices") == 2, "the first list was read before the device was there"


def test_waiting_for_aws_survives_a_reload(visiting: Visiting, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = begun(visiting(), nadia)
    phone = surfer.scan()
    # The pair before the current code: the next code is there at once, long before STS knows the device.
    older, second, third = phone.next(), phone.next(), phone.next()
    surfer.submit("/mfa/enroll", first_code=older, second_code=second)
    surfer.submit("/mfa/activate", code=third)
    assert surfer.has("/mfa/activate/continue"), "AWS is waited for"
    surfer.open("/mfa/activate")
    assert surfer.has("/mfa/activate/continue")
    mark = sandbox.mark()
    surfer.submit("/mfa/activate/continue")
    assert surfer.has("/mfa/activate/continue")
    asked = {call["action"] for call in sandbox.calls(mark)}
    assert "sts:GetSessionToken" not in asked, "asking before ten seconds would waste a try"
    surfer.clock.move(11)
    surfer.submit("/mfa/activate/continue")
    assert surfer.path == "/mfa/finished"


@pytest.mark.parametrize("typed", ["codes of the newer one", "nothing"])
def test_a_form_beside_an_older_qr_code(visiting: Visiting, nadia: Employee, typed: str) -> None:
    first_tab, other_tab = begun(visiting(), nadia), visiting()
    other_tab.cookies.update(first_tab.cookies)
    other_tab.open("/mfa/enroll")
    other_tab.submit("/mfa/enroll/begin")
    fresh = other_tab.scan()
    if typed == "nothing":
        first_tab.submit("/mfa/enroll")
        assert first_tab.refused_as == OlderQrCode.code
    first_tab.give_two_codes(fresh)
    assert nadia.devices() == [nadia.serial_number], "its codes count wherever they are typed"


def test_two_tabs_of_one_browser(surfing: Surfing, nadia: Employee) -> None:
    surfer = begin(surfing, nadia)
    stale = surfer.scan()
    first_tab, surfer.page = surfer.page, surfer.tab()
    surfer.open("/mfa/enroll")
    surfer.submit("/mfa/enroll/begin")
    fresh = surfer.scan()
    assert fresh.seed != stale.seed

    second_tab, surfer.page = surfer.page, first_tab
    surfer.give_two_codes(stale)
    assert (surfer.refused_as, surfer.invalid) == (OlderQrCode.code, [])
    assert surfer.count("main [role=alert]") == 1, "one thing is said"
    assert surfer.value("first_code") == "" == surfer.value("second_code")
    assert surfer.scan().seed == fresh.seed, "the first tab now shows the code that counts"
    surfer.page.reload()
    assert "new-qr-code" in surfer.states
    surfer.submit("/mfa/enroll", first_code="000000", second_code="000001")
    assert (surfer.refused_as, surfer.invalid) == (CodesNotOfThisEntry.code, ["first_code"])

    surfer.page = second_tab
    assert "new-qr-code" in surfer.states
    surfer.give_two_codes(fresh)
    assert nadia.devices() == [nadia.serial_number]
    surfer.page = first_tab
    surfer.submit("/mfa/enroll", first_code="000000", second_code="000001")
    assert surfer.has("/mfa/activate") and set(surfer.notices) <= {"success"}, "and nothing of a QR code that is gone"
