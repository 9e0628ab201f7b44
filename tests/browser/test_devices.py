"""MFA for life: more devices, another phone, codes that are refused, a lost phone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.browser.conftest import Surfing
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire, hire_without_key
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox


@pytest.fixture
def surfer(surfing: Surfing, nadia: Employee) -> Surfer:
    """Nadia's browser."""
    return surfing()


@pytest.fixture
def phone(surfer: Surfer, nadia: Employee) -> Phone:
    """Nadia's first device; her session has MFA."""
    surfer.sign_in(nadia)
    enrolled = surfer.enroll()
    surfer.upgrade(enrolled)
    surfer.press_nav("MFA")
    return enrolled


def prove(surfer: Surfer) -> Phone:
    """Scan what is shown and give two codes."""
    scanned = surfer.scan()
    first = scanned.next()
    surfer.type(first_code=first, second_code=scanned.next())
    surfer.press("Add this device")
    return scanned


def come_in(surfing: Surfing, employee: Employee, phone: Phone, device: str = "") -> Surfer:
    """A new sign-in with a device."""
    surfer = surfing()
    surfer.clock.move(20)
    surfer.sign_in(employee)
    if device:
        surfer.page.get_by_label(device, exact=True).check()
    surfer.type(code=phone.next())
    surfer.press("Sign in")
    assert surfer.heading == f"Hello, {employee.name}"
    return surfer


def test_a_second_device_where_the_policy_allows_it(
    surfing: Surfing, surfer: Surfer, nadia: Employee, phone: Phone, policy: str
) -> None:
    if policy == "tutorial":
        assert "Your policy allows one virtual device of your own" in surfer.text
        assert f"{nadia.serial_number}/*" in surfer.text
        assert surfer.page.get_by_role("button", name="Add an authenticator app").count() == 0
        return
    surfer.press("Add an authenticator app")
    tablet = prove(surfer)
    second = f"{nadia.serial_number}/device-2"
    assert nadia.devices() == [nadia.serial_number, second]
    come_in(surfing, nadia, tablet, second)

    surfer.page.get_by_role("link", name=f"Remove {second}", exact=True).click()
    surfer.page.wait_for_load_state()
    surfer.inspect()
    assert "From then on it opens nothing" in surfer.text
    surfer.press("Remove this device")
    assert nadia.devices() == [nadia.serial_number]
    assert not nadia.unassigned()


def test_the_only_device_is_not_removed(surfer: Surfer, nadia: Employee, phone: Phone) -> None:
    assert surfer.page.get_by_role("link", name="Remove").count() == 0
    surfer.open(f"/mfa/remove?serial={nadia.serial_number}")
    assert "replace it instead" in surfer.text
    assert nadia.devices() == [nadia.serial_number]


def test_another_phone(surfing: Surfing, surfer: Surfer, nadia: Employee, phone: Phone, policy: str) -> None:
    surfer.press("Replace")
    if policy == "tutorial":
        assert "the old one has to go first" in surfer.text
        assert f"with your access key {nadia.access_key_id}, without a code" in surfer.text
        surfer.press("Remove the old one and go on")
        assert nadia.devices() == [] and nadia.leftover()
        new = prove(surfer)
        assert nadia.devices() == [nadia.serial_number]
    else:
        assert "the old one goes on working" in surfer.text
        surfer.press("Begin")
        new = prove(surfer)
        assert surfer.heading == "Give up the old device"
        assert len(nadia.devices()) == 2, "nothing is given up before the new one is proven"
        surfer.press("Remove the old device")
        assert nadia.devices() == [f"{nadia.serial_number}/device-2"]
        # Next time the own serial number is free again: whichever is, is used.
        surfer.press("Replace")
        surfer.press("Begin")
        new = prove(surfer)
        surfer.press("Remove the old device")
        assert nadia.devices() == [nadia.serial_number]
    assert not nadia.unassigned()
    come_in(surfing, nadia, new)


