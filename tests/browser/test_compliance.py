"""Admins ask who keeps the rules; nobody else learns that there is an answer."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Unpack

import pytest
from playwright.sync_api import Browser
from werkzeug.routing import Map

from tests.browser.conftest import Surfing, surfers_of
from tests.support.asked import Notebook
from tests.support.browser import Surfer, Window
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox

OTHER = "210987654321"
ADDRESSES = (
    "/compliance", "/compliance/accounts", "/compliance/progress", "/compliance/people", "/compliance/people.csv",
    "/compliance/people.json", "/compliance/people/employee-0001", "/compliance/reminders", "/compliance/rules",
    "/compliance/rules/mfa", "/compliance/exceptions", "/compliance/report",
)  # fmt: skip


@pytest.fixture(scope="module")
def company(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "company", clock, "--users", "60") as running:
        yield running


@pytest.fixture(scope="module")
def office(scratch: Path, company: Sandbox, url_map: Map) -> Iterator[Portal]:
    admin = company.user("Administrator")["arn"]
    settings = {"ACCOUNTS": f"{company.account_id},{OTHER}", "ADMINS": f"{admin},{OTHER}={admin}"}
    with Portal(scratch / "office", company, **settings) as running:
        yield running
        Notebook(running, company, url_map).write(Path(__file__))


@pytest.fixture(scope="module")
def surfers(browser: Browser, office: Portal, url_map: Map, clock: Clock, seen: set[str]) -> Iterator[Surfing]:
    yield from surfers_of(browser, office.url, url_map, clock, seen)


@pytest.fixture(scope="module")
def enter(surfers: Surfing, company: Sandbox, clock: Clock) -> Callable[..., Surfer]:
    """A browser with Administrator signed in."""
    user = company.user("Administrator")
    phone = Phone(clock, f"otpauth://totp/Administrator?secret={user['mfa']['seed']}")

    def come(**window: Unpack[Window]) -> Surfer:
        surfer = surfers(**window)
        surfer.sign_in(Employee(company, "Administrator", user["access_key_id"], user["secret_access_key"]))
        surfer.type(code=phone.next())
        surfer.press("Sign in")
        return surfer

    return come


@pytest.fixture(scope="module")
def admin(enter: Callable[..., Surfer]) -> Surfer:
    return enter()


def devices(company: Sandbox) -> dict[str, list[str]]:
    """Everyone's MFA devices, asked one by one."""
    iam = company.as_administrator("iam")
    names = [user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]]
    return {
        name: [device["SerialNumber"] for device in iam.list_mfa_devices(UserName=name)["MFADevices"]]
        for name in names
    }


def read_lists(surfer: Surfer, button: str) -> None:
    surfer.press(button)
    surfer.page.locator("[data-headline]").wait_for()
    surfer.page.locator("[data-progress]").wait_for(state="detached")
    surfer.inspect()


def names_shown(surfer: Surfer) -> set[str]:
    found: set[str] = set()
    while True:
        found |= set(surfer.page.locator("[data-users] tbody th a").all_inner_texts())
        if not surfer.page.locator("a[rel=next]").count():
            return found
        surfer.press("Next")


def tile(surfer: Surfer, title: str) -> str:
    return surfer.page.locator("[data-tile]", has_text=title).inner_text()


def test_who_has_no_mfa(admin: Surfer, company: Sandbox) -> None:
    admin.navigate("/compliance")
    assert "Nothing is known of this account yet" in admin.text
    assert "Except what one person, perhaps you, has shown of their own credentials" in admin.text
    read_lists(admin, "Read the account’s lists")
    held = devices(company)
    without = {name for name, serials in held.items() if not any(":mfa/" in serial for serial in serials)}
    others = sum(":mfa/" not in serial for serials in held.values() for serial in serials)
    assert admin.page.locator("[data-headline-figure]").inner_text() == f"{len(without)}"
    assert "without a virtual MFA device" in admin.text
    unread = tile(admin, "Everyone has MFA")
    assert "\n?\n" in unread and f"not known yet for {len(without)} of {len(held)}" in unread, "no good 0"
    assert "Only people with an IAM path" in tile(admin, "The policy reaches everyone")
    assert f"Of whom at most {others} have another kind" in admin.text and others
    admin.press(f"{len(without)}")
    assert names_shown(admin) == without
    admin.open("/compliance/people?rule=mfa&state=not-passing&text=EMPLOYEE-000")
    assert names_shown(admin) == {name for name in without if name.startswith("employee-000")}
    address = admin.page.url
    admin.press("Names to copy")
    lines = admin.page.locator("#names").inner_text().splitlines()
    assert {line.split("\t")[0] for line in lines} == {name for name in without if name.startswith("employee-000")}
    assert {line.split("\t")[1] for line in lines} == {f"{admin.url}/"}, "the page on which MFA is set up"
    admin.press("Back to the list")
    assert admin.page.url.split("?")[0] == address.split("?")[0]
    admin.open("/compliance/people/MFAUser")
    assert "at most" in admin.text and "the account’s lists of" in admin.text


