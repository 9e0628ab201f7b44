"""Who may do what on the compliance pages: administrators, and auditors who only read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from werkzeug.routing import Map

from tests.browser.conftest import Surfing, surfers_of
from tests.support.asked import Notebook
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.company import SETTINGS as COMPANY
from tests.support.company import provider
from tests.support.people import Employee, Phone
from tests.support.portal import Portal
from tests.support.profiles import Profiles
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader


@pytest.fixture(scope="module")
def firm(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "firm", clock, "--users", "20") as running:
        yield running


@pytest.fixture(scope="module")
def auditor_of_firm(firm: Sandbox) -> Employee:
    """An IAM user whom AUDITORS names."""
    iam = firm.as_administrator("iam")
    iam.create_user(UserName="audrey")
    iam.add_user_to_group(GroupName="EC2MFA", UserName="audrey")
    key = iam.create_access_key(UserName="audrey")["AccessKey"]
    return Employee(firm, "audrey", key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture(scope="module")
def company(scratch: Path) -> Iterator[str]:
    """The issuer of a provider that someone else wrote."""
    (scratch / "provider-of-firm").mkdir()
    carol = {"email": "carol@example.com", "groups": ["audit"], "amr": ["pwd", "mfa"]}
    with provider(scratch / "provider-of-firm", carol=carol, dave={**carol, "amr": ["pwd"]}) as issuer:
        yield issuer


@pytest.fixture(scope="module")
def office(scratch: Path, firm: Sandbox, company: str, auditor_of_firm: Employee, url_map: Map) -> Iterator[Portal]:
    auditor = firm.as_administrator("iam").get_user(UserName=auditor_of_firm.name)["User"]
    settings = {
        **COMPANY,
        "OIDC_ISSUER": company,
        "ADMINS": firm.user("Administrator")["arn"],
        "SERVICE_USERS": "path:/service/*,tag:kind=service",
        "AUDITORS": f"{auditor['Arn']}#{auditor['UserId']}",
    }
    with Portal(scratch / "office-of-firm", firm, **settings) as running:
        yield running
        Notebook(running, firm, url_map).write(Path(__file__))


@pytest.fixture(scope="module")
def surfers(profiles: Profiles, office: Portal, url_map: Map, clock: Clock, seen: set[str]) -> Iterator[Surfing]:
    yield from surfers_of(profiles, office.url, url_map, clock, seen)


@pytest.fixture(scope="module")
def admin(office: Portal, firm: Sandbox, clock: Clock) -> Reader:
    user = firm.user("Administrator")
    reader = Reader(office.url)
    phone = Phone(clock, f"otpauth://totp/Administrator?secret={user['mfa']['seed']}")
    key = user["access_key_id"], user["secret_access_key"]
    reader.sign_in(Employee(firm, "Administrator", *key), phone.next())
    return reader


@pytest.fixture(scope="module")
def screen(surfers: Surfing, admin: Reader) -> Surfer:
    """Administrator's browser with a screen."""
    surfer = surfers()
    surfer.take_cookies_of(admin)
    return surfer


def test_an_auditor_reads_what_administrators_keep(
    admin: Reader, surfers: Surfing, auditor_of_firm: Employee, office: Portal
) -> None:
    auditor = surfers()
    auditor.arrive_with_mfa(auditor_of_firm)
    auditor.open("/compliance")
    assert auditor.data("nothing-known") == [""] and not auditor.is_there("main form")
    refresh(admin)
    admin.open("/compliance/exceptions?user=employee-0001&rule=mfa")
    last_day = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    admin.submit("/compliance/exceptions", reason="On leave", owner="HR", until=last_day)

    auditor.open("/compliance")
    assert auditor.at("[data-headline-figure]") != ""
    reader = auditor.reader()
    for path in ("/compliance/people", "/compliance/people/employee-0001", "/compliance/exceptions", "/policy"):
        reader.open(path)
        assert reader.refused_as == "" and not reader.is_there("main form[method=post]"), path
    reader.open("/compliance/exceptions")
    assert reader.data("exception") == ["mfa"]
    reader.open("/compliance/people")
    reader.click("a[href*='people.csv']")
    assert "employee-0001" in reader.html
    admin.open("/activity/everyone?kind=compliance-exported")
    assert "audrey" in admin.text, "who exported what, administrators see"
    auditor.open("/compliance/report")
    assert auditor.refused_as == "for-administrators"


def refresh(admin: Reader) -> None:
    admin.open("/compliance")
    admin.refresh_compliance()


