"""Long names on narrow screens: nothing is cut off, and nothing must be scrolled sideways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.routing import Map

from tests.browser.conftest import Surfing
from tests.browser.test_every_page import NOT_PAGES
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.looks import too_wide
from tests.support.marks import PASSWORD
from tests.support.people import Employee, Phone
from tests.support.public_keys import certificate_pem, openssh
from tests.support.sandbox import Sandbox

LONG = "Wilhelmina.Maximiliane.Hohenstaufen-Wittelsbach@subsidiary.examp"
"""As long as IAM lets a user's name be."""


@pytest.fixture(scope="module")
def wilhelmina(sandbox: Sandbox, clock: Clock) -> Employee:
    """A key, a password, an SSH key, a certificate and a token, and no virtual device yet."""
    assert len(LONG) == 64
    iam = sandbox.as_administrator("iam")
    iam.create_user(UserName=LONG)
    iam.add_user_to_group(GroupName="EC2MFA", UserName=LONG)
    iam.create_login_profile(UserName=LONG, Password=PASSWORD)
    ends = datetime.fromtimestamp(int(clock.time()), UTC) + timedelta(days=20)
    iam.upload_ssh_public_key(UserName=LONG, SSHPublicKeyBody=openssh())
    iam.upload_signing_certificate(UserName=LONG, CertificateBody=certificate_pem(ends=ends))
    key = iam.create_access_key(UserName=LONG)["AccessKey"]
    clock.move(10)
    return Employee(sandbox, LONG, key["AccessKeyId"], key["SecretAccessKey"])


def fits(surfer: Surfer) -> None:
    assert not (found := too_wide(surfer.page)), f"{surfer.page.url}: {found}"


def addresses(url_map: Map) -> list[str]:
    """Of all pages that take no argument."""
    pages = [
        rule
        for rule in url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments and rule.endpoint not in NOT_PAGES
    ]
    return sorted(rule.rule for rule in pages)


def test_a_long_name_fits_on_every_page(
    surfing: Surfing, wilhelmina: Employee, url_map: Map, sandbox: Sandbox, clock: Clock
) -> None:
    surfer = surfing()
    surfer.sign_in(wilhelmina)
    for address in ("/", "/mfa/enroll", "/mfa/lost", "/password"):
        surfer.open(address)
        fits(surfer)
    surfer.open("/")
    surfer.submit("/mfa/enroll/begin")
    fits(surfer)
    surfer.give_two_codes(phone := surfer.scan())
    surfer.submit("/mfa/activate", code="12345")
    fits(surfer)
    surfer.upgrade(phone)
    wilhelmina.given_device(clock, f"{LONG}-{LONG}")
    surfer.open("/access-keys")
    surfer.submit("/access-keys/create")
    for address in addresses(url_map):
        surfer.open(address)
        fits(surfer)
    iam, name = sandbox.as_administrator("iam"), {"UserName": LONG}
    one = {
        "/mfa/remove?id=": wilhelmina.serial_number,
        "/mfa/replace?id=": wilhelmina.serial_number,
        "/mfa/resync?id=": wilhelmina.serial_number,
        "/access-keys/deactivate?id=": wilhelmina.access_key_id,
        "/access-keys/delete?id=": wilhelmina.access_key_id,
        "/ssh-keys/delete?id=": iam.list_ssh_public_keys(**name)["SSHPublicKeys"][0]["SSHPublicKeyId"],
        "/certificates/delete?id=": iam.list_signing_certificates(**name)["Certificates"][0]["CertificateId"],
    }
    for address, value in one.items():
        surfer.open(address + value)
        assert surfer.refused_as != "no-such-page"
        fits(surfer)

    again = surfing()
    again.sign_in(wilhelmina)
    assert again.path == "/sign-in/code" and f"{LONG}-{LONG}" in again.text, "one of two devices"
    fits(again)


def test_an_administrator_sees_a_long_name_whole(
    surfing: Surfing, wilhelmina: Employee, sandbox: Sandbox, clock: Clock
) -> None:
    user = sandbox.user("Administrator")
    surfer = surfing()
    surfer.sign_in(Employee(sandbox, "Administrator", user["access_key_id"], user["secret_access_key"]))
    phone = Phone(clock, f"otpauth://totp/Administrator?secret={user['mfa']['seed']}")
    surfer.submit("/sign-in/code", code=phone.next())
    surfer.open("/compliance")
    surfer.refresh_compliance()
    account = f"account={sandbox.account_id}"
    for address in (
        "/compliance", f"/compliance/people?text={LONG}", f"/compliance/people/{LONG}", "/compliance/rules",
        "/compliance/rules/mfa", "/compliance/reminders?rule=mfa", f"/compliance/exceptions?user={LONG}",
        "/compliance/report", "/activity/everyone", "/policy", "/policy/check", "/policy/try", "/policy/write",
    ):  # fmt: skip
        surfer.open(f"{address}{'&' if '?' in address else '?'}{account}")
        assert surfer.refused_as != "no-such-page"
        fits(surfer)


def test_a_new_secret_is_whole_on_a_phone_without_javascript(surfing: Surfing, nadia: Employee) -> None:
    surfer = surfing(javascript=False, width=375)
    surfer.sign_in(nadia)
    surfer.get_mfa()
    surfer.open("/access-keys")
    surfer.submit("/access-keys/create")
    box = surfer.page.locator("#secret-access-key")
    assert len(box.inner_text()) == 40
    widths = "element => [element.scrollWidth, element.clientWidth, element.getBoundingClientRect().right]"
    needs, has, right = box.evaluate(widths)
    assert needs <= has and right <= 375, "no part of it is out of sight"
