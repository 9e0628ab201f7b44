"""Access keys: made, saved, proven, and the old one retired without losing the way in."""

from __future__ import annotations

import csv
import io

import pytest

from tests.browser.conftest import Surfing
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire_without_key
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox


@pytest.fixture
def surfer(surfing: Surfing, nadia: Employee) -> Surfer:
    """Nadia's browser."""
    return surfing()


@pytest.fixture
def phone(surfer: Surfer, phone: Phone) -> Phone:
    """Nadia's MFA device; her session has MFA, and stands on her first key."""
    surfer.navigate("/access-keys")
    return phone


def keys_of(employee: Employee) -> dict[str, str]:
    """Key ids to status, as AWS has them."""
    listed = employee.sandbox.as_administrator("iam").list_access_keys(UserName=employee.name)
    return {key["AccessKeyId"]: key["Status"] for key in listed["AccessKeyMetadata"]}


def shown(surfer: Surfer) -> tuple[str, str]:
    """The new key on the page."""
    return surfer.page.locator("#access-key-id").inner_text(), surfer.page.locator("#secret-access-key").inner_text()


def follow(surfer: Surfer, name: str) -> None:
    """Follow a link by its whole accessible name."""
    with surfer.page.expect_navigation():
        surfer.page.get_by_role("link", name=name, exact=True).click()
    surfer.page.wait_for_load_state()
    surfer.inspect()


@pytest.mark.both_policies
def test_a_key_is_rotated(
    surfing: Surfing, surfer: Surfer, nadia: Employee, phone: Phone, clock: Clock, portal: Portal
) -> None:
    old = nadia.access_key_id
    surfer.press("Create a new key")
    key_id, secret = shown(surfer)
    assert keys_of(nadia) == {old: "Active", key_id: "Active"}
    with surfer.page.expect_download() as started:
        surfer.page.get_by_role("link", name="Download for “aws configure import”").click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text())))
    assert rows == [{"User Name": nadia.name, "Access key ID": key_id, "Secret access key": secret}]

    clock.move(20)  # AWS learns new keys within seconds
    surfer.page.get_by_role("button", name="Check the new key").click()
    surfer.page.get_by_text("Your new key works").wait_for()
    surfer.inspect()
    surfer.type(last_characters="abcdef")
    surfer.press("I saved it")
    assert "does not end like this" in surfer.text
    assert shown(surfer)[1] == secret, "still there"
    surfer.type(last_characters=secret[-6:], code=phone.next())
    surfer.press("I saved it")
    assert "is saved" in surfer.text
    assert secret not in surfer.page.content()
    surfer.open("/access-keys/new")
    assert surfer.path == "/access-keys" and secret not in surfer.page.content(), "never again"

    surfer.press("Deactivate the older key")
    assert "You signed in with this key" not in surfer.text, "the session stands on the new key"
    surfer.press("Deactivate this key")
    assert keys_of(nadia) == {old: "Inactive", key_id: "Active"}
    assert surfer.text.count("Due to be replaced") == 1 and "opens nothing while it is inactive" in surfer.text
    surfer.press("Activate again")
    assert keys_of(nadia)[old] == "Active", "undone"
    follow(surfer, f"Delete {old}")
    surfer.press("Delete this key")
    assert keys_of(nadia) == {key_id: "Active"}
    events = [event for event, phase, _ in portal.activity(nadia.name) if phase == "done"]
    assert events[-3:] == ["access-key-deactivated", "access-key-activated", "access-key-deleted"]
    kept = portal.stored() + portal.log.read_text()
    assert key_id in kept, "that is where to look"
    assert secret not in kept


def test_a_rotation_is_taken_up_in_another_browser(
    surfing: Surfing, surfer: Surfer, nadia: Employee, phone: Phone, clock: Clock
) -> None:
    surfer.press("Create a new key")
    key_id, _ = shown(surfer)
    clock.move(20)
    other = surfing()
    other.sign_in(nadia)
    other.type(code=phone.next())
    other.press("Sign in")
    other.navigate("/access-keys")
    assert f"{key_id} isn’t saved yet" in other.text and "Next: retire the older key" not in other.text
    assert "If you can’t get back to that session, delete the key" in other.text
    follow(other, f"Delete {key_id}")
    other.press("Delete this key")
    assert keys_of(nadia) == {nadia.access_key_id: "Active"}
    clock.move(30)  # a key that vanished is believed gone only then
    surfer.open("/access-keys")
    assert "waits to be saved" not in surfer.text, "the first browser sees that it is gone"


def test_two_keys_are_enough(surfer: Surfer, nadia: Employee, phone: Phone, sandbox: Sandbox) -> None:
    sandbox.as_administrator("iam").create_access_key(UserName=nadia.name)
    surfer.page.get_by_role("button", name="Create a new key").click()
    surfer.page.wait_for_load_state()
    assert "AWS allows no more, and inactive ones count" in surfer.text
    assert len(keys_of(nadia)) == 2


@pytest.mark.parametrize("lost", ["reset-before", "reset-after"])
def test_the_answer_with_the_secret_is_lost(
    surfer: Surfer, nadia: Employee, phone: Phone, sandbox: Sandbox, lost: str
) -> None:
    sandbox.set_faults([{"action": "iam:CreateAccessKey", "occurrences": [1], "fault": lost}])
    surfer.press("Create a new key")
    sandbox.set_faults([])
    if lost == "reset-before":
        assert "could not be reached" in surfer.text
        assert len(keys_of(nadia)) == 1
        return
    (orphan,) = set(keys_of(nadia)) - {nadia.access_key_id}
    assert f"it made the key {orphan}: nobody has its secret" in surfer.text
    follow(surfer, f"Delete {orphan}")
    surfer.press("Delete this key")
    assert list(keys_of(nadia)) == [nadia.access_key_id]