def test_replacing_is_taken_up_where_it_was_left(
    surfing: Surfing, surfer: Surfer, nadia: Employee, phone: Phone, portal: Portal, policy: str
) -> None:
    surfer.press("Replace")
    surfer.press("Remove the old one and go on" if policy == "tutorial" else "Begin")
    portal.kill()
    portal.start()
    surfer.open("/")
    if policy == "tutorial":  # no device, and the session is as it was
        surfer.open("/mfa")
        assert "A new device is waiting for two codes" in surfer.text
        surfer.page.context.clear_cookies()
        surfer.sign_in(nadia)
        assert "Next: set up MFA" in surfer.text, "the key alone lets her begin anew"
        surfer.upgrade(surfer.enroll())
    else:
        surfer.open("/mfa")
        surfer.press("Go on")
        prove(surfer)
        portal.kill()
        portal.start()
        surfer.open("/mfa")
        assert "One step left: give up the old device" in surfer.text
        surfer.press("Go on")
        surfer.press("Remove the old device")
    assert len(nadia.devices()) == 1
    assert not nadia.unassigned()
    checked = portal.flask("activity", "verify")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("lost", ["reset-before", "reset-after"])
def test_the_answer_to_giving_up_is_lost(
    surfer: Surfer,
    nadia: Employee,
    phone: Phone,
    sandbox: Sandbox,
    policy: str,
    lost: str,
    portal: Portal,
    clock: Clock,
) -> None:
    surfer.press("Replace")
    if policy == "recommended":
        surfer.press("Begin")
        prove(surfer)
    sandbox.set_faults([{"action": "iam:DeactivateMFADevice", "occurrences": [1], "fault": lost}])
    surfer.press("Remove the old one and go on" if policy == "tutorial" else "Remove the old device")
    sandbox.set_faults([])
    if lost == "reset-before":
        assert "could not be reached" in surfer.text
        assert nadia.serial_number in nadia.devices()
    else:
        assert nadia.serial_number not in nadia.devices()
    surfer.open("/activity?kind=mfa-device-deactivated")
    told = surfer.page.locator(".badge-outcome").all_inner_texts()
    if lost == "reset-before":
        assert told == ["unknown: AWS did not answer"], "AWS may only not show it yet"
    clock.move(31)
    surfer.page.reload()
    told = surfer.page.locator(".badge-outcome").all_inner_texts()
    assert told == ["did not happen, found later" if lost == "reset-before" else "done, found later"]
    assert ("mfa-device-deactivated", "unknown", "Unanswered") in portal.activity(nadia.name)


@pytest.mark.one_policy
def test_sessions_may_die_with_their_device(surfing: Surfing, scratch: Path, clock: Clock, policy: str) -> None:
    with Sandbox(
        scratch / f"mortal-{policy}", clock, "--policy", policy, "--outcome", "sessions-die-with=device"
    ) as aws:
        nadia = hire(aws, "nadia")
        with Portal(scratch / f"mortal-portal-{policy}", aws, FORCE_MFA_POLICY=policy) as portal:
            surfer = surfing(portal.url)
            surfer.sign_in(nadia)
            surfer.upgrade(surfer.enroll())
            surfer.open("/mfa")
            surfer.press("Replace")
            if policy == "tutorial":
                surfer.press("Remove the old one and go on")
            else:
                surfer.press("Begin")
                prove(surfer)
                surfer.press("Remove the old device")
            assert surfer.path == "/sign-in", "AWS ended the session with the device"
            surfer.sign_in(nadia)
            if policy == "tutorial":
                surfer.upgrade(surfer.enroll())
                assert nadia.devices() == [nadia.serial_number]
                assert not nadia.unassigned()
            else:
                assert surfer.heading == "MFA code", "the new device is asked for"


