"""Users see their activity and where they're signed in. Administrators see everyone's activity."""

from __future__ import annotations

import csv
import io
import json

import pytest

from app.activity import labels
from app.audit.events import Event
from app.text.browser_names import browser_name
from tests.browser.conftest import Surfing, Visiting
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader, Visitor


def enter(surfer: Surfer | Reader, employee: Employee) -> Phone:
    """Sign in with MFA, which was set up elsewhere."""
    return surfer.arrive_with_mfa(employee)


def set_up(reader: Visitor, employee: Employee) -> Phone:
    """Sign in and set up MFA here."""
    reader.sign_in(employee)
    return reader.get_mfa()


def come_back(surfer: Surfer | Reader, employee: Employee, phone: Phone) -> None:
    """Sign in with an MFA device."""
    surfer.sign_in(employee)
    surfer.submit("/sign-in/code", code=phone.next())
    assert surfer.is_inside(employee.name)


@pytest.fixture
def administrator(sandbox: Sandbox, clock: Clock) -> tuple[Employee, Phone]:
    user = sandbox.user("Administrator")
    phone = Phone(clock, f"otpauth://totp/Administrator?secret={user['mfa']['seed']}")
    return Employee(sandbox, "Administrator", user["access_key_id"], user["secret_access_key"]), phone


def test_everyone_reads_their_own_history(surfing: Surfing, nadia: Employee, portal: Portal) -> None:
    surfer = surfing()
    reader = surfer.without_screen()
    phone = set_up(reader, nadia)
    surfer.continue_from(reader, at="/")
    surfer.navigate("/activity")
    assert surfer.data("event") == ["mfa-session", "mfa-device-enabled", "mfa-device-created", "sign-in"]
    done = [labels.EVENTS[event].done for event in surfer.data("event")]
    assert surfer.texts("[data-entry] [data-what]") == done
    assert nadia.serial_number in surfer.text
    sent = str(surfer.page.evaluate("navigator.userAgent"))
    assert browser_name(sent) in surfer.at("[data-origin]")

    other = surfing()
    other.sign_in(nadia)
    other.submit("/sign-in/code", code=phone.latest)
    assert other.path == "/sign-in/code", "a used code"
    surfer.ask(outcome="refused")
    assert surfer.outcomes[0] == "refused:next-code-needed"
    offered = {kind for (kind,) in surfer.attributes("[name=kind] option", "value")}
    assert offered == {""} | set(Event) - labels.OF_ADMINS, "what a user can do"
    surfer.ask(kind="sign-out")
    assert surfer.data("event") == [] and surfer.data("none") == [""]
    surfer.ask(since="2026-05-02", until="2026-05-01")
    assert surfer.wrong == {"until": "ends-before-it-begins"}

    surfer.open("/calendar")
    surfer.click("form[action='/calendar'] button")
    assert "/calendar.ics?code=" in surfer.at("#calendar-address")
    surfer.click("form[action='/calendar/end'] button")
    assert not surfer.is_there("#calendar-address")


def test_someone_elses_history_is_out_of_reach(
    surfing: Surfing, visiting: Visiting, nadia: Employee, sandbox: Sandbox, clock: Clock
) -> None:
    mallory = hire(sandbox, "mallory")
    clock.move(10)
    reader, attacker = visiting(), surfing()
    enter(reader, nadia)
    enter(attacker, mallory)
    reader.open("/activity")
    ((address,), *_) = reader.attributes("[data-not-me]", "href")
    attacker.open(address)
    assert attacker.refused_as == "no-such-page"
    attacker.open("/activity?user=" + nadia.name)
    assert nadia.name not in attacker.text
    for page in ("/activity/everyone", "/activity/everyone.csv"):
        attacker.open(page)
        assert attacker.refused_as == "for-administrators"


