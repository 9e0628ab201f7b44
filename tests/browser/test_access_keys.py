"""Access keys: made, saved, proven, and the old one retired without losing the way in."""

from __future__ import annotations

import csv
import io

import pytest

from app.access_keys.service import KeyNotActiveYet, SecretLost, TooManyAccessKeys, WrongLastCharacters
from app.errors import NoResponse, NotAllowed, Throttled
from tests.browser.conftest import Surfing, Visiting
from tests.support import hands
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire_without_key
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader


@pytest.fixture
def surfer(surfing: Surfing, nadia: Employee) -> Surfer:
    """Nadia's browser."""
    return surfing()


@pytest.fixture
def phone(surfer: Surfer, nadia: Employee) -> Phone:
    """Nadia's MFA device; her session has MFA, and she signed in with her first key."""
    return surfer.arrive_with_mfa(nadia, at="/access-keys")


@pytest.fixture
def reader(visiting: Visiting, nadia: Employee) -> Reader:
    """Nadia's browser, with MFA, where nothing depends on what it looks like."""
    opened = visiting()
    opened.arrive_with_mfa(nadia, at="/access-keys")
    return opened


def keys_of(employee: Employee) -> dict[str, str]:
    """Key ids to status, as AWS has them."""
    listed = employee.sandbox.as_administrator("iam").list_access_keys(UserName=employee.name)
    return {key["AccessKeyId"]: key["Status"] for key in listed["AccessKeyMetadata"]}


def saved(employee: Employee, portal: Portal) -> list[object]:
    """Ids of their keys whose secret they confirmed to have, as the audit log says."""
    query = "select target from activity where user_name = :name and event = 'access-key-saved'"
    return [target for (target,) in portal.rows(query, name=employee.name)]


def downloaded(surfer: Surfer | Reader) -> str:
    """The file with the new key, which the page offers."""
    address = "/access-keys/new/accesskeys.csv"
    if isinstance(surfer, Reader):
        text = surfer.follow(address).html
        surfer.open("/access-keys/new")
        return text
    with surfer.page.expect_download() as started:
        hands.press(surfer.page, f"a[href='{address}']")
    return started.value.path().read_text()


def prove(surfer: Surfer | Reader) -> None:
    """Check that AWS accepts the new key. With scripts, the page stays open."""
    if isinstance(surfer, Reader):
        surfer.submit("/access-keys/new/prove")
    else:
        hands.press(surfer.page, "form[action='/access-keys/new/prove'] button")
        surfer.page.wait_for_selector("[data-state=works]")
        surfer.inspect()
    assert "works" in surfer.states


def shown(surfer: Surfer | Reader) -> tuple[str, str]:
    """The new key on the page."""
    return surfer.at("#access-key-id"), surfer.at("#secret-access-key")


def delete(surfer: Surfer | Reader, key_id: str) -> None:
    """From the list of keys."""
    surfer.follow(f"/access-keys/delete?id={key_id}")
    surfer.submit("/access-keys/delete")


def deactivate_older(surfer: Surfer | Reader, key_id: str) -> None:
    """From the list of keys, which says that this one is next. Nothing is asked, since it can be undone."""
    assert f"retire-older:{key_id}" in surfer.states
    surfer.submit(f"/access-keys/deactivate?id={key_id}")
    assert (surfer.path, surfer.notices) == ("/access-keys", ["success"])