def test_two_clicks_make_one_key(surfing: Surfing, sandbox: Sandbox, clock: Clock) -> None:
    marta = hire_without_key(sandbox, "marta")
    clock.move(10)
    phone = marta.given_device(clock, marta.name)
    surfer = surfing(javascript=False)
    surfer.sign_in_at_aws(marta, phone)
    surfer.open("/access-keys")
    other = surfer.tab()
    other.goto(f"{surfer.url}/access-keys")
    sandbox.set_faults([{"action": "iam:CreateAccessKey", "fault": "latency", "latency_ms": 700}])
    for page in (surfer.page, other):
        page.locator("main button:has-text('Create a key')").click(no_wait_after=True)
    other.wait_for_load_state()
    surfer.page.wait_for_url("**/access-keys/new")
    sandbox.set_faults([])
    assert list(keys_of(marta)) == [shown(surfer)[0]]


def test_the_secret_is_gone_after_fifteen_minutes(
    surfer: Surfer, nadia: Employee, phone: Phone, clock: Clock
) -> None:
    surfer.press("Create a new key")
    secret = shown(surfer)[1]
    clock.move(8 * 60)
    surfer.page.reload()
    assert shown(surfer)[1] == secret
    clock.move(8 * 60)
    surfer.open("/access-keys/new")
    assert surfer.path == "/access-keys" and secret not in surfer.page.content()


def test_the_last_way_in_is_not_cut_by_mistake(surfer: Surfer, nadia: Employee, phone: Phone) -> None:
    follow(surfer, f"Deactivate {nadia.access_key_id}")
    assert "This is your last way in" in surfer.text
    assert "This will lock you out" in surfer.text and "Nothing is lost" not in surfer.text
    surfer.press("Deactivate this key")
    assert "Tick the box, or go back" in surfer.text
    assert keys_of(nadia) == {nadia.access_key_id: "Active"}
    surfer.page.get_by_label("I understand").check()
    surfer.press("Deactivate this key")
    assert keys_of(nadia) == {nadia.access_key_id: "Inactive"}


def test_saved_is_shown_by_signing_in_with_it(
    surfer: Surfer, nadia: Employee, phone: Phone, clock: Clock, portal: Portal
) -> None:
    surfer.press("Create a new key")
    key_id, secret = shown(surfer)
    surfer.type(last_characters=secret[-6:])
    surfer.press("I saved it")
    assert "AWS does not know the new key yet" in surfer.text, "what is not proven is not taken for saved"
    assert surfer.value("last_characters") == secret[-6:], "nothing typed is lost"
    clock.move(20)
    surfer.press("Sign in with the new key")
    assert surfer.heading == "Sign in with your new key"
    surfer.type(access_key_id=key_id, secret_access_key=secret)
    surfer.press("Sign in with the key")
    surfer.type(code=phone.next())
    surfer.press("Sign in")
    assert surfer.path == "/access-keys/new"
    assert "You’re signed in with this key" in surfer.text
    surfer.press("I saved it")
    assert "is saved" in surfer.text
    surfer.press("Deactivate the older key")
    assert "You signed in with this key" not in surfer.text
    surfer.press("Deactivate this key")
    assert keys_of(nadia) == {nadia.access_key_id: "Inactive", key_id: "Active"}
    assert secret.encode() not in portal.log.read_bytes()


def test_a_list_that_lags_behind_loses_no_secret(
    surfer: Surfer, nadia: Employee, phone: Phone, clock: Clock, sandbox: Sandbox
) -> None:
    sandbox.set_faults([{"action": "iam:ListAccessKeys", "fault": "stale-read"}])
    surfer.press("Create a new key")
    sandbox.set_faults([{"action": "iam:ListAccessKeys", "fault": "stale-read"}])
    key_id, secret = shown(surfer)
    surfer.open("/access-keys")
    assert "A new key waits to be saved" in surfer.text
    surfer.press("Continue")
    assert shown(surfer) == (key_id, secret)
    sandbox.set_faults([])
    assert set(keys_of(nadia)) == {nadia.access_key_id, key_id}


@pytest.mark.parametrize("no", ["throttled", "denied"])
def test_aws_makes_no_key(
    surfer: Surfer, nadia: Employee, phone: Phone, sandbox: Sandbox, portal: Portal, no: str
) -> None:
    if no == "throttled":
        sandbox.set_faults([{"action": "iam:CreateAccessKey", "occurrences": [1], "fault": "throttle"}])
    else:
        nadia.denied("iam:CreateAccessKey")
    surfer.press("Create a new key")
    sandbox.set_faults([])
    told = {"throttled": "AWS is busy", "denied": "permission that is missing is iam:CreateAccessKey"}
    assert told[no] in surfer.text
    assert list(keys_of(nadia)) == [nadia.access_key_id]
    reason = {"throttled": "throttled", "denied": "not-allowed"}[no]
    assert ("access-key-created", "refused", reason) in portal.activity(nadia.name)


def test_nobody_touches_anothers_key(surfer: Surfer, nadia: Employee, phone: Phone, sandbox: Sandbox) -> None:
    another = sandbox.user("Administrator")["access_key_id"]
    for act in ("deactivate", "delete"):
        surfer.open(f"/access-keys/{act}?id={another}")
        assert surfer.heading == "You have no such access key", "as for one that there never was"