def test_this_was_not_me(surfing: Surfing, visiting: Visiting, nadia: Employee, portal: Portal) -> None:
    surfer, thief = surfing(), visiting()
    phone = enter(surfer, nadia)
    come_back(thief, nadia, phone)
    surfer.open("/activity")
    surfer.click("[data-event=sign-in] [data-not-me]")
    guide = surfer.path
    note, entry = surfer.at("#note"), guide.split("/")[2]
    assert f"user/{nadia.name}" in note and note.endswith(f" {entry}")
    surfer.submit("/activity/sessions/end")
    assert surfer.notices == ["success"]
    assert surfer.path == guide, "the guide continues"
    thief.open("/activity")
    assert thief.path == "/sign-in"
    surfer.open("/activity")
    assert surfer.path == "/activity", "only the other session ended"
    assert ("session-ended", "done", "") in portal.activity(nadia.name)


def test_sessions_are_listed_and_ended_one_by_one(surfing: Surfing, visiting: Visiting, nadia: Employee) -> None:
    here, phone_browser, office = surfing(), visiting(), visiting()
    phone = enter(here, nadia)
    come_back(phone_browser, nadia, phone)
    come_back(office, nadia, phone)
    here.open("/activity/sessions")
    assert here.count("[data-entry]") == 3
    assert here.data("this") == [""]
    here.submit("/activity/sessions/end")
    assert here.count("[data-entry]") == 2
    ended = [surfer for surfer in (phone_browser, office) if opened(surfer) == "/sign-in"]
    assert len(ended) == 1, "the other session continues"


def opened(surfer: Surfer | Reader) -> str:
    surfer.open("/")
    return surfer.path


def test_nobody_ends_anothers_session(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox, clock: Clock, portal: Portal
) -> None:
    mallory = hire(sandbox, "mallory")
    clock.move(10)
    reader, attacker = visiting(), visiting()
    enter(reader, nadia)
    phone = enter(attacker, mallory)
    come_back(visiting(), mallory, phone)
    reader.open("/activity/sessions")
    ((label,),) = reader.attributes("[data-this]", "data-of-session")
    attacker.open("/activity/sessions")
    attacker.submit("/activity/sessions/end", label=label)
    assert attacker.refused_as == "nothing-ended" and attacker.notices == ["info"]
    assert len(attacker.data("of-session")) == 2, "none was ended"
    assert opened(reader) == "/"
    assert ("session-ended", "done", "") not in portal.activity("mallory") + portal.activity(nadia.name)


def test_admins_see_everyone_and_take_it_away(
    surfing: Surfing,
    visiting: Visiting,
    sandbox: Sandbox,
    clock: Clock,
    administrator: tuple[Employee, Phone],
    portal: Portal,
) -> None:
    formula = hire(sandbox, "=cmd")
    clock.move(190)  # the administrator's device accepts few codes in three minutes
    set_up(visiting(), formula)
    surfer = surfing()
    come_back(surfer, *administrator)
    surfer.navigate("/activity/everyone")
    surfer.page.set_viewport_size({"width": 1280, "height": 800})
    boxes = surfer.page.locator(".lk-filters > *").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().bottom)"
    )
    assert max(boxes) - min(boxes) < 2, "all filters are in one row"
    assert surfer.at("[data-event=mfa-device-enabled] [data-who]") == formula.name
    enabled = labels.EVENTS[Event.MFA_DEVICE_ENABLED].done
    assert surfer.at("[data-event=mfa-device-enabled] [data-what]") == enabled
    surfer.ask(user=formula.name)
    assert set(surfer.texts("[data-entry] [data-who]")) == {formula.name}
    with surfer.page.expect_download() as started:
        surfer.page.locator("main a[href^='/activity/everyone.csv']").click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text())))
    assert {row["user_name"] for row in rows} == {f"'{formula.name}"}, "a spreadsheet runs nothing"
    assert [row["phase"] for row in rows if row["event"] == "mfa-device-enabled"] == ["intended", "done"]
    with surfer.page.expect_download() as started:
        surfer.page.locator("main a[href^='/activity/everyone.jsonl']").click()
    lines = [json.loads(line) for line in started.value.path().read_text().splitlines()]
    assert {line["user_name"] for line in lines} == {formula.name}
    assert ("record-exported", "done", "") in portal.activity("Administrator")

    surfer.ask(account="-", user="")
    assert surfer.path == "/activity/everyone" and surfer.invalid == []
    assert {outcome.split(":")[0] for outcome in surfer.outcomes} <= {"refused"}, "nobody got in there"
    checked = portal.flask("activity", "verify")
    assert checked.returncode == 0, checked.stdout