@pytest.mark.both_policies
def test_a_key_is_rotated(browser_of_policy: Surfer | Reader, nadia: Employee, clock: Clock, portal: Portal) -> None:
    surfer, old = browser_of_policy, nadia.access_key_id
    phone = surfer.arrive_with_mfa(nadia, at="/access-keys")
    surfer.submit("/access-keys/create")
    key_id, secret = shown(surfer)
    assert keys_of(nadia) == {old: "Active", key_id: "Active"}
    rows = list(csv.DictReader(io.StringIO(downloaded(surfer))))
    assert rows == [{"User Name": nadia.name, "Access key ID": key_id, "Secret access key": secret}]

    clock.move(20)  # a new key works after some seconds
    prove(surfer)
    surfer.submit("/access-keys/new", last_characters="abcdef")
    assert (surfer.refused_as, surfer.invalid) == (WrongLastCharacters.code, ["last_characters"])
    assert shown(surfer)[1] == secret, "still there"
    surfer.submit("/access-keys/new", last_characters=secret[-6:], code=phone.next())
    assert (surfer.path, surfer.notices) == ("/access-keys", ["success"])
    assert saved(nadia, portal) == [key_id]
    assert secret not in surfer.html
    surfer.open("/access-keys/new")
    assert surfer.path == "/access-keys" and secret not in surfer.html, "never again"

    deactivate_older(surfer, old)
    assert keys_of(nadia) == {old: "Inactive", key_id: "Active"}
    assert f"active:{key_id}" in surfer.states and f"inactive:{old}" in surfer.states
    surfer.click("[data-notice] form button")
    assert keys_of(nadia)[old] == "Active", "undone"
    surfer.submit(f"/access-keys/deactivate?id={old}")
    surfer.open("/access-keys")
    surfer.submit(f"/access-keys/activate?id={old}")
    assert keys_of(nadia)[old] == "Active", "also later, from its row"
    delete(surfer, old)
    assert keys_of(nadia) == {key_id: "Active"}
    events = [event for event, phase, _ in portal.activity(nadia.name) if phase == "done"]
    assert events[-3:] == ["access-key-deactivated", "access-key-activated", "access-key-deleted"]
    kept = portal.stored() + portal.log.read_text()
    assert key_id in kept, "that is where to look"
    assert secret not in kept


def test_a_rotation_is_taken_up_in_another_browser(visiting: Visiting, nadia: Employee, clock: Clock) -> None:
    surfer, other = visiting(), visiting()
    phone = surfer.arrive_with_mfa(nadia, at="/access-keys")
    surfer.submit("/access-keys/create")
    key_id, _ = shown(surfer)
    clock.move(20)
    other.sign_in(nadia, phone.next())
    other.navigate("/access-keys")
    assert f"secret-elsewhere:{key_id}" in other.states
    assert f"retire-older:{nadia.access_key_id}" not in other.states
    assert other.has(f"/access-keys/lost?id={key_id}"), "for those who can't get back to that session"
    delete(other, key_id)
    assert keys_of(nadia) == {nadia.access_key_id: "Active"}
    clock.move(30)  # a key that vanished is believed gone only then
    surfer.open("/access-keys")
    assert f"to-be-saved:{key_id}" not in surfer.states, "the first browser sees that it is gone"


def test_two_keys_are_enough(reader: Reader, nadia: Employee, sandbox: Sandbox) -> None:
    sandbox.as_administrator("iam").create_access_key(UserName=nadia.name)
    reader.submit("/access-keys/create")
    assert reader.refused_as == TooManyAccessKeys.code
    assert len(keys_of(nadia)) == 2


@pytest.mark.parametrize("lost", ["reset-before", "reset-after"])
def test_the_answer_with_the_secret_is_lost(reader: Reader, nadia: Employee, sandbox: Sandbox, lost: str) -> None:
    sandbox.set_faults([{"action": "iam:CreateAccessKey", "occurrences": [1], "fault": lost}])
    reader.submit("/access-keys/create")
    sandbox.set_faults([])
    if lost == "reset-before":
        assert reader.refused_as == NoResponse.code
        assert len(keys_of(nadia)) == 1
        return
    (orphan,) = set(keys_of(nadia)) - {nadia.access_key_id}
    assert reader.refused_as == SecretLost.code
    assert orphan in reader.at("[data-notice]"), "which key it is"
    delete(reader, orphan)
    assert list(keys_of(nadia)) == [nadia.access_key_id]


def test_two_clicks_make_one_key(surfing: Surfing, sandbox: Sandbox, clock: Clock) -> None:
    marta = hire_without_key(sandbox, "marta")
    clock.move(10)
    phone = marta.given_device(clock, marta.name)
    surfer = surfing(javascript=False)
    surfer.arrive_by_password(marta, phone, at="/access-keys")
    other = surfer.tab()
    other.goto(f"{surfer.url}/access-keys")
    sandbox.set_faults([{"action": "iam:CreateAccessKey", "fault": "latency", "latency_ms": 700}])
    for page in (surfer.page, other):
        page.locator("form[action='/access-keys/create'] button").click(no_wait_after=True)
    other.wait_for_load_state()
    surfer.page.wait_for_url("**/access-keys/new")
    sandbox.set_faults([])
    assert list(keys_of(marta)) == [shown(surfer)[0]]


