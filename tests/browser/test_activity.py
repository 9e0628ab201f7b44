"""What was done in one's name, and where one is signed in; and what admins see of everyone."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.browser.conftest import Surfing
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox


def enter(surfer: Surfer, employee: Employee) -> Phone:
    """Sign in, enroll, go on with MFA."""
    surfer.sign_in(employee)
    return surfer.get_mfa()


def come_back(surfer: Surfer, employee: Employee, phone: Phone) -> None:
    """Sign in with a device."""
    surfer.sign_in(employee)
    surfer.type(code=phone.next())
    surfer.press("Sign in")
    assert surfer.heading == f"Hello, {employee.name}"


@pytest.fixture
def administrator(sandbox: Sandbox, clock: Clock) -> tuple[Employee, Phone]:
    user = sandbox.user("Administrator")
    phone = Phone(clock, f"otpauth://totp/Administrator?secret={user['mfa']['seed']}")
    return Employee(sandbox, "Administrator", user["access_key_id"], user["secret_access_key"]), phone


def test_everyone_reads_their_own_history(surfing: Surfing, nadia: Employee, portal: Portal) -> None:
    surfer = surfing()
    phone = enter(surfer, nadia)
    surfer.navigate("/activity")
    told = surfer.page.locator("[data-entry] [data-what]").all_inner_texts()
    assert told == ["Gave an MFA code", "Enabled an MFA device", "Began to set up an MFA device", "Signed in"]
    assert nadia.serial_number in surfer.text
    assert surfer.page.get_by_text("Chrome on Linux").first.is_visible()

    other = surfing()
    other.sign_in(nadia)
    other.type(code=phone.latest)
    other.press("Sign in")
    assert other.path == "/sign-in/code", "a used code"
    surfer.page.get_by_label("Outcome").select_option("Refused")
    surfer.press("Show")
    assert surfer.outcomes[0] == "refused:next-code-needed"
    offered = surfer.page.get_by_label("What").inner_text()
    assert "Signed out" in offered and "audit log" not in offered and "compliance" not in offered, "what one can do"
    surfer.page.get_by_label("What").select_option("Signed out")
    surfer.press("Show")
    assert "No activity matches these filters" in surfer.text
    surfer.type(since="2026-05-02", until="2026-05-01")
    surfer.press("Show")
    assert "The period ends before it begins" in surfer.text


def test_someone_elses_history_is_out_of_reach(
    surfing: Surfing, nadia: Employee, sandbox: Sandbox, clock: Clock
) -> None:
    mallory = hire(sandbox, "mallory")
    clock.move(10)
    surfer, attacker = surfing(), surfing()
    enter(surfer, nadia)
    enter(attacker, mallory)
    surfer.open("/activity")
    address = surfer.page.locator("[data-not-me]").first.get_attribute("href")
    attacker.open(f"{address}")
    assert attacker.heading == "There is no such page"
    attacker.open("/activity?user=" + nadia.name)
    assert nadia.name not in attacker.text
    for page in ("/activity/everyone", "/activity/everyone.csv"):
        attacker.open(page)
        assert attacker.heading == "Not allowed" and "for the administrators" in attacker.text


def test_this_was_not_me(surfing: Surfing, nadia: Employee, portal: Portal) -> None:
    surfer, thief = surfing(), surfing()
    phone = enter(surfer, nadia)
    come_back(thief, nadia, phone)
    surfer.open("/activity")
    surfer.page.locator("[data-not-me]", has_text="Signed in").first.click()
    surfer.page.wait_for_load_state()
    surfer.inspect()
    note = surfer.page.locator("#note").inner_text()
    assert f"user/{nadia.name}" in note and "entry of the audit log:" in note
    surfer.press("End all my other sessions")
    assert "That session is over. Now the second step." in surfer.text
    assert surfer.heading == "This wasn’t me", "the guide goes on"
    thief.open("/activity")
    assert thief.path == "/sign-in"
    surfer.open("/activity")
    assert ("session-ended", "done", "") in portal.activity(nadia.name)


def test_sessions_are_listed_and_ended_one_by_one(surfing: Surfing, nadia: Employee) -> None:
    here, phone_browser, office = surfing(), surfing(), surfing()
    phone = enter(here, nadia)
    come_back(phone_browser, nadia, phone)
    come_back(office, nadia, phone)
    here.open("/activity/sessions")
    assert here.page.locator("[data-entry]").count() == 3
    assert here.page.get_by_text("this one").count() == 1
    here.page.get_by_role("button", name="End this session").first.click()
    here.page.wait_for_load_state()
    assert here.page.locator("[data-entry]").count() == 2
    ended = [surfer for surfer in (phone_browser, office) if opened(surfer) == "/sign-in"]
    assert len(ended) == 1, "the other goes on"


def opened(surfer: Surfer) -> str:
    surfer.open("/")
    return surfer.path


def test_nobody_ends_anothers_session(surfing: Surfing, nadia: Employee, sandbox: Sandbox, clock: Clock) -> None:
    mallory = hire(sandbox, "mallory")
    clock.move(10)
    surfer, attacker = surfing(), surfing()
    enter(surfer, nadia)
    phone = enter(attacker, mallory)
    come_back(surfing(), mallory, phone)
    surfer.open("/activity/sessions")
    label = surfer.page.locator("[data-origin]").first.inner_text().split("session ")[1][:8]
    attacker.open("/activity/sessions")
    button = attacker.page.locator("button[name=label]").first
    button.evaluate(f"button => button.value = '{label}'")
    button.click()
    attacker.page.wait_for_load_state()
    assert "There was nothing to end" in attacker.text
    assert opened(surfer) == "/"


def test_admins_see_everyone_and_take_it_away(
    surfing: Surfing, sandbox: Sandbox, clock: Clock, administrator: tuple[Employee, Phone], portal: Portal
) -> None:
    formula = hire(sandbox, "=cmd")
    clock.move(190)  # the administrator's device takes few codes in three minutes
    enter(surfing(), formula)
    surfer = surfing()
    come_back(surfer, *administrator)
    surfer.navigate("/activity/everyone")
    assert f"{formula.name}: Enabled an MFA device" in surfer.text
    surfer.type(user=formula.name)
    surfer.press("Show")
    assert all(formula.name in told for told in surfer.page.locator("[data-entry] [data-what]").all_inner_texts())
    with surfer.page.expect_download() as started:
        surfer.page.get_by_role("link", name="Download as CSV").click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text())))
    assert {row["user_name"] for row in rows} == {f"'{formula.name}"}, "a spreadsheet runs nothing"
    assert [row["phase"] for row in rows if row["event"] == "mfa-device-enabled"] == ["intended", "done"]
    with surfer.page.expect_download() as started:
        surfer.page.get_by_role("link", name="Download as JSON Lines").click()
    lines = [json.loads(line) for line in started.value.path().read_text().splitlines()]
    assert {line["user_name"] for line in lines} == {formula.name}
    assert ("record-exported", "done", "") in portal.activity("Administrator")

    surfer.page.get_by_label("Account").select_option("Not known: refused at sign-in")
    surfer.type(user="")
    surfer.press("Show")
    assert surfer.heading == "Everyone’s activity"
    checked = portal.flask("activity", "verify")
    assert checked.returncode == 0, checked.stdout
