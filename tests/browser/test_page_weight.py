"""How much a first visit of a page loads: 90 kB at most, uncompressed, of HTML, styles, scripts and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Response
from werkzeug.routing import Map

from tests.browser.conftest import Surfing, surfers_of
from tests.support.clock import Clock
from tests.support.group import account_ids, fill_database
from tests.support.people import Employee, Phone, hire
from tests.support.portal import Portal
from tests.support.profiles import Profiles
from tests.support.sandbox import ROOT, Sandbox
from tests.support.visitor import Reader

MOST = 90_000
"""Bytes of a page and all that it loads."""

COMPLIANCE = (
    "/compliance", "/compliance/people", "/compliance/rules", "/compliance/standards",
    "/compliance/standards/cis-5.0", "/compliance/policies", "/compliance/exceptions", "/compliance/evidence",
    "/compliance/campaigns", "/compliance/campaigns/new",
    "/compliance/history", "/compliance/history/list", "/compliance/history/list?rule=mfa",
    "/compliance/history/changes", "/compliance/history/rules/mfa", "/compliance/history/rules/mfa?span=year",
)  # fmt: skip


@pytest.fixture(scope="module")
def company(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "company-of-300", clock, "--users", "300") as running:
        yield running


@pytest.fixture(scope="module")
def office(scratch: Path, company: Sandbox) -> Iterator[Portal]:
    admin = company.user("Administrator")["arn"]
    with Portal(scratch / "office-of-300", company, ACCOUNTS=company.account_id, ADMINS=admin) as running:
        yield running


def _note(answers: list[Response], answer: Response) -> None:
    answers.append(answer)


def weights(browser: Browser, reader: Reader, pages: tuple[str, ...]) -> dict[str, int]:
    """Bytes of each page for a browser with the cookies of this reader and an empty cache."""
    found = {}
    context, (url,) = browser.new_context(), reader.urls
    context.add_cookies([{"name": each.name, "value": each.value or "", "url": url} for each in reader.cookies])
    tab = context.new_page()
    context.new_cdp_session(tab).send("Network.setCacheDisabled", {"cacheDisabled": True})
    for page in pages:
        answers: list[Response] = []
        tab.on("response", listener := partial(_note, answers))
        tab.goto(url + page, wait_until="networkidle")
        tab.remove_listener("response", listener)
        assert tab.url == url + page and all(answer.status == 200 for answer in answers)
        assert {"document", "stylesheet", "script"} <= {answer.request.resource_type for answer in answers}
        found[page] = sum(len(answer.body()) for answer in answers)
    context.close()
    return found


def test_a_first_visit_loads_little(browser: Browser, office: Portal, company: Sandbox, clock: Clock) -> None:
    visitor = Reader(office.url)
    visitor.open("/sign-in")
    found = weights(browser, visitor, ("/sign-in",))

    nadia = hire(company, "nadia")
    clock.move(10)
    visitor.sign_in(nadia)
    visitor.submit("/mfa/enroll/begin")
    found |= weights(browser, visitor, ("/mfa/enroll",))

    user = company.user("Administrator")
    admin = Reader(office.url)
    admin.sign_in(Employee(company, "Administrator", user["access_key_id"], user["secret_access_key"]))
    admin.submit("/sign-in/code", code=Phone(clock, f"otpauth://totp/x?secret={user['mfa']['seed']}").next())
    admin.open("/compliance")
    admin.refresh_compliance()
    found |= weights(browser, admin, ("/", "/mfa", "/access-keys", *COMPLIANCE))
    assert max(found.values()) <= MOST, found


GROUP = account_ids(60)


@pytest.fixture(scope="module")
def group_surfers(
    scratch: Path, profiles: Profiles, company: Sandbox, url_map: Map, clock: Clock, seen: set[str]
) -> Iterator[Surfing]:
    """Browsers at a portal that watches 60 accounts more."""
    admin = company.user("Administrator")["arn"]
    accounts = {"ACCOUNTS": company.account_id, "WATCHED_ACCOUNTS": ",".join(GROUP)}
    with Portal(scratch / "office-of-a-group", company, ADMINS=f"*={admin}", **accounts) as running:
        fill_database(running.database, GROUP)
        yield from surfers_of(profiles, running.url, url_map, clock, seen)


def test_60_accounts_load_little_and_are_found(
    browser: Browser, group_surfers: Surfing, company: Sandbox, clock: Clock
) -> None:
    user = company.user("Administrator")
    admin = group_surfers()
    clock.move(35)  # a code counts once
    reader = Reader(admin.url)
    reader.sign_in(Employee(company, "Administrator", user["access_key_id"], user["secret_access_key"]))
    reader.submit("/sign-in/code", code=Phone(clock, f"otpauth://totp/x?secret={user['mfa']['seed']}").next())
    page = "/compliance/accounts"
    wide = (page, f"{page}?columns=passwords&rule=root-key&page=2", f"{page}?columns=policies", f"{page}?columns=all")
    found = weights(browser, reader, wide)
    assert max(found.values()) <= MOST, found

    admin.continue_from(reader, at=page)
    assert len(admin.data("account")) == 25 and admin.data("matching") == ["61"]
    box = admin.page.locator(".lk-scroll-box").first
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth"), "the ages of sources are in sight"
    admin.open(f"{page}?page=3")
    assert len(admin.data("account")) == 11
    admin.open(f"{page}?columns=all")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth"), "every rule is a column, and the table scrolls"
    admin.page.get_by_label("Organizational unit", exact=True).first.select_option("Workloads")
    admin.page.get_by_role("button", name="Filter").click()
    admin.page.wait_for_url("**unit=Workloads**")
    admin.page.locator("thead a[href$='rule=mfa']").click()
    admin.page.wait_for_url("**rule=mfa")
    assert admin.data("matching") == ["29"], "30 in its units, of which one has no user without MFA"
    assert admin.data("account")[0] == GROUP[57], "the most failing first"
    with admin.page.expect_download() as download:
        admin.page.locator(f"main a[href^='{page}.csv']").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert len(lines) == 30 and lines[1].startswith(f'"{GROUP[57]}","team-57-account","Workloads/Test"')


RULES = r"""async (text) => [...(await new CSSStyleSheet().replace(text)).cssRules]
  .map((rule) => rule.cssText.replace(/\s*([,:;{}()])\s*/g, "$1"))"""
"""What a browser makes of a style sheet. Blanks of custom properties, which it keeps, mean nothing beside signs."""


@pytest.mark.parametrize("name", sorted(file.name for file in (ROOT / "static").glob("*.css")))
def test_a_style_sheet_is_sent_shorter_and_means_the_same(surfing: Surfing, name: str) -> None:
    surfer = surfing()
    page, written = surfer.page, (ROOT / "static" / name).read_text()
    sent = page.request.get(f"{surfer.url}/static/{name}").text()
    assert len(sent) <= len(written)
    assert page.evaluate(RULES, sent) == page.evaluate(RULES, written)


@pytest.mark.parametrize("script", sorted((ROOT / "static").glob("*.js")), ids=lambda file: file.name)
def test_no_text_of_a_script_spans_lines(script: Path) -> None:
    """Blanks and line ends are left out, so they must not be a part of a text."""
    without_strings = re.sub(r'"[^"\n]*"', "", script.read_text())
    assert [line for line in without_strings.splitlines() if line.count("`") % 2] == []