def test_the_secret_is_gone_after_fifteen_minutes(reader: Reader, nadia: Employee, clock: Clock) -> None:
    reader.submit("/access-keys/create")
    secret = shown(reader)[1]
    clock.move(8 * 60)
    reader.open("/access-keys/new")
    assert shown(reader)[1] == secret
    clock.move(8 * 60)
    reader.open("/access-keys/new")
    assert reader.path == "/access-keys" and secret not in reader.html


def test_the_last_way_in_is_not_cut_by_mistake(surfer: Surfer, nadia: Employee, phone: Phone) -> None:
    surfer.submit(f"/access-keys/deactivate?id={nadia.access_key_id}")
    assert (surfer.path, surfer.refused_as) == ("/access-keys/deactivate", ""), (
        "it is asked, and nothing is wrong yet"
    )
    assert keys_of(nadia) == {nadia.access_key_id: "Active"}
    assert surfer.states == ["last-way-in"], "and not that nothing is lost"
    surfer.submit("/access-keys/deactivate")
    assert surfer.data("field-error") == ["last-way-in"]
    assert keys_of(nadia) == {nadia.access_key_id: "Active"}
    hands.press(surfer.page, "[name=understood]")
    surfer.submit("/access-keys/deactivate")
    assert keys_of(nadia) == {nadia.access_key_id: "Inactive"}


def test_saved_is_shown_by_signing_in_with_it(
    surfer: Surfer, nadia: Employee, phone: Phone, clock: Clock, portal: Portal
) -> None:
    surfer.submit("/access-keys/create")
    key_id, secret = shown(surfer)
    surfer.submit("/access-keys/new", last_characters=secret[-6:])
    assert surfer.refused_as == KeyNotActiveYet.code, "what is not proven is not taken for saved"
    assert surfer.value("last_characters") == secret[-6:], "nothing typed is lost"
    clock.move(20)
    surfer.submit("/access-keys/new/sign-in")
    assert surfer.path == "/sign-in" and surfer.data("confirming") == ["new-key"]
    surfer.submit("/sign-in", access_key_id=key_id, secret_access_key=secret)
    surfer.submit("/sign-in/code", code=phone.next())
    assert surfer.path == "/access-keys/new"
    assert "signed-in-with-it" in surfer.states
    surfer.submit("/access-keys/new")
    assert (surfer.path, surfer.notices) == ("/access-keys", ["success"])
    assert key_id in saved(nadia, portal)
    deactivate_older(surfer, nadia.access_key_id)
    assert keys_of(nadia) == {nadia.access_key_id: "Inactive", key_id: "Active"}
    assert secret.encode() not in portal.log.read_bytes()


def test_a_list_that_lags_behind_loses_no_secret(
    reader: Reader, nadia: Employee, clock: Clock, sandbox: Sandbox
) -> None:
    sandbox.set_faults([{"action": "iam:ListAccessKeys", "fault": "stale-read"}])
    reader.submit("/access-keys/create")
    sandbox.set_faults([{"action": "iam:ListAccessKeys", "fault": "stale-read"}])
    key_id, secret = shown(reader)
    reader.open("/access-keys")
    assert f"to-be-saved:{key_id}" in reader.states
    reader.follow("/access-keys/new")
    assert shown(reader) == (key_id, secret)
    sandbox.set_faults([])
    assert set(keys_of(nadia)) == {nadia.access_key_id, key_id}


@pytest.mark.parametrize("no", ["throttled", "denied"])
def test_aws_makes_no_key(
    surfing: Surfing, visiting: Visiting, nadia: Employee, sandbox: Sandbox, portal: Portal, no: str
) -> None:
    surfer = surfing() if no == "throttled" else visiting()
    surfer.arrive_with_mfa(nadia, at="/access-keys")
    if no == "throttled":
        sandbox.set_faults([{"action": "iam:CreateAccessKey", "occurrences": [1], "fault": "throttle"}])
    else:
        nadia.denied("iam:CreateAccessKey")
    surfer.submit("/access-keys/create")
    sandbox.set_faults([])
    reason = {"throttled": Throttled.code, "denied": NotAllowed.code}[no]
    assert surfer.refused_as == reason
    assert no == "throttled" or "iam:CreateAccessKey" in surfer.text, "the permission that is missing"
    assert list(keys_of(nadia)) == [nadia.access_key_id]
    assert ("access-key-created", "refused", reason) in portal.activity(nadia.name)