def test_out_of_step_at_the_door(
    surfing: Surfing, surfer: Surfer, nadia: Employee, phone: Phone, clock: Clock
) -> None:
    slow = Phone(clock, f"otpauth://totp/x?secret={phone.seed}", slow_s=600)
    other = surfing()
    other.sign_in(nadia)
    assert other.page.get_by_text("back into step").count() == 0, "offered where it helps, not before"
    other.type(code=slow.next())
    other.press("Sign in")
    other.page.get_by_role("link", name="Get your device back into step").click()
    other.page.wait_for_load_state()
    other.inspect()
    code = slow.next()
    other.type(first_code=code, second_code=code)
    other.press("Resync")
    assert "the same code twice" in other.text
    # New codes of a slow clock are older than the pair of the enrollment until its ten minutes have passed.
    clock.move(601)
    other.sign_in(nadia)
    other.open("/mfa/resync")
    first = slow.next()
    other.type(first_code=first, second_code=slow.next())
    other.press("Resync")
    assert "knows your device’s clock again" in other.text
    clock.move(10)
    other.type(code=slow.next())
    other.press("Sign in")
    assert other.heading == f"Hello, {nadia.name}"


def test_a_hardware_token(surfing: Surfing, nadia: Employee, sandbox: Sandbox, clock: Clock, policy: str) -> None:
    serial_number, seed = min(sandbox.facts["hardware_tokens"].items())
    token = Phone(clock, f"otpauth://totp/token?secret={seed}")
    surfer = surfing()
    surfer.sign_in(nadia)
    surfer.press("Set up MFA")
    surfer.press("I have a hardware token")
    surfer.type(serial_number="12", first_code="1", second_code="")
    surfer.press("Add the token")
    assert "number on the back" in surfer.text
    first = token.next()
    surfer.type(serial_number="GAHT99999999", first_code=first, second_code=token.next())
    surfer.press("Add the token")
    assert "AWS knows no token with this number" in surfer.text
    assert surfer.value("serial_number") == "GAHT99999999"
    first = token.next()
    surfer.type(serial_number=serial_number, first_code=first, second_code=token.next())
    surfer.press("Add the token")
    assert nadia.devices() == [serial_number]
    surfer.upgrade(token)
    surfer.press_nav("MFA")
    assert "Hardware token" in surfer.text
    # The own serial number is free, so a phone can take the token's place under either policy.
    surfer.press("Replace")
    surfer.press("Begin")
    prove(surfer)
    surfer.press("Remove the old device")
    assert nadia.devices() == [nadia.serial_number]


def test_only_a_security_key(surfing: Surfing, sandbox: Sandbox) -> None:
    user = sandbox.user("SecurityKeyUser")
    surfer = surfing()
    surfer.sign_in(Employee(sandbox, "SecurityKeyUser", user["access_key_id"], user["secret_access_key"]))
    assert "Your only MFA device is a security key" in surfer.text
    assert surfer.page.get_by_role("button", name="Continue to AWS").is_visible(), "where it works"


def test_a_lost_phone(surfing: Surfing, surfer: Surfer, nadia: Employee, phone: Phone, sandbox: Sandbox) -> None:
    other = surfing()
    other.open("/mfa/lost")
    assert "YOUR-USER-NAME" in other.page.locator("#note").inner_text()
    other.sign_in(nadia)
    other.page.get_by_role("link", name="I lost my device").click()
    other.page.wait_for_load_state()
    note = other.page.locator("#note").inner_text()
    assert f"user/{nadia.name}" in note
    # The administrator runs what the note says.
    iam = sandbox.as_administrator("iam")
    for line in note.splitlines():
        if line.startswith("aws iam "):
            words = line.split()
            options = dict(zip(words[3::2], words[4::2], strict=True))
            if words[2] == "deactivate-mfa-device":
                iam.deactivate_mfa_device(UserName=options["--user-name"], SerialNumber=options["--serial-number"])
            else:
                iam.delete_virtual_mfa_device(SerialNumber=options["--serial-number"])
    assert nadia.devices() == [] and not nadia.unassigned()
    other.sign_in(nadia)
    assert "Next: set up MFA" in other.text


