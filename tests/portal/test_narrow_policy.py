"""Under AWS's own policy of 2022, with much cut out by hand: no page ends in a bare "access denied"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from flask import Flask

from app.factory import create_app
from app.policy.documents import VARIANTS, live_actions, read
from app.policy.features import BY_CODE, FEATURES, offers, ruled_out
from app.policy.permits import Permits
from app.web.guards import is_public
from app.web.permissions import needed_by
from config import from_env
from tests.support.aws_login import Browser, Page
from tests.support.clock import Clock
from tests.support.marks import SECRET_KEY
from tests.support.people import Employee, hire
from tests.support.portal import AUDIT_KEYS, Portal
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(
        from_env(
            {
                "ACCOUNTS": "123456789012",
                "SECRET_KEY": SECRET_KEY,
                "AUDIT_KEYS": AUDIT_KEYS,
                "DATABASE_URL": "sqlite://",
            }
        )
    )


@pytest.fixture(scope="module")
def narrow(scratch: Path) -> str:
    document = read("2022-11")
    cut = ("ManageOwnAccessKeys", "ManageOwnSSHPublicKeys")
    document["Statement"] = [each for each in document["Statement"] if each["Sid"] not in cut]
    certificates = next(each for each in document["Statement"] if each["Sid"] == "ManageOwnSigningCertificates")
    certificates["Action"] = ["iam:ListSigningCertificates"]
    file = scratch / "narrow.json"
    file.write_text(json.dumps(document))
    return str(file)


@pytest.fixture(scope="module")
def sandbox(scratch: Path, clock: Clock, narrow: str) -> Iterator[Sandbox]:
    with Sandbox(scratch / "narrow-sandbox", clock, "--policy", narrow) as running:
        yield running


@pytest.fixture(scope="module")
def portal(scratch: Path, sandbox: Sandbox, narrow: str) -> Iterator[Portal]:
    settings = {"FORCE_MFA_POLICY": narrow, "SIGN_IN_METHODS": "access-key"}
    with Portal(scratch / "narrow-portal", sandbox, **settings) as running:
        yield running


def sign_in(portal: Portal, employee: Employee) -> Browser:
    browser = Browser()
    browser.open(f"{portal.url}/sign-in")
    browser.submit(access_key_id=employee.access_key_id, secret_access_key=employee.secret_access_key)
    return browser


def walk(app: Flask, browser: Browser, portal: Portal) -> dict[str, Page]:
    """Every page of one's own, by endpoint."""
    with app.app_context():
        rules = [
            rule
            for rule in app.url_map.iter_rules()
            if "GET" in (rule.methods or ())
            and not rule.arguments
            and (not is_public(rule.endpoint) or rule.endpoint == "mfa.resync")
        ]
    return {rule.endpoint: browser.open(portal.url + rule.rule) for rule in rules}


def said(page: Page) -> str:
    """Without the template's line breaks."""
    return " ".join(page.text.split())


def nothing_bare(pages: dict[str, Page]) -> None:
    for endpoint, page in pages.items():
        assert page.status in (200, 403, 404), f"{endpoint}: {page.status}"
        if page.status == 403:
            whose = "iam:" in page.text or "for the administrators of this portal" in page.text
            assert whose and "dministrator" in page.text, f"{endpoint}: {page.text}"


def places(page: Page) -> list[str]:
    nav = BeautifulSoup(page.html, "html.parser").select_one("nav[aria-label=Pages]")
    return [link.get_text() for link in nav.find_all("a")] if nav else []


def test_every_page_says_what_is_missing_and_whom_to_ask(
    app: Flask, portal: Portal, sandbox: Sandbox, clock: Clock
) -> None:
    nadia = hire(sandbox, "nadia")
    clock.move(10)
    browser = sign_in(portal, nadia)
    assert "Next: set up MFA" in said(browser.page) and "Change my console password" not in said(browser.page)
    nothing_bare(walk(app, browser, portal))
    told = said(browser.open(f"{portal.url}/password"))
    assert "Your policy wants MFA first" in told and "Forgotten" not in told, "nothing is promised that it forbids"

    phone = nadia.given_device(clock, nadia.name)
    browser = sign_in(portal, nadia)
    browser.submit(code=phone.next())
    overview = browser.page
    assert places(overview) == ["Overview", "MFA", "Password", "Certificates", "Activity", "Account"]
    assert "Your policy does not allow iam:ListAccessKeys" in said(overview)
    pages = walk(app, browser, portal)
    nothing_bare(pages)
    assert pages["access_keys.index"].status == 403
    assert "iam:ListAccessKeys" in pages["access_keys.index"].text
    assert pages["ssh_keys.index"].status == pages["certificates.new"].status == 403
    assert "iam:UploadSigningCertificate" in pages["certificates.index"].text
    assert pages["password.new"].status == 403 and "iam:GetLoginProfile" in pages["password.new"].text
    assert pages["password.index"].status == 200
    assert "The one you sign in to the AWS console with." in pages["password.index"].text
    assert "I forgot it" not in pages["password.index"].text and "Remove it" not in pages["password.index"].text
    assert pages["account.index"].status == 200 and "iam:ListUsers" in pages["account.index"].text
    mine = [call for call in sandbox.calls() if nadia.name in call["principal"] and "latchkey" in call["user_agent"]]
    assert all(call["action"] != "iam:ListAccessKeys" for call in mine), "what cannot work is not asked"


