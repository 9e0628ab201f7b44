"""MFA for life: more devices, another phone, and what the policy lets one do with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.errors import NotAllowed
from app.mfa.devices import LastDevice, WouldLockOut
from tests.browser.conftest import Visiting, prove
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire, hire_without_key
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader


def come_in(browser: Reader, employee: Employee, phone: Phone, **chosen: str) -> Reader:
    """A new sign-in with a device."""
    browser.clock.move(20)
    browser.sign_in(employee)
    browser.submit("/sign-in/code", code=phone.next(), **chosen)
    assert browser.is_inside(employee.name)
    return browser


@pytest.mark.both_policies
def test_a_second_device_where_the_policy_allows_it(
    visiting: Visiting, browser_of_policy: Surfer | Reader, nadia: Employee, policy: str
) -> None:
    surfer = browser_of_policy
    surfer.arrive_with_mfa(nadia, at="/mfa")
    if policy == "tutorial":
        assert "one-device-only" in surfer.states
        assert f"{nadia.serial_number}/*" in surfer.text
        assert not surfer.has("/mfa/add")
        return
    surfer.submit("/mfa/add")
    tablet = prove(surfer)
    second = f"{nadia.serial_number}/device-2"
    assert nadia.devices() == [nadia.serial_number, second]
    come_in(visiting(), nadia, tablet, serial_number=second)

    surfer.follow(f"/mfa/remove?id={second}")
    assert second in surfer.text and second in nadia.devices(), "asked before"
    surfer.submit("/mfa/remove")
    assert nadia.devices() == [nadia.serial_number]
    assert not nadia.unassigned()


def test_devices_have_names_that_people_choose(
    visiting: Visiting, surfer: Surfer, nadia: Employee, phone: Phone
) -> None:
    surfer.page.locator("[data-rename] summary").first.click()
    surfer.submit("/mfa/name", label="iPhone 15")
    assert (surfer.path, surfer.notices) == ("/mfa", ["success"])
    surfer.submit("/mfa/add", label="Nadia’s tablet")
    assert surfer.value("label") == "Nadia’s tablet"
    tablet = prove(surfer)
    second = f"{nadia.serial_number}/Nadia-s-tablet"
    assert nadia.devices() == [nadia.serial_number, second], "the policy lets her choose the path, too"

    other = visiting()
    surfer.clock.move(20)
    other.sign_in(nadia)
    labels = {label.get_text().strip(): label["for"] for label in other.soup.select("fieldset label")}
    assert list(labels) == ["iPhone 15", "Nadia’s tablet"], "no ARNs"
    (field,) = other.soup.select(f"#{labels['Nadia’s tablet']}")
    other.submit("/sign-in/code", serial_number=str(field["value"]), code=tablet.next())
    assert other.is_inside(nadia.name)

    surfer.navigate("/mfa")
    surfer.follow(f"/mfa/remove?id={second}")
    assert "Nadia’s tablet" in surfer.heading
    surfer.submit("/mfa/remove")
    assert "iPhone 15" in surfer.text and "Nadia’s tablet" not in surfer.text
    entry = f"{nadia.name}/Nadia-s-tablet@"
    assert entry in surfer.at("[data-notice]"), "the entry to delete, of two that look alike"


def test_a_backup_is_printed_before_it_works_and_shown_no_more_after(
    surfer: Surfer, nadia: Employee, phone: Phone
) -> None:
    surfer.click("[data-print-backup] button")
    assert surfer.path == "/mfa/enroll/print"
    paper = surfer.scan()
    surfer.page.emulate_media(media="print")
    assert surfer.page.locator("[data-qr]").is_visible() and surfer.page.locator("#seed").is_visible()
    at_aws = surfer.at("[data-device]")
    assert surfer.at("[data-portal]") == surfer.url, "the paper says where to sign in"
    assert not surfer.page.locator("[data-print]").is_visible()
    surfer.page.emulate_media(media="screen")
    assert surfer.at("#seed").replace(" ", "") == paper.seed
    surfer.follow("/mfa/enroll")
    surfer.give_two_codes(paper)
    (backup,) = (serial for serial in nadia.devices() if serial.endswith(f":mfa/{at_aws}"))
    assert len(nadia.devices()) == 2 and backup != nadia.serial_number
    assert f"{at_aws}@" in surfer.at("[data-notice]"), "the entry to delete is not the phone's"
    surfer.open("/mfa/enroll/print")
    assert surfer.path == "/mfa" and paper.seed not in surfer.page.content().replace(" ", "")


def test_the_only_device_is_not_removed(visiting: Visiting, nadia: Employee) -> None:
    surfer = visiting()
    surfer.arrive_with_mfa(nadia, at="/mfa")
    assert not surfer.leads_to("/mfa/remove")
    surfer.open(f"/mfa/remove?id={nadia.serial_number}")
    assert (surfer.path, surfer.refused_as) == ("/mfa", LastDevice.code)
    assert nadia.devices() == [nadia.serial_number]


@pytest.mark.both_policies
def test_another_phone(visiting: Visiting, browser_of_policy: Surfer | Reader, nadia: Employee, policy: str) -> None:
    surfer = browser_of_policy
    surfer.arrive_with_mfa(nadia, at="/mfa")
    surfer.follow("/mfa/replace")
    if policy == "tutorial":
        assert "old-goes-first" in surfer.states
        assert nadia.access_key_id in surfer.text, "the way back in"
        surfer.submit("/mfa/replace")
        assert nadia.devices() == [] and nadia.leftover()
        new = prove(surfer)
        assert nadia.devices() == [nadia.serial_number]
    else:
        assert "new-comes-first" in surfer.states
        surfer.submit("/mfa/replace")
        new = prove(surfer)
        assert surfer.path == "/mfa/replaced"
        assert len(nadia.devices()) == 2, "nothing is given up before the new one is proven"
        surfer.submit("/mfa/replaced")
        assert nadia.devices() == [f"{nadia.serial_number}/device-2"]
        # Next time the own serial number is free again: whichever is, is used.
        surfer.follow("/mfa/replace")
        surfer.submit("/mfa/replace")
        new = prove(surfer)
        surfer.submit("/mfa/replaced")
        assert nadia.devices() == [nadia.serial_number]
    assert not nadia.unassigned()
    come_in(visiting(), nadia, new)


@pytest.mark.both_policies
def test_a_hardware_token(
    browser_of_policy: Surfer | Reader, nadia: Employee, sandbox: Sandbox, clock: Clock
) -> None:
    serial_number, seed = min(sandbox.facts["hardware_tokens"].items())
    token = Phone(clock, f"otpauth://totp/token?secret={seed}")
    surfer = browser_of_policy
    surfer.begin_enrolling(nadia)
    surfer.follow("/mfa/hardware")
    surfer.submit("/mfa/hardware", serial_number="12", first_code="1", second_code="")
    assert surfer.invalid == ["serial_number", "first_code", "second_code"]
    first = token.next()
    surfer.submit("/mfa/hardware", serial_number="GAHT99999999", first_code=first, second_code=token.next())
    assert (surfer.invalid, nadia.devices()) == (["serial_number"], []), "AWS knows none with this number"
    assert surfer.value("serial_number") == "GAHT99999999"
    first = token.next()
    surfer.submit("/mfa/hardware", serial_number=serial_number, first_code=first, second_code=token.next())
    assert nadia.devices() == [serial_number]
    surfer.upgrade(token)
    surfer.navigate("/mfa")
    assert f"hardware:{serial_number}" in surfer.states
    # The own serial number is free, so a phone can take the token's place under either policy.
    surfer.follow("/mfa/replace")
    surfer.submit("/mfa/replace")
    prove(surfer)
    surfer.submit("/mfa/replaced")
    assert nadia.devices() == [nadia.serial_number]
    assert "@" not in surfer.at("[data-notice]"), "no app has an entry of a token"


def test_giving_up_a_device_is_confirmed(visiting: Visiting, nadia: Employee, clock: Clock) -> None:
    surfer = visiting()
    phone = surfer.arrive_with_mfa(nadia)
    for _ in range(3):
        clock.move(11 * 60)
        surfer.open("/mfa")
    surfer.follow("/mfa/replace")
    assert (surfer.path, surfer.user_name) == ("/sign-in", nadia.name), "to confirm that it is her"
    key = {"access_key_id": nadia.access_key_id, "secret_access_key": nadia.secret_access_key}
    surfer.submit("/sign-in", **key)
    surfer.submit("/sign-in/code", code=phone.next())
    assert surfer.path == "/mfa/replace", "back where she was"


def test_a_qr_code_waits_a_quarter_of_an_hour(
    visiting: Visiting, nadia: Employee, clock: Clock, sandbox: Sandbox
) -> None:
    surfer = visiting()
    surfer.arrive_with_mfa(nadia, at="/mfa")
    surfer.follow("/mfa/replace")
    surfer.submit("/mfa/replace")
    stale, begun = surfer.scan(), nadia.unassigned()
    assert len(begun) == 1
    clock.move(8 * 60)
    surfer.open("/mfa/enroll")
    assert surfer.scan().seed == stale.seed, "she is still at it"
    first = stale.next()
    second = stale.next()
    clock.move(8 * 60)
    mark = sandbox.mark()
    surfer.submit("/mfa/enroll", first_code=first, second_code=second)
    assert (surfer.path, surfer.refused_as) == ("/mfa", "qr-code-over")
    assert stale.seed not in surfer.html.replace(" ", "")
    assert "iam:EnableMFADevice" not in {call["action"] for call in sandbox.calls(mark)}
    assert nadia.devices() == [nadia.serial_number], "the old phone still is the one"


@pytest.mark.both_policies
def test_what_may_not_be_deleted_goes_into_a_note(
    browser_of_policy: Surfer | Reader, nadia: Employee, sandbox: Sandbox, clock: Clock
) -> None:
    surfer = browser_of_policy
    surfer.arrive_with_mfa(nadia, at="/mfa")
    tablet = f"{nadia.name}-tablet"
    nadia.given_device(clock, tablet)
    surfer.navigate("/mfa")
    other = f"arn:aws:iam::{sandbox.account_id}:mfa/{tablet}"
    surfer.follow(f"/mfa/remove?id={other}")
    surfer.submit("/mfa/remove")
    assert nadia.devices() == [nadia.serial_number]
    assert f"left-behind:{other}" in surfer.states
    note = surfer.at("#note-1")
    assert note.endswith(f"aws iam delete-virtual-mfa-device --serial-number {other}")


def test_nobody_touches_anothers_device(visiting: Visiting, nadia: Employee, sandbox: Sandbox) -> None:
    surfer = visiting()
    surfer.arrive_with_mfa(nadia)
    administrators = sandbox.user("Administrator")["mfa"]["serial_number"]
    for page in ("remove", "replace"):
        surfer.open(f"/mfa/{page}?id={administrators}")
        assert surfer.refused_as == "not-yours", "as for one that there never was"


def test_the_kinds_that_cannot_be_enrolled_are_explained(surfer: Surfer, nadia: Employee, phone: Phone) -> None:
    assert "security-keys-at-console" in surfer.states
    text_messages = surfer.page.locator("[data-state=no-text-messages]")
    text_messages.locator("summary").click()
    assert text_messages.locator("p").is_visible()


def stricter(file: Path, *, own_only: bool) -> Path:
    """A document of an administrator's own: no resync, and before MFA no new device; perhaps no second one."""
    document = json.loads(Path("app/policy/force_mfa.json").read_text())
    for statement in document["Statement"]:
        if "Action" in statement:
            statement["Action"] = [each for each in statement["Action"] if each != "iam:ResyncMFADevice"]
        if statement["Effect"] == "Deny":
            statement["NotAction"].remove("iam:CreateVirtualMFADevice")
        if own_only and "iam:CreateVirtualMFADevice" in statement.get("Action", ()):
            statement["Resource"] = statement["Resource"][:1]
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize("own_only", [True, False], ids=["one device", "several"])
def test_under_a_stricter_policy_only_what_can_work_is_offered(
    visiting: Visiting, scratch: Path, clock: Clock, own_only: bool
) -> None:
    file = str(stricter(scratch / f"strict-{own_only}.json", own_only=own_only))
    with Sandbox(scratch / f"strict-aws-{own_only}", clock, "--policy", file) as aws:
        nadia = hire(aws, "nadia")
        phone = nadia.given_device(clock, nadia.name)
        clock.move(40)
        with Portal(scratch / f"strict-portal-{own_only}", aws, FORCE_MFA_POLICY=file) as portal:
            surfer = come_in(visiting(portal.url), nadia, phone)
            surfer.open("/mfa")
            assert not surfer.leads_to("/mfa/resync")
            surfer.follow("/mfa/replace")
            if own_only:
                assert surfer.refused_as == WouldLockOut.code
                assert nadia.devices() == [nadia.serial_number]
            else:
                assert "new-comes-first" in surfer.states, "there is room for a second one"
            surfer.open("/mfa/resync")
            first = phone.next()
            surfer.submit("/mfa/resync", first_code=first, second_code=phone.next())
            assert surfer.refused_as == NotAllowed.code
            assert "iam:ResyncMFADevice" in surfer.text, "what AWS refuses is named"


def test_with_a_password_only_another_phone(visiting: Visiting, sandbox: Sandbox, clock: Clock) -> None:
    marta = hire_without_key(sandbox, "marta")
    phone = marta.given_device(clock, marta.name)
    clock.move(40)
    surfer = visiting()
    surfer.sign_in_at_aws(marta, phone)
    surfer.navigate("/mfa")
    surfer.follow("/mfa/replace")
    surfer.submit("/mfa/replace")
    prove(surfer)
    surfer.submit("/mfa/replaced")
    assert marta.devices() == [f"{marta.serial_number}/device-2"]