def test_a_report_fills_in_what_no_list_tells(admin: Surfer, company: Sandbox, office: Portal, clock: Clock) -> None:
    iam = company.as_administrator("iam")
    iam.generate_credential_report()
    report = iam.get_credential_report()["Content"]

    def bring(content: bytes) -> None:
        admin.open("/compliance/report")
        admin.choose_file("report", "report.csv", content, "text/csv")
        admin.press("Take it in")

    for content, why in (
        (b"hello", "it has no column"),
        (report[: len(report) // 2], "ends in line"),
        (report.replace(company.account_id.encode(), OTHER.encode()), f"report of account {OTHER}"),
    ):
        bring(content)
        assert why in admin.text and "Nothing was changed" in admin.text
    bring(report)
    assert "The report was taken in" in admin.text
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(report.decode()))}
    del rows["<root_account>"]
    without = {name for name, row in rows.items() if row["mfa_active"] == "false"}
    assert admin.page.locator("[data-headline-figure]").inner_text() == f"{len(without)}"
    assert "None of them has a device of any kind" in admin.text
    old = {
        name for name, row in rows.items() for number in (1, 2)
        if row[f"access_key_{number}_active"] == "true" and datetime.now(UTC)
        - datetime.fromisoformat(row[f"access_key_{number}_last_rotated"]) > timedelta(days=90)
    }  # fmt: skip
    assert f"\n{len(old)}\n" in tile(admin, "Access keys are replaced in time")
    admin.open("/compliance/people?rule=key-age&state=fail&sort=oldest-key")
    assert names_shown(admin) == old
    first = admin.page.locator("[data-users] tbody th a").first.inner_text()
    admin.press(first)
    assert admin.heading == first
    message = admin.page.locator("#note-message").inner_text()
    assert f"Hello {first}" in message and f"{admin.url}/access-keys" in message
    admin.navigate("/activity")
    assert "Brought a credential report" in admin.text


def test_the_auditor_sees_evidence_and_takes_it_away(admin: Surfer, company: Sandbox) -> None:
    admin.open("/compliance/rules")
    assert "CIS 1.14 (1.5, 2.0, 3.0), 1.13 (5.0)" in admin.text
    admin.press("Access keys are replaced in time")
    assert "days old" in admin.text and "the credential report of" in admin.text
    with admin.page.expect_download() as started:
        admin.page.get_by_role("link", name="CSV").click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text())))
    assert {row["rule"] for row in rows} == {"key-age"} and {row["state"] for row in rows} == {"pass", "fail"}
    admin.open("/compliance/rules/root-mfa")
    assert "The root user has MFA." in admin.text


def test_an_exception_is_counted_apart_until_it_ends(admin: Surfer, office: Portal) -> None:
    admin.open("/compliance")
    before = int(admin.page.locator("[data-headline-figure]").inner_text())
    admin.open("/compliance/people/MFAUser")
    admin.page.get_by_role("link", name="Make an exception from: Everyone has MFA").click()
    admin.page.wait_for_load_state()
    assert admin.value("user_name") == "MFAUser"
    admin.press("Make the exception")
    assert "Say why." in admin.text
    today = datetime.now(UTC).date()
    admin.type(reason="Phone ordered", owner="=HYPERLINK(1)", until=f"{today - timedelta(days=1)}")
    admin.press("Make the exception")
    assert "This day is past." in admin.text and admin.value("reason") == "Phone ordered"
    admin.type(until=f"{today + timedelta(days=366)}")
    admin.press("Make the exception")
    assert "At most 365 days" in admin.text
    admin.type(until=f"{today + timedelta(days=3)}")
    admin.press("Make the exception")
    assert "The exception holds" in admin.text and "Phone ordered" in admin.text
    last_day = f"{today + timedelta(days=3):%-d %B %Y}"
    assert f"last day {last_day}" in admin.text
    admin.open("/compliance/people/MFAUser")
    assert f"Excepted until {last_day}: Phone ordered" in admin.text
    admin.open("/compliance")
    assert admin.page.locator("[data-headline-figure]").inner_text() == f"{before - 1}"
    assert "1 more are excepted" in admin.text and "1 excepted" in tile(admin, "Everyone has MFA")
    with admin.page.expect_download() as started:
        admin.page.evaluate("location.assign('/compliance/people.csv?state=excepted')")
    (row,) = csv.DictReader(io.StringIO(started.value.path().read_text()))
    assert (row["user_name"], row["exception_owner"]) == ("MFAUser", "'=HYPERLINK(1)"), "a spreadsheet runs nothing"
    admin.open("/compliance/exceptions")
    admin.press("End it now")
    assert "The exception is over" in admin.text
    admin.open("/compliance")
    assert admin.page.locator("[data-headline-figure]").inner_text() == f"{before}"
    assert ("exception-ended", "done", "") in office.activity("Administrator")