def test_a_leftover_that_only_administrators_can_delete_is_not_in_the_way(
    portal: Portal, sandbox: Sandbox, clock: Clock
) -> None:
    nadia = hire(sandbox, "nadia")
    nadia.client("iam").create_virtual_mfa_device(VirtualMFADeviceName=nadia.name)
    clock.move(10)
    browser = sign_in(portal, nadia)
    browser.submit(1)
    assert browser.page.url.endswith("/mfa/enroll"), said(browser.page)
    assert nadia.unassigned() == [nadia.serial_number, f"{nadia.serial_number}/device-2"]


def test_leftovers_are_not_in_the_way_of_further_devices_either(
    portal: Portal, sandbox: Sandbox, clock: Clock
) -> None:
    nadia = hire(sandbox, "nadia")
    phone, own = nadia.given_device(clock, nadia.name), nadia.serial_number
    clock.move(10)
    nadia.with_code("iam", phone.next()).create_virtual_mfa_device(
        Path=f"/{nadia.name}/", VirtualMFADeviceName="device-2"
    )
    browser = sign_in(portal, nadia)
    browser.submit(code=phone.next())

    def press(page: str, action: str) -> None:
        browser.open(f"{portal.url}{page}")
        forms = BeautifulSoup(browser.page.html, "html.parser").find_all("form")
        browser.submit(next(place for place, form in enumerate(forms) if action in str(form.get("action"))))

    press("/mfa", "/mfa/add")
    assert browser.page.url.endswith("/mfa/enroll"), said(browser.page)
    assert nadia.unassigned() == [f"{own}/device-2", f"{own}/device-3"]
    press("/mfa/enroll", "/mfa/enroll/begin")
    assert browser.page.url.endswith("/mfa/enroll"), said(browser.page)
    assert nadia.unassigned() == [f"{own}/device-2", f"{own}/device-3", f"{own}/device-4"]
    assert nadia.devices() == [own]


# -- the table behind it

ACCOUNT = "123456789012"


def alice(variant: str) -> Permits:
    return Permits(read(variant), ACCOUNT, "aws", "alice", f"arn:aws:iam::{ACCOUNT}:user/alice")


EARLY = {"see-devices", "enroll", "resync"}
WITH_MFA = EARLY | {"change-password", "password-rules", "access-keys", "ssh-keys", "signing-certificates"}
PASSWORDS = {"set-password", "remove-password", "account-overview", "account-alias"}
OFFERED: dict[str, tuple[set[str], set[str]]] = {
    "tutorial": (
        EARLY | {"restart-enrollment", "change-password", "account-alias"},
        (WITH_MFA - {"password-rules"}) | PASSWORDS | {"restart-enrollment", "give-up-device"},
    ),
    "recommended": (
        {feature.code for feature in FEATURES if feature.early},
        {feature.code for feature in FEATURES},
    ),
    "2017-12": (
        EARLY | {"restart-enrollment", "account-alias"},
        WITH_MFA | PASSWORDS | {"restart-enrollment", "give-up-device"},
    ),
    "2018-02": (
        EARLY | {"restart-enrollment", "account-alias"},
        WITH_MFA | PASSWORDS | {"restart-enrollment", "give-up-device"},
    ),
    "2018-11": (EARLY | {"account-alias"}, WITH_MFA | PASSWORDS | {"restart-enrollment", "give-up-device"}),
    "2019-01": (EARLY, WITH_MFA | {"restart-enrollment", "give-up-device"}),
    "2021-05": (EARLY, WITH_MFA | {"restart-enrollment", "give-up-device"}),
    "2022-11": (EARLY, WITH_MFA | {"further-device"}),
    "2023-11": (EARLY, WITH_MFA | {"further-device", "key-last-use"}),
    "re-post": (set(), set()),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_offered_under_each_published_document(variant: str) -> None:
    before, after = OFFERED[variant]
    for mfa in (None, False):
        assert offers(alice(variant), mfa) == before
    assert offers(alice(variant), True) == after


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_offered_is_never_ruled_out(variant: str) -> None:
    for mfa in (None, False, True):
        for code in offers(alice(variant), mfa):
            assert not any(ruled_out(need, alice(variant), mfa) for need in BY_CODE[code].needs)


def test_every_guarded_page_asks_for_a_live_action(app: Flask) -> None:
    needed = [need for view in app.view_functions.values() for need in needed_by(view)]
    assert needed
    assert {need.action for need in needed} <= live_actions()
    assert not any(ruled_out(need, alice("recommended"), True) for need in needed)
    assert not any(ruled_out(need, alice("tutorial"), True) for need in needed)