def test_a_program_is_known_by_its_tag_once_the_details_are_there(
    admin: Reader, screen: Surfer, firm: Sandbox
) -> None:
    iam = firm.as_administrator("iam")
    iam.create_user(UserName="robot", Tags=[{"Key": "Kind", "Value": "Service"}])
    refresh(admin)
    admin.open("/compliance/people?text=robot")
    assert admin.data("tags-unknown") == [""] and admin.data("service") == []
    screen.open("/compliance/people/robot")
    assert screen.data("class-unknown") == [""] and screen.data("service") == []

    answers = iam.get_paginator("get_account_authorization_details").paginate().build_full_result()
    admin.open("/compliance/report")
    admin.choose_file("report", "details.json", json.dumps(answers, default=str).encode(), "application/json")
    admin.submit("/compliance/report")
    assert admin.notices == ["success"]
    admin.open("/compliance/people?kind=service")
    assert admin.data("user") == ["robot"] and admin.data("service") == [""] and not admin.data("tags-unknown")
    admin.open("/compliance/people/robot")
    assert admin.data("service") == [""] and not admin.data("class-unknown")
    admin.open("/compliance/people?kind=people&text=robot")
    assert admin.data("user") == []


ITS_STYLES = "https://cdn.jsdelivr.net/npm/@picocss/"
"""What the provider's own page asks for. The browser isn't given it: no request leaves this machine."""


def at_the_provider(surfer: Surfer, subject: str) -> None:
    """Begin on the sign-in page, and sign in on the provider's page."""
    surfer.open("/sign-in")
    surfer.page.route(f"{ITS_STYLES}**", lambda route: route.abort())
    surfer.page.locator("form[action='/sign-in/company'] button").click()
    surfer.page.locator(f"button[name=sub][value={subject}]").click()
    surfer.page.wait_for_url(f"{surfer.url}/**")
    surfer.outside[:] = [url for url in surfer.outside if not url.startswith(ITS_STYLES)]


def test_an_auditor_signs_in_with_a_company_account(surfers: Surfing, firm: Sandbox, admin: Reader) -> None:
    """The provider runs in a process of its own, and is the package oidc-provider-mock."""
    dave, carol = surfers(), surfers()
    at_the_provider(dave, "dave")
    assert (dave.path, dave.refused_as) == ("/sign-in", "company-sign-in-without-mfa")
    calls = firm.calls()[-1]["seq"]
    at_the_provider(carol, "carol")
    assert carol.path == "/compliance" and carol.refused_as == ""
    carol.inspect()
    assert carol.at(".lk-user-name") == "carol@example.com"
    places = [place for (place,) in carol.attributes("nav.lk-side a", "href")]
    assert places == ["/compliance", "/compliance/people", "/activity/everyone", "/policy"]
    carol.open("/compliance/rules")
    assert carol.refused_as == ""
    reader = carol.reader()
    for path in ("/compliance/people", "/activity/everyone", "/policy"):
        reader.open(path)
        assert reader.refused_as == "", path
    carol.open("/access-keys")
    assert carol.refused_as == "for-iam-users"
    assert firm.calls()[-1]["seq"] == calls, "nothing was asked of AWS"
    admin.open("/activity/everyone?user=company%2Fcarol%40example.com")
    assert admin.data("event") == ["sign-in"] and "carol" in admin.text
    carol.open("/compliance")
    carol.sign_out()
    assert carol.path == "/sign-in" and carol.notices == ["success"]
    carol.page.locator("[data-company-sign-out] a").click()
    carol.page.locator("form[action$='/oauth2/end_session/confirm'] button").click()
    carol.page.wait_for_url(f"{carol.url}/sign-in")
    carol.outside[:] = [url for url in carol.outside if not url.startswith(ITS_STYLES)]
    carol.open("/compliance")
    assert carol.path == "/sign-in"


def test_an_administrator_signs_a_company_account_out(surfers: Surfing, admin: Reader, screen: Surfer) -> None:
    carol = surfers()
    at_the_provider(carol, "carol")
    admin.open("/compliance")
    assert admin.leads_to("/compliance/sessions")
    screen.open("/compliance/sessions")
    assert screen.data("sessions") == ["1"] and "carol@example.com" in screen.text
    screen.submit("/compliance/sessions/end")
    assert screen.notices == ["success"] and screen.data("sessions") == []
    carol.open("/compliance")
    assert carol.path == "/sign-in"