def test_somebody_is_signed_out_by_an_administrator(
    admin: Surfer, surfers: Surfing, company: Sandbox, office: Portal
) -> None:
    key = company.user("KeyUser")
    person = surfers()
    person.sign_in(Employee(company, "KeyUser", key["access_key_id"], key["secret_access_key"]))
    assert person.heading == "Hello, KeyUser"
    admin.open("/compliance/people/KeyUser")
    assert "1 session, last used" in admin.text
    admin.press("Sign them out")
    assert (
        "Their session is over." in admin.text and admin.page.get_by_role("button", name="Sign them out").count() == 0
    )
    person.open("/")
    assert person.path == "/sign-in"
    admin.open("/compliance/people/Administrator")
    assert "session" in admin.text, "nobody else is signed out"
    assert ("somebodys-sessions-ended", "done", "") in office.activity("Administrator")


def test_many_accounts_side_by_side(admin: Surfer, company: Sandbox) -> None:
    admin.open("/compliance/accounts")
    assert company.account_id in admin.text and "nothing is known yet" in admin.text
    admin.press(OTHER)
    assert f"Account {OTHER}" in admin.text and "Somebody signed in to account" in admin.text
    assert admin.page.get_by_role("button", name="Read the account’s lists").count() == 0
    admin.open("/compliance?account=999999999999")
    assert admin.heading == "There is no such page"


def test_a_killed_refresh_leaves_the_data_and_is_said(
    admin: Surfer, company: Sandbox, office: Portal, clock: Clock
) -> None:
    admin.open("/compliance")
    figure = admin.page.locator("[data-headline-figure]").inner_text()
    company.set_faults([{"action": "iam:ListVirtualMFADevices", "fault": "latency", "latency_ms": 8000}])
    admin.press("Read the account’s lists")
    assert "Reading the account’s lists" in admin.text
    again = admin.tab()
    again.goto(f"{admin.url}/compliance/exceptions")  # another tab, or another admin: one at a time
    token = again.locator("[name=csrf_token]").first.input_value()
    answer = again.request.post(
        f"{admin.url}/compliance/refresh", form={"csrf_token": token}, headers={"Origin": admin.url}
    )
    assert "reading this account’s lists already" in answer.text()
    again.close()
    admin.open("/compliance/rules")
    office.kill()
    company.set_faults([])
    clock.move(30)
    office.start()
    admin.open("/compliance")
    assert "It was stopped before its end" in admin.text
    assert admin.page.locator("[data-headline-figure]").inner_text() == figure
    read_lists(admin, "Read the account’s lists")
    assert "did not end well" not in admin.text


def test_it_works_without_javascript_and_on_a_phone(enter: Callable[..., Surfer], clock: Clock) -> None:
    clock.move(190)  # the device takes few codes in three minutes
    plain = enter(javascript=False, width=375)
    for path in ("/compliance", "/compliance/people?state=fail", "/compliance/rules", "/compliance/rules/unused"):
        plain.open(path)
        assert plain.heading not in ("Not allowed", "There is no such page")
    plain.open("/compliance")
    plain.press("Read the account’s lists")
    while "Reading the account’s lists" in plain.text:
        plain.press("See how far it is now")
    assert plain.page.locator("[data-headline]").count() == 1


def test_nobody_else_learns_that_there_is_an_answer(
    surfers: Surfing, company: Sandbox, clock: Clock, office: Portal
) -> None:
    nadia = hire(company, "nadia")
    clock.move(10)
    surfer = surfers()
    surfer.sign_in(nadia)
    surfer.get_mfa()
    assert surfer.page.get_by_role("link", name="Compliance").count() == 0
    for path in ADDRESSES:
        answer: Any = surfer.page.request.get(surfer.url + path)
        assert answer.status == 403, path
        said = answer.text().replace(path, "")  # the way back to the address that was asked for
        assert "employee-" not in said and "for the administrators of this portal" in said
    surfer.open("/")
    mine = office.rows("select own, verdicts from compliance_people where user_name = :name", name=nadia.name)
    assert "VIRTUAL" in str(mine[0][0]) and " mfa=pass " in str(mine[0][1]), "their own visit told"
