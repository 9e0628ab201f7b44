"""Under AWS's policy of 2022 with many statements removed: no page is only "access denied"."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import pytest
from flask import Flask

from app.factory import create_app
from app.policy.documents import VARIANTS, read
from app.policy.features import BY_CODE, FEATURES, offers, ruled_out
from app.policy.permits import Permits
from app.policy.portal_actions import live_actions
from app.web.guards import is_public
from app.web.permissions import needed_by
from config import from_env
from tests.support.clock import Clock
from tests.support.marks import SECRET_KEY
from tests.support.people import Employee, hire
from tests.support.portal import AUDIT_KEYS, Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Visitor


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


def sign_in(portal: Portal, employee: Employee, code: str = "") -> Visitor:
    return Visitor(portal.url).sign_in(employee, code)


def walk(app: Flask, visitor: Visitor) -> dict[str, Visitor]:
    """Every page a user has for themselves, by endpoint."""
    with app.app_context():
        rules = [
            rule
            for rule in app.url_map.iter_rules()
            if "GET" in (rule.methods or ())
            and not rule.arguments
            and (not is_public(rule.endpoint) or rule.endpoint == "mfa.resync")
        ]
    return {rule.endpoint: copy(visitor.open(rule.rule)) for rule in rules}


def note(page: Visitor) -> str:
    """The note to the administrator that the page offers to copy."""
    return page.at("#note-missing")


def unread(page: Visitor) -> list[str]:
    """Actions without which the page doesn't show something."""
    return [str(each["data-unread"]) for each in page.soup.select("main [data-unread]")]


def leads_to(page: Visitor, address: str) -> bool:
    """Whether a link in the page leads there."""
    return bool(page.soup.select(f"main a[href='{address}']"))


def nothing_bare(pages: dict[str, Visitor]) -> None:
    for endpoint, page in pages.items():
        assert page.status in (200, 403, 404), f"{endpoint}: {page.status}"
        if page.status == 403:
            told = (page.refused_as, "iam:" in note(page))
            assert told in (("not-offered", True), ("for-administrators", False)), f"{endpoint}: {page.text}"


PLACES = ["/", "/mfa", "/password", "/access-keys", "/ssh-keys", "/certificates", "/activity"]


def places(page: Visitor) -> list[str]:
    """The addresses in the part of the navigation that every user has."""
    linked = {link["href"] for link in page.soup.select("nav a[href]")}
    return [place for place in PLACES if place in linked]


def test_every_page_says_what_is_missing_and_whom_to_ask(
    app: Flask, portal: Portal, sandbox: Sandbox, clock: Clock
) -> None:
    nadia = hire(sandbox, "nadia")
    clock.move(10)
    visitor = sign_in(portal, nadia)
    assert visitor.has("/mfa/enroll/begin") and not leads_to(visitor, "/password")
    nothing_bare(walk(app, visitor))
    assert visitor.open("/password").states == ["mfa-first"], "the page offers nothing that the policy forbids"

    phone = nadia.given_device(clock, nadia.name)
    visitor = sign_in(portal, nadia, phone.next())
    assert visitor.is_inside(nadia.name)
    assert places(visitor) == ["/", "/mfa", "/password", "/certificates", "/activity"]
    assert "iam:ListAccessKeys" in unread(visitor)
    pages = walk(app, visitor)
    nothing_bare(pages)
    assert pages["access_keys.index"].status == 403
    assert "iam:ListAccessKeys" in note(pages["access_keys.index"])
    assert pages["ssh_keys.index"].status == pages["certificates.new"].status == 403
    assert "not-allowed" in pages["certificates.index"].states
    assert "iam:UploadSigningCertificate" in pages["certificates.index"].text
    assert pages["password.new"].status == 403 and "iam:GetLoginProfile" in note(pages["password.new"])
    password = pages["password.index"]
    assert password.status == 200 and password.has("/password")
    assert not leads_to(password, "/password/new") and not leads_to(password, "/password/remove")
    assert pages["account.index"].status == 200 and "iam:ListUsers" in unread(pages["account.index"])
    mine = [call for call in sandbox.calls() if nadia.name in call["principal"] and "latchkey" in call["user_agent"]]
    assert all(call["action"] != "iam:ListAccessKeys" for call in mine), "the portal asks for nothing forbidden"


def test_a_leftover_that_only_administrators_can_delete_is_not_in_the_way(
    portal: Portal, sandbox: Sandbox, clock: Clock
) -> None:
    nadia = hire(sandbox, "nadia")
    nadia.client("iam").create_virtual_mfa_device(VirtualMFADeviceName=nadia.name)
    clock.move(10)
    visitor = sign_in(portal, nadia).submit("/mfa/enroll/begin")
    assert visitor.path == "/mfa/enroll", visitor.text
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
    visitor = sign_in(portal, nadia, phone.next())
    visitor.open("/mfa").submit("/mfa/add")
    assert visitor.path == "/mfa/enroll", visitor.text
    assert nadia.unassigned() == [f"{own}/device-2", f"{own}/device-3"]
    visitor.open("/mfa/enroll").submit("/mfa/enroll/begin")
    assert visitor.path == "/mfa/enroll", visitor.text
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