def test_giving_up_a_device_is_confirmed(
    surfing: Surfing, surfer: Surfer, nadia: Employee, phone: Phone, clock: Clock
) -> None:
    surfer.open("/")
    for _ in range(3):
        clock.move(11 * 60)
        surfer.open("/mfa")
    surfer.press("Replace")
    assert surfer.heading == "Confirm that it is you"
    surfer.type(access_key_id=nadia.access_key_id, secret_access_key=nadia.secret_access_key)
    surfer.press("Sign in with the key")
    surfer.type(code=phone.next())
    surfer.press("Sign in")
    assert surfer.heading == "Replace a device", "back where she was"


def test_what_may_not_be_deleted_goes_into_a_note(
    surfer: Surfer, nadia: Employee, phone: Phone, sandbox: Sandbox, clock: Clock, policy: str
) -> None:
    tablet = f"{nadia.name}-tablet"
    nadia.given_device(clock, tablet)
    surfer.press_nav("MFA")
    other = f"arn:aws:iam::{sandbox.account_id}:mfa/{tablet}"
    surfer.page.get_by_role("link", name=f"Remove {other}", exact=True).click()
    surfer.page.wait_for_load_state()
    surfer.press("Remove this device")
    assert nadia.devices() == [nadia.serial_number]
    assert f"Left behind: {tablet}" in surfer.text
    note = surfer.page.locator("#note-1").inner_text()
    assert note.endswith(f"aws iam delete-virtual-mfa-device --serial-number {other}")


def test_nobody_touches_anothers_device(
    surfer: Surfer, nadia: Employee, phone: Phone, sandbox: Sandbox, clock: Clock
) -> None:
    administrators = sandbox.user("Administrator")["mfa"]["serial_number"]
    for page in ("remove", "replace"):
        surfer.open(f"/mfa/{page}?serial={administrators}")
        assert surfer.heading == "There is no such page"


def test_the_kinds_that_cannot_be_enrolled_are_explained(surfer: Surfer, nadia: Employee, phone: Phone) -> None:
    assert "A security key or passkey can be added only in the AWS console" in surfer.text
    surfer.page.get_by_text("And text messages?").click()
    assert "retired MFA by SMS in 2019" in surfer.text
    surfer.open("/mfa/finished")
    assert ".aws/config" in surfer.text
    shown = " ".join(surfer.page.locator(".copyable > pre").all_inner_texts())
    own_key = f"AWS_ACCESS_KEY_ID={nadia.access_key_id}"
    places = [shown.index(part) for part in ("unset AWS_ACCESS_KEY_ID", own_key, "aws sts get-session-token")]
    assert places == sorted(places), "the session is asked for with the key itself, not with an earlier session"


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


@pytest.mark.one_policy
@pytest.mark.parametrize("own_only", [True, False], ids=["one device", "several"])
def test_under_a_stricter_policy_only_what_can_work_is_offered(
    surfing: Surfing, scratch: Path, clock: Clock, policy: str, own_only: bool
) -> None:
    only_once(policy)
    file = str(stricter(scratch / f"strict-{own_only}.json", own_only=own_only))
    with Sandbox(scratch / f"strict-aws-{own_only}", clock, "--policy", file) as aws:
        nadia = hire(aws, "nadia")
        phone = nadia.given_device(clock, nadia.name)
        clock.move(40)
        with Portal(scratch / f"strict-portal-{own_only}", aws, FORCE_MFA_POLICY=file) as portal:
            surfer = come_in(lambda: surfing(portal.url), nadia, phone)
            surfer.press_nav("MFA")
            assert surfer.page.get_by_role("link", name="Codes are refused").count() == 0
            surfer.press("Replace")
            if own_only:
                assert "nobody gets back in here without an MFA device" in surfer.text
                assert nadia.devices() == [nadia.serial_number]
            else:
                assert "the old one goes on working" in surfer.text, "there is room for a second one"
            surfer.open("/mfa/resync")
            first = phone.next()
            surfer.type(first_code=first, second_code=phone.next())
            surfer.press("Resync")
            assert "iam:ResyncMFADevice" in surfer.text, "what AWS refuses is named"


def only_once(policy: str) -> None:
    """The story's own document decides, whichever policy the others run under."""
    if policy == "tutorial":
        pytest.skip("told once, under a document of its own")