def test_nobody_touches_anothers_key(reader: Reader, nadia: Employee, sandbox: Sandbox) -> None:
    another = sandbox.user("Administrator")["access_key_id"]
    for act in ("deactivate", "delete"):
        reader.open(f"/access-keys/{act}?id={another}")
        assert reader.refused_as == "not-yours", "as for one that there never was"


def test_the_key_of_this_session_is_asked_about(reader: Reader, nadia: Employee, sandbox: Sandbox) -> None:
    sandbox.as_administrator("iam").create_access_key(UserName=nadia.name)
    reader.open("/access-keys")
    reader.submit(f"/access-keys/deactivate?id={nadia.access_key_id}")
    assert reader.states == ["signed-in-with-it"]
    assert keys_of(nadia)[nadia.access_key_id] == "Active"
    reader.submit("/access-keys/deactivate")
    assert keys_of(nadia)[nadia.access_key_id] == "Inactive"


def test_a_rotation_takes_a_week_and_its_end_one_click(
    visiting: Visiting, nadia: Employee, sandbox: Sandbox, clock: Clock
) -> None:
    iam, old = sandbox.as_administrator("iam"), nadia.access_key_id
    surfer = visiting()
    phone = surfer.arrive_with_mfa(nadia, at="/access-keys")
    clock.move(5)  # AWS's times have whole seconds
    new = iam.create_access_key(UserName=nadia.name)["AccessKey"]
    surfer.open("/access-keys")
    assert surfer.data("item") == [new["AccessKeyId"], old], "newest first"
    surfer.sign_out()
    clock.move(20)
    nadia.access_key_id, nadia.secret_access_key = new["AccessKeyId"], new["SecretAccessKey"]
    surfer.sign_in(nadia, phone.next())
    surfer.open("/access-keys")
    deactivate_older(surfer, old)
    (step,) = surfer.soup.select("[data-state=delete-inactive]")
    assert step["data-step"] == "4"
    assert not step.select("form"), "not yet"
    surfer.open("/")
    assert surfer.to_do == [] and surfer.data("later") == [old], "the deletion waits for its day"
    (day,) = surfer.data("on")
    surfer.open(f"/access-keys/delete?id={old}")
    assert surfer.data("until") == [day], "who deletes it now is told to wait"

    clock.move(7 * 24 * 60 * 60)
    surfer.sign_in(nadia, phone.next())
    surfer.open("/")
    assert surfer.to_do == [f"delete-key:{old}"] and surfer.data("later") == []
    assert surfer.leads_to(f"/access-keys/delete?id={old}")
    surfer.open("/access-keys")
    surfer.click("[data-state=delete-inactive] button")
    assert keys_of(nadia) == {new["AccessKeyId"]: "Active"}


def test_a_note_says_what_a_key_is_for(reader: Reader, surfing: Surfing, nadia: Employee, portal: Portal) -> None:
    key_id = nadia.access_key_id

    def noted(text: str) -> None:
        reader.open("/access-keys")
        reader.submit(f"/access-keys/note?id={key_id}", label=text)

    noted("CI of <b>payments</b>")
    assert (reader.path, reader.notices) == ("/access-keys", ["success"])
    assert "CI of <b>payments</b>" in reader.row(key_id).get_text() and key_id in reader.row(key_id).get_text()
    noted(nadia.secret_access_key)
    assert reader.wrong == {"label": "secret"} and reader.value("label") == "CI of <b>payments</b>"
    assert nadia.secret_access_key not in reader.html + portal.stored()
    noted("")
    assert reader.row(key_id).select("[data-note]")[0]["data-note"] == ""

    surfer = surfing()
    surfer.continue_from(reader, at="/access-keys")
    surfer.row(key_id).locator("summary").click()
    surfer.submit(f"/access-keys/note?id={key_id}", label="x" * 65)
    assert (surfer.path, surfer.wrong) == ("/access-keys/note", {"label": "too-long"})
    assert surfer.value("label") == "x" * 65, "nothing typed is lost"
    surfer.open(f"/access-keys/note?id={key_id}")
    surfer.open("/access-keys/note?id=AKIANOBODYSNOBODYS00")
    assert surfer.refused_as == "not-yours"
