"""Admins ask who keeps the rules; nobody else learns that there is an answer."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Unpack

import pytest
from playwright.sync_api import Route
from werkzeug.routing import Map

from app.compliance.data.credential_report import NotAReport
from app.compliance.data.refresh_runs import RefreshAlreadyRunning
from app.compliance.rules.table import BY_ID
from tests.browser.conftest import Surfing, surfers_of
from tests.support.asked import Notebook
from tests.support.browser import Surfer, Window
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire
from tests.support.portal import Portal
from tests.support.profiles import Profiles
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader

OTHER = "210987654321"
ADDRESSES = (
    "/compliance", "/compliance/accounts", "/compliance/accounts.csv", "/compliance/progress", "/compliance/people",
    "/compliance/people.csv",
    "/compliance/people.json", "/compliance/people/employee-0001", "/compliance/reminders", "/compliance/rules",
    "/compliance/rules/mfa", "/compliance/exceptions", "/compliance/report", "/compliance/standards",
    "/compliance/standards/cis-5.0",
    "/compliance/policies",
    "/compliance/evidence", "/compliance/campaigns", "/compliance/campaigns/new",
    "/compliance/history", "/compliance/history/list", "/compliance/history/changes", "/compliance/history/rules/mfa",
    "/compliance/history/list.csv", "/compliance/history/changes.csv",
)  # fmt: skip


@pytest.fixture(scope="module")
def company(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "company", clock, "--users", "60") as running:
        yield running


@pytest.fixture(scope="module")
def office(scratch: Path, company: Sandbox, url_map: Map) -> Iterator[Portal]:
    admin = company.user("Administrator")["arn"]
    settings = {"ACCOUNTS": f"{company.account_id},{OTHER}", "ADMINS": f"{admin},{OTHER}={admin}"}
    settings["COMPLIANCE_STANDARDS"] = f"cis-5.0,pci-dss-4.0.1,{OTHER}:fsbp"
    with Portal(scratch / "office", company, **settings) as running:
        yield running
        Notebook(running, company, url_map).write(Path(__file__))


@pytest.fixture(scope="module")
def surfers(profiles: Profiles, office: Portal, url_map: Map, clock: Clock, seen: set[str]) -> Iterator[Surfing]:
    yield from surfers_of(profiles, office.url, url_map, clock, seen)


@pytest.fixture(scope="module")
def enter(surfers: Surfing, company: Sandbox, clock: Clock) -> Callable[..., Surfer]:
    """A browser with Administrator signed in."""
    user = company.user("Administrator")
    phone = Phone(clock, f"otpauth://totp/Administrator?secret={user['mfa']['seed']}")

    def come(**window: Unpack[Window]) -> Surfer:
        surfer = surfers(**window)
        surfer.sign_in(Employee(company, "Administrator", user["access_key_id"], user["secret_access_key"]))
        surfer.submit("/sign-in/code", code=phone.next())
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


def read_lists(surfer: Surfer) -> None:
    surfer.refresh_compliance()
    surfer.inspect()


def names_shown(surfer: Surfer | Reader) -> set[str]:
    found: set[str] = set()
    while True:
        found |= set(surfer.data("user"))
        if not surfer.is_there("a[rel=next]"):
            return found
        surfer.click("a[rel=next]")


def tile(surfer: Surfer | Reader, rule: str) -> dict[str, int]:
    """What the dashboard counts for a rule: "population", "failed", "unknown", "excepted"."""
    names = ("population", "failed", "unknown", "excepted")
    (counted,) = surfer.attributes(f"[data-tile='{rule}']", *(f"data-{name}" for name in names))
    return dict(zip(names, map(int, counted), strict=True))


def headline(surfer: Surfer | Reader) -> int:
    """How many have no MFA, as the dashboard says beside the share of those who have."""
    return int(surfer.at("[data-headline-figure]"))


def test_who_has_no_mfa(admin: Surfer, company: Sandbox) -> None:
    assert admin.data("account-figure") == [], "no figure of an account whose users nobody has listed"
    admin.navigate("/compliance")
    assert admin.data("nothing-known") == [""]
    assert admin.data("shown") == ["1"], "what this one person has shown of their own credentials"
    read_lists(admin)
    held = devices(company)
    without = {name for name, serials in held.items() if not any(":mfa/" in serial for serial in serials)}
    others = sum(":mfa/" not in serial for serials in held.values() for serial in serials)
    assert headline(admin) == len(without) == int(admin.data("unknown")[0]), "of a virtual device, so far"
    unread = tile(admin, "mfa")
    assert unread == {"population": len(held), "failed": 0, "unknown": len(without), "excepted": 0}
    assert admin.attributes("[data-tile=mfa] [data-figure]", "data-figure") == [["unknown"]]
    assert not admin.at("[data-tile=mfa] [data-figure]").isdigit(), "no good 0"
    assert BY_ID["within-reach"].who in admin.at("[data-tile=within-reach]")
    assert admin.data("others-at-most") == [f"{others}"] and others
    admin.navigate("/")
    assert admin.data("account-figure") == [f"{len(without)}"], "on the overview without a click"
    admin.click("[data-account-figure] a[href^='/compliance/people?']")
    assert names_shown(admin) == without
    reader = admin.reader()
    reader.open("/compliance")
    reader.click("[data-headline-figure] a")
    assert names_shown(reader) == without
    admin.open("/compliance/people?rule=mfa&state=not-passing&text=EMPLOYEE-000")
    assert names_shown(admin) == {name for name in without if name.startswith("employee-000")}
    address = admin.page.url
    admin.follow("/compliance/reminders")
    lines = admin.at("#names").splitlines()
    assert set(lines) == {name for name in without if name.startswith("employee-000")}
    assert f"{admin.url}/" in admin.at("#note-message").split(), "where MFA is set up"
    admin.click("main a[href^='/compliance/people?'][href*='text=EMPLOYEE-000']")
    assert admin.page.url.split("?")[0] == address.split("?")[0]
    admin.open("/compliance/people/MFAUser")
    assert admin.attributes("[data-finding=mfa]", "data-state") == [["unknown"]]
    assert f" {others} " in admin.at("[data-finding=mfa]")
    assert len(admin.attributes("[data-finding=mfa] [data-source=roster]")) == 1


def test_a_report_fills_in_what_no_list_tells(admin: Surfer, company: Sandbox, office: Portal, clock: Clock) -> None:
    report = company.credential_report()

    def bring(content: bytes, browser: Surfer | Reader) -> None:
        browser.open("/compliance/report")
        assert f"AWS_ENDPOINT_URL={company.url}" in browser.text, "the commands below it ask the sandbox, not AWS"
        browser.choose_file("report", "report.csv", content, "text/csv")
        browser.submit("/compliance/report")

    reader = admin.reader()
    for content, why, browser in (
        (b"hello", "columns", reader),
        (report[: len(report) // 2], "cut-short", reader),
        (report.replace(company.account_id.encode(), OTHER.encode()), "other-account", admin),
    ):
        bring(content, browser)
        assert browser.refused_as == f"{NotAReport.code}:{why}"
        assert not office.rows("select report_at from compliance_accounts where report_at is not null")
    assert OTHER in admin.at("[role=alert]")
    bring(report, admin)
    assert admin.path == "/compliance" and admin.notices == ["success"]
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(report.decode()))}
    del rows["<root_account>"]
    without = {name for name, row in rows.items() if row["mfa_active"] == "false"}
    assert headline(admin) == len(without) and admin.data("unknown")[0] == "0", "of whatever kind"
    old = {
        name for name, row in rows.items() for number in (1, 2)
        if row[f"access_key_{number}_active"] == "true" and datetime.now(UTC)
        - datetime.fromisoformat(row[f"access_key_{number}_last_rotated"]) > timedelta(days=90)
    }  # fmt: skip
    assert tile(admin, "key-age")["failed"] == len(old)
    assert admin.at("[data-tile=key-age] [data-figure]") == f"{len(old)}"
    reader.open("/compliance/people?rule=key-age&state=fail&sort=oldest-key")
    assert names_shown(reader) == old
    first = reader.data("user")[0]
    admin.open(f"{reader.address}")
    admin.follow(f"/compliance/people/{first}")
    assert admin.heading == first
    message = admin.at("#note-message")
    assert first in message and f"{admin.url}/access-keys" in message
    admin.navigate("/activity")
    assert "credential-report-taken" in admin.data("event")


def test_the_auditor_sees_evidence_and_takes_it_away(admin: Surfer, company: Sandbox) -> None:
    admin.open("/compliance/rules")
    numbers = admin.at("[data-rule=key-age] [data-cis]")
    assert re.findall(r"\d+(?:\.\d+)+", numbers) == ["5.0", "1.13", "4.0.1", "8.6.3"], "standard, item"
    admin.follow("/compliance/rules/key-age")
    assert set(admin.data("state")) == {"fail"} and "report" in admin.data("source")
    with admin.page.expect_download() as started:
        admin.page.locator("main a[href^='/compliance/people.csv']").click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text())))
    assert {row["rule"] for row in rows} == {"key-age"} and {row["state"] for row in rows} == {"pass", "fail"}
    admin.open("/compliance/rules/root-mfa")
    assert admin.data("verdict") == ["pass"] and admin.data("evidence") == [company.account_id]


def test_the_pack_from_the_page_is_verified_by_the_key_beside_it(
    admin: Surfer, company: Sandbox, tmp_path: Path
) -> None:
    admin.open("/compliance/rules")
    admin.follow("/compliance/evidence")
    assert admin.data("source") == ["roster", "report"]
    assert admin.data("format") == ["zip", "html", "csv", "json", "ocsf.json", "asff.json"]
    for ending in admin.data("format"):
        with admin.page.expect_download() as started:
            admin.page.locator(f"[data-format='{ending}']").click()
        assert started.value.suggested_filename.startswith(f"compliance-{company.account_id}-2")
        assert started.value.suggested_filename.endswith(f".{ending}")
        started.value.save_as(tmp_path / f"pack.{ending}")
    for name in ("latchkey.pem", "verify-pack.py"):
        with admin.page.expect_download() as started:
            admin.page.locator(f"main a[href$='/evidence/{name}']").click()
        started.value.save_as(tmp_path / started.value.suggested_filename)
    shown = admin.at("#public-key")
    assert (tmp_path / "latchkey.pem").read_text().strip() == shown.strip(), "the page shows the same key"
    words: list[str | Path] = [
        sys.executable,
        "-I",
        tmp_path / "verify_pack.py",
        tmp_path / "pack.zip",
        tmp_path / "latchkey.pem",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and company.account_id in done.stdout, done.stderr
    reader = admin.page.context.new_page()
    reader.goto((tmp_path / "pack.html").as_uri())
    assert company.account_id in reader.locator("h1").inner_text()
    reader.close()


def test_the_auditor_looks_back(admin: Surfer, company: Sandbox) -> None:
    admin.open("/compliance")
    counted = tile(admin, "mfa")
    admin.click("a[href^='/compliance/history']")
    admin.click("form[action$='/list'] button")
    listed = admin.attributes("tr[data-rule=mfa]", "data-failed", "data-unknown")
    of_today = [[f"{counted['failed']}", f"{counted['unknown']}"]]
    assert listed == of_today, "the list of today is what the dashboard says"
    admin.click("tr[data-rule=mfa] a")
    assert len(admin.data("state")) == min(25, counted["population"])
    admin.open("/compliance/history/changes?before=2000-01-01&after=2000-01-02")
    assert len(admin.data("field-error")) == 1, "nothing is claimed about the time before"
    admin.open("/compliance/history/changes")
    for browser, span in ((admin, "month"), (admin.reader(), "year")):
        browser.open(f"/compliance/history/rules/mfa?span={span}")
        assert browser.data("day"), "figures of today"


def test_a_campaign_is_checked_as_a_draft_and_then_started(admin: Surfer) -> None:
    admin.open("/compliance/campaigns")
    assert len(admin.data("not-ready")) == 1, "this portal has no mail"
    admin.follow("/compliance/campaigns/new")
    day = datetime.now(UTC).date()
    admin.submit("/compliance/campaigns/new", name="", begins=day.isoformat(), deadline=day.isoformat())
    assert admin.wrong.keys() >= {"name", "deadline"}
    in_time = (day + timedelta(days=30)).isoformat()
    admin.submit("/compliance/campaigns/new", name="MFA by spring", search="employee-00", deadline=in_time)
    assert "employee-00" in admin.text
    assert admin.data("campaign-state") == ["draft"]
    (asked,) = admin.data("asked")
    assert asked.isdecimal()
    admin.click("form[action$='/start'] button")
    assert admin.data("campaign-state") == ["draft"], "without mail nobody would get anything"
    admin.follow("/compliance/campaigns/1/end")
    assert admin.data("campaign-state") == [], "a page that asks first"
    admin.submit("/compliance/campaigns/1/end")
    assert admin.data("campaign-state") == ["ended"]
    admin.open("/compliance/campaigns")
    assert admin.data("campaign") == ["1"]


def test_every_item_of_a_standard_is_judged_or_has_a_reason(admin: Surfer, company: Sandbox) -> None:
    admin.open("/compliance")
    fails = {rule: tile(admin, rule)["failed"] for rule in ("key-age", "unused", "mfa-console")}
    assert admin.data("standard") == ["cis-5.0", "pci-dss-4.0.1"]
    admin.click("[data-standard='cis-5.0'] a")
    assert (admin.data("judged")[0], admin.data("all")[0]) == ("16", "21")
    shown = admin.attributes("[data-item]", "data-item", "data-state")
    assert len(shown) == 21
    for number, rule in (("1.13", "key-age"), ("1.11", "unused"), ("1.9", "mfa-console")):
        judged = admin.attributes(f"[data-item='{number}'] [data-rule]", "data-rule", "data-failed")
        assert judged == [[rule, f"{fails[rule]}"]] and fails[rule]
    states = {each[0]: each[1] for each in shown}
    assert (states["1.1"], states["1.17"], states["1.14"]) == ("manual", "not-covered", "unknown")
    assert admin.attributes("[data-item='1.5']", "data-assessment") == [["manual"]]
    admin.open("/compliance/standards")
    admin.follow("/compliance/standards/pci-dss-4.0.1")
    assert admin.data("uncertain"), "the text of the standard was not at hand"
    ((rule, idle),) = admin.attributes("[data-item='8.2.6'] [data-rule]", "data-rule", "data-failed")
    assert rule == "unused-90"
    assert int(idle) < fails["unused"], "90 days are more than 45"
    with admin.page.expect_download() as started:
        admin.page.locator("main a[href^='/compliance/people.csv']").click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text())))
    failing = [row for row in rows if row["rule"] == "unused-90" and row["state"] == "fail"]
    assert len(failing) == int(idle)
    assert {row["standards"] for row in failing} == {"pci-dss-4.0.1 8.2.6"}
    admin.open(f"/compliance/standards?account={OTHER}")
    assert admin.data("standard") == ["fsbp"], "that account follows another"


def test_an_exception_is_counted_apart_until_it_ends(admin: Surfer, office: Portal) -> None:
    admin.open("/compliance")
    before = headline(admin)
    admin.open("/compliance/people/MFAUser")
    admin.click("[data-finding=mfa] a[href^='/compliance/exceptions']")
    assert admin.value("user_name") == "MFAUser"
    admin.submit("/compliance/exceptions")
    assert admin.invalid == ["reason", "owner", "until"]
    today = datetime.now(UTC).date()
    yesterday, last_day = f"{today - timedelta(days=1)}", f"{today + timedelta(days=3)}"
    admin.submit("/compliance/exceptions", reason="Phone ordered", owner="=HYPERLINK(1)", until=yesterday)
    assert admin.wrong == {"until": "past"} and admin.value("reason") == "Phone ordered"
    admin.submit("/compliance/exceptions", until=f"{today + timedelta(days=366)}")
    assert admin.wrong == {"until": "too-late"}
    admin.submit("/compliance/exceptions", until=last_day)
    assert admin.notices == ["success"] and "Phone ordered" in admin.text
    assert (admin.data("exception"), admin.data("user")) == (["mfa"], ["MFAUser"])
    assert admin.data("last-day") == [last_day]
    reader = admin.reader()
    reader.open("/compliance/people/MFAUser")
    finding = "[data-finding=mfa][data-state=excepted]"
    assert reader.attributes(f"{finding} [data-excepted-until]", "data-excepted-until") == [[last_day]]
    assert "Phone ordered" in reader.at(finding) and not reader.is_there(f"{finding} [data-covered-by]")
    console = "[data-finding=mfa-console][data-state=excepted] [data-covered-by]"
    told = reader.attributes(console, "data-covered-by")
    assert told == [["mfa"]], "the wider rule's exception counts here, too"
    reader.open("/compliance")
    assert headline(reader) == before - 1
    assert reader.data("excepted")[0] == "1" and tile(reader, "mfa")["excepted"] == 1
    reader.open("/compliance/people.csv?state=excepted")
    rows = list(csv.DictReader(io.StringIO(reader.html)))
    assert {row["user_name"] for row in rows} == {"MFAUser"}
    assert {row["exception_owner"] for row in rows} == {"'=HYPERLINK(1)"}, "a spreadsheet runs nothing"
    assert [(row["rule"], row["exception_rule"]) for row in rows] == [("mfa", "mfa"), ("mfa-console", "mfa")]
    admin.open("/compliance/exceptions")
    offered = [name for (name,) in admin.attributes("#known-users option", "value")]
    assert "KeyUser" in offered and "Administrator" not in offered, "names of those who fail a rule"
    admin.submit("/compliance/exceptions/end")
    assert admin.notices == ["success"] and admin.data("exception") == []
    admin.click("[data-notice] form button")
    assert (admin.data("user"), admin.data("last-day")) == (["MFAUser"], [last_day]), "undone"
    assert "Phone ordered" in admin.text
    done = [event for event, phase, _ in office.activity("Administrator") if phase == "done"]
    assert [each for each in done if str(each).startswith("exception-")] == [
        "exception-added",
        "exception-ended",
        "exception-restored",
    ], "it is the same exception, and the log has what was done"
    reader.open("/compliance/exceptions")
    reader.submit("/compliance/exceptions/end")
    assert reader.data("exception") == []
    reader.open("/compliance")
    assert headline(reader) == before
    assert ("exception-ended", "done", "") in office.activity("Administrator")


def test_several_users_are_excepted_at_once(admin: Surfer) -> None:
    admin.open("/compliance/rules/mfa?state=fail")
    admin.follow("/compliance/rules/mfa/exceptions")
    names = admin.data("user")[:2]
    for name in names:
        admin.page.locator(f"input[name=users][value='{name}']").check()
    admin.submit("/compliance/rules/mfa/exceptions", reason="New phones", owner="IT")
    assert admin.invalid == ["until"]
    assert admin.page.locator("input[name=users]:checked").evaluate_all("all => all.map(each => each.value)") == names
    last_day = f"{datetime.now(UTC).date() + timedelta(days=3)}"
    admin.submit("/compliance/rules/mfa/exceptions", until=last_day)
    assert admin.notices == ["success"] and admin.data("number") == ["2"]
    admin.follow("/compliance/exceptions/batch")
    assert admin.data("user") == names
    admin.open(f"/compliance/people/{names[0]}")
    assert admin.is_there("[data-finding=mfa][data-state=excepted]")
    admin.open("/compliance/exceptions")
    admin.submit("/compliance/exceptions/batch/end")
    assert admin.data("exception") == []
    admin.click("[data-notice] form button")
    assert admin.data("number") == ["2"], "undone"
    admin.submit("/compliance/exceptions/batch/end")


def test_somebody_is_signed_out_by_an_administrator(admin: Surfer, company: Sandbox, office: Portal) -> None:
    key = company.user("KeyUser")
    person = Reader(office.url)
    person.sign_in(Employee(company, "KeyUser", key["access_key_id"], key["secret_access_key"]))
    assert person.is_inside("KeyUser")
    admin.open("/compliance/people/KeyUser")
    assert admin.data("sessions") == ["1"]
    admin.submit("/compliance/people/KeyUser/sessions/end")
    assert admin.notices == ["success"] and admin.data("sessions") == ["0"]
    assert not admin.has("/compliance/people/KeyUser/sessions/end")
    person.open("/")
    assert person.path == "/sign-in"
    admin.open("/compliance/people/Administrator")
    assert int(admin.data("sessions")[0]) >= 1, "nobody else is signed out"
    assert ("somebodys-sessions-ended", "done", "") in office.activity("Administrator")


def test_many_accounts_side_by_side(admin: Surfer, company: Sandbox) -> None:
    admin.open("/compliance/accounts")
    assert set(admin.data("account")) == {company.account_id, OTHER}
    assert len(admin.data("totals")) == 1
    assert admin.attributes("[data-account]:has([data-nothing-known])", "data-account") == [[OTHER]]
    admin.follow(f"/compliance?account={OTHER}")
    assert admin.data("nothing-known") == [""] and OTHER in admin.at("[data-nothing-known]")
    assert not admin.has("/compliance/refresh"), "only somebody signed in to that account can"
    admin.open("/compliance?account=999999999999")
    assert admin.refused_as == "no-such-page"


def test_a_killed_refresh_leaves_the_data_and_is_said(
    admin: Surfer, company: Sandbox, office: Portal, clock: Clock
) -> None:
    reader = admin.reader()
    reader.open("/compliance")
    figure = headline(reader)
    company.set_faults([{"action": "iam:ListVirtualMFADevices", "fault": "latency", "latency_ms": 60_000}])
    reader.submit("/compliance/refresh")
    assert reader.data("run") == ["running"]
    other = admin.reader()  # another tab, or another admin: one at a time
    other.open("/compliance/exceptions")
    (token,) = {value for (value,) in other.attributes("[name=csrf_token]", "value")}
    other.go("POST", "/compliance/refresh", {"csrf_token": token})
    assert other.refused_as == RefreshAlreadyRunning.code
    reader.open("/compliance/rules")
    office.kill()
    company.set_faults([])
    clock.move(30)
    office.start()
    admin.open("/compliance")
    assert admin.data("run") == ["killed"]
    assert headline(admin) == figure
    read_lists(admin)
    assert admin.data("run") == []


def test_progress_goes_on_after_an_answer_that_never_comes(
    enter: Callable[..., Surfer], company: Sandbox, clock: Clock
) -> None:
    clock.move(31)
    admin = enter()
    slow = {"action": "iam:ListVirtualMFADevices", "fault": "latency", "latency_ms": 60_000, "occurrences": [1]}
    company.set_faults([slow])  # until the page asks
    asked: list[str] = []

    def swallow_the_first(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) > 1:
            route.continue_()
        else:
            company.set_faults([])

    admin.page.route("**/compliance/progress*", swallow_the_first)
    admin.open("/compliance")
    admin.refresh_compliance()
    assert len(asked) > 1


def test_it_works_without_javascript_and_on_a_phone(enter: Callable[..., Surfer], clock: Clock) -> None:
    clock.move(190)  # the device takes few codes in three minutes
    plain = enter(javascript=False, width=375)
    for path in ("/compliance", "/compliance/people?state=fail", "/compliance/rules", "/compliance/rules/unused"):
        plain.open(path)
        assert plain.refused_as == "" and plain.path == path.split("?")[0]
    plain.open("/compliance")
    plain.submit("/compliance/refresh")
    while plain.data("run") == ["running"]:
        plain.click("[data-run] a")
    assert plain.is_there("[data-headline]")


def test_nobody_else_learns_that_there_is_an_answer(company: Sandbox, clock: Clock, office: Portal) -> None:
    nadia = hire(company, "nadia")
    clock.move(10)
    reader = Reader(office.url)
    reader.arrive_with_mfa(nadia)
    assert not reader.is_there("a[href^='/compliance']")
    for path in ADDRESSES:
        assert reader.open(path).status == 403, path
        said = reader.html.replace(path, "")  # the way back to the address that was asked for
        assert "employee-" not in said and 'data-refused="for-administrators"' in said
    reader.open("/")
    mine = office.rows("select own, verdicts from compliance_people where user_name = :name", name=nadia.name)
    assert "VIRTUAL" in str(mine[0][0]) and " mfa=pass " in str(mine[0][1]), "their own visit told"