KILLED_AT = {
    "iam:CreateVirtualMFADevice": ("mfa-device-created", "Show the QR code"),
    "iam:EnableMFADevice": ("mfa-device-enabled", "Turn on MFA"),
    "iam:DeactivateMFADevice": ("mfa-device-deactivated", "Remove this device"),
    "iam:DeleteVirtualMFADevice": ("mfa-device-deleted", "Remove this device"),
}


@pytest.mark.parametrize(
    "action",
    [
        "iam:CreateVirtualMFADevice",
        "iam:DeleteVirtualMFADevice",
        *(
            pytest.param(each, marks=pytest.mark.one_policy)
            for each in ("iam:EnableMFADevice", "iam:DeactivateMFADevice")
        ),
    ],
)
def test_the_portal_is_killed_while_aws_is_at_work(
    surfing: Surfing, sandbox: Sandbox, nadia: Employee, clock: Clock, portal: Portal, policy: str, action: str
) -> None:
    event, button = KILLED_AT[action]
    surfer = surfing()
    surfer.sign_in(nadia)
    giving_up = button == "Remove this device"
    tablet = f"{nadia.serial_number}/device-2" if policy == "recommended" else f"{nadia.serial_number}-tablet"
    if giving_up:
        surfer.upgrade(surfer.enroll())
        nadia.given_device(
            clock, tablet.rpartition("/")[2], path=tablet.partition(":mfa")[2].rpartition("/")[0] + "/"
        )
        surfer.open(f"/mfa/remove?serial={tablet}")
    else:
        surfer.open("/mfa/enroll")
        if action == "iam:EnableMFADevice":
            surfer.press("Show the QR code")
            phone = surfer.scan()
            first = phone.next()
            surfer.type(first_code=first, second_code=phone.next())
    if action == "iam:DeleteVirtualMFADevice" and policy == "tutorial":
        return  # it may not be deleted there: the note to the administrator is another story
    sandbox.set_faults([{"action": action, "fault": "latency", "latency_ms": 1500, "occurrences": [1]}])
    surfer.page.locator(f"main button:has-text('{button}')").click(no_wait_after=True)
    while not sandbox.begun(action):
        pass  # until AWS has it in hand
    portal.kill()
    assert (event, "intended", "") in portal.activity(nadia.name)
    assert (event, "done", "") not in portal.activity(nadia.name)
    while not [call for call in sandbox.calls() if call["action"] == action and nadia.name in call["principal"]]:
        pass  # AWS finishes what it was asked
    sandbox.set_faults([])
    portal.start()
    clock.move(61)
    surfer.open("/")
    assert (event, "found-done", "") in portal.activity(nadia.name)
    if action == "iam:CreateVirtualMFADevice":
        surfer.upgrade(surfer.enroll())
    elif action == "iam:EnableMFADevice":
        assert "One more code and you are there" in surfer.text
        surfer.press("Enter the code")
        surfer.upgrade(phone)
    elif policy == "recommended" and action == "iam:DeactivateMFADevice":
        surfer.press_nav("MFA")
        assert "Left behind: device-2" in surfer.text
        surfer.press("Delete it")
    assert nadia.devices() == [nadia.serial_number]
    assert policy == "tutorial" or not nadia.unassigned()
    checked = portal.flask("activity", "verify")
    assert checked.returncode == 0, checked.stdout


def test_with_a_password_only_another_phone(surfing: Surfing, sandbox: Sandbox, clock: Clock, policy: str) -> None:
    if policy == "tutorial":
        pytest.skip("grants no AWS Sign-In: that story is told with the sign-in")
    marta = hire_without_key(sandbox, "marta")
    phone = marta.given_device(clock, marta.name)
    clock.move(40)
    surfer = surfing()
    surfer.sign_in_at_aws(marta, phone)
    surfer.press_nav("MFA")
    surfer.press("Replace")
    surfer.press("Begin")
    prove(surfer)
    surfer.press("Remove the old device")
    assert marta.devices() == [f"{marta.serial_number}/device-2"]
