"""A session about to end says so and can be kept; what was typed, but no secret, comes back to whoever typed it."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire
from tests.support.public_keys import openssh
from tests.support.sandbox import Sandbox

STAY = "Stay signed in"


def minutes_pass(surfer: Surfer, clock: Clock, minutes: float) -> None:
    """Here and there alike."""
    clock.move(minutes * 60)
    surfer.page.clock.fast_forward(int(minutes * 60_000))
    surfer.page.clock.run_for(2_000)


def banner(surfer: Surfer) -> str:
    """What it says, "" where there is none."""
    box = surfer.page.locator("[data-session]")
    return box.inner_text() if box.is_visible() else ""


def come_back(surfer: Surfer, who: Employee, phone: Phone) -> None:
    surfer.type(access_key_id=who.access_key_id, secret_access_key=who.secret_access_key)
    surfer.press("Sign in with the key")
    surfer.type(code=phone.next())
    surfer.press("Sign in")


def test_a_session_about_to_end_says_so_and_is_kept(surfer: Surfer, phone: Phone, clock: Clock) -> None:
    assert phone
    surfer.page.clock.install()
    surfer.open("/mfa")
    other_tab = surfer.tab()
    minutes_pass(surfer, clock, 12)
    assert banner(surfer) == ""
    minutes_pass(surfer, clock, 1.5)
    assert "You will be signed out in 2 minutes" in banner(surfer) and STAY in banner(surfer)
    surfer.page.get_by_role("button", name=STAY).click()
    surfer.page.locator("[data-session]").wait_for(state="hidden")
    minutes_pass(surfer, clock, 13.2)
    assert "You will be signed out" in banner(surfer), "15 minutes later than without it"
    other_tab.goto(surfer.url + "/mfa")
    surfer.page.locator("[data-session]").wait_for(state="hidden")
    minutes_pass(surfer, clock, 12)
    surfer.open("/mfa")
    assert surfer.path == "/mfa", "still signed in"
    minutes_pass(surfer, clock, 10)
    surfer.open("/mfa")
    minutes_pass(surfer, clock, 9.7)
    said = banner(surfer)
    assert "Your session ends in" in said and STAY not in said, "whatever is done: an hour is over"
    minutes_pass(surfer, clock, 3)
    assert "Your session has ended" in banner(surfer) and "Sign in again" in banner(surfer)
    surfer.page.get_by_role("link", name="Sign in again").click()
    surfer.page.wait_for_url("**/sign-in?next=/mfa")


def at_the_sign_in_page(surfer: Surfer) -> str:
    """What is said there to somebody who comes back to their page too late."""
    surfer.page.reload()
    assert surfer.path == "/sign-in"
    return surfer.text


def test_a_qr_code_that_ends_with_the_session_is_said_to(surfer: Surfer, nadia: Employee, clock: Clock) -> None:
    surfer.sign_in(nadia)
    surfer.press("Set up MFA")
    surfer.page.clock.install()
    surfer.page.reload()
    assert surfer.scan()
    minutes_pass(surfer, clock, 13.5)
    assert "ends in" in banner(surfer) and "The QR code on this page then stops working" in banner(surfer)
    minutes_pass(surfer, clock, 2)
    assert "The QR code on this page no longer works" in banner(surfer) and "comes back" not in banner(surfer)
    assert "its QR code no longer works" in at_the_sign_in_page(surfer)


def test_a_secret_that_ends_with_the_session_is_said_to(surfer: Surfer, phone: Phone, clock: Clock) -> None:
    assert phone
    surfer.open("/access-keys")
    surfer.press("Create a new key")
    clock.move(20)
    surfer.page.get_by_text("Your new key works").wait_for()  # from now on the page asks for nothing
    surfer.page.clock.install()
    surfer.page.reload()
    minutes_pass(surfer, clock, 13.5)
    assert "You will be signed out" in banner(surfer) and "Save the secret access key on this page" in banner(surfer)
    minutes_pass(surfer, clock, 2)
    assert "copy it now" in banner(surfer) and "comes back" not in banner(surfer)
    assert "can’t show the secret of your new access key again" in at_the_sign_in_page(surfer)


def test_what_was_typed_comes_back_on_the_page_where_it_was(
    surfer: Surfer, nadia: Employee, phone: Phone, clock: Clock, sandbox: Sandbox
) -> None:
    key = openssh()
    surfer.open("/ssh-keys/new")
    surfer.type(pasted=key)
    clock.move(15 * 60 + 1)
    surfer.press("Upload it")
    assert surfer.path == "/sign-in" and "session has ended" in surfer.text
    come_back(surfer, nadia, phone)
    assert surfer.path == "/ssh-keys/new" and surfer.value("pasted") == key
    assert "What you typed before you signed in again is back" in surfer.text
    surfer.press("Upload it")
    assert surfer.path == "/ssh-keys" and "is uploaded" in surfer.text
    surfer.open("/ssh-keys/new")
    assert surfer.value("pasted") == "", "once"

    surfer.open("/password/new")
    surfer.type(new="Turquoise-otter-42-lamp", again="Turquoise-otter-42-lamp")
    clock.move(15 * 60 + 1)
    surfer.press("Set it")
    kept = surfer.page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})")
    assert "otter" not in kept, "no secret"
    come_back(surfer, nadia, phone)
    assert surfer.path == "/password/new" and surfer.value("new") == ""

    surfer.open("/ssh-keys/new")
    surfer.type(pasted=openssh())
    clock.move(15 * 60 + 1)
    surfer.press("Upload it")
    olga = hire(sandbox, "olga")
    clock.move(10)
    surfer.type(access_key_id=olga.access_key_id, secret_access_key=olga.secret_access_key)
    surfer.press("Sign in with the key")
    kept = surfer.page.evaluate("JSON.stringify({...sessionStorage})")
    assert "ssh-" not in kept and "ssh-" not in surfer.text, "nothing for anybody else"


def kept_drafts(page: Page) -> str:
    """What the tab keeps of what was typed."""
    return str(page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})"))


def test_a_secret_typed_into_the_wrong_field_is_not_kept(
    surfer: Surfer, nadia: Employee, phone: Phone, clock: Clock
) -> None:
    assert phone
    surfer.page.clock.install()
    surfer.open("/mfa")
    for _ in range(3):
        minutes_pass(surfer, clock, 11)
        surfer.open("/mfa")
    surfer.press("Replace")
    assert surfer.heading == "Confirm that it is you"
    surfer.type(access_key_id=nadia.secret_access_key)
    minutes_pass(surfer, clock, 16)
    assert "Your session has ended" in banner(surfer)
    assert nadia.secret_access_key not in kept_drafts(surfer.page)


def test_nothing_is_kept_of_somebody_who_signed_out(surfer: Surfer, phone: Phone, clock: Clock) -> None:
    assert phone
    surfer.page.clock.install()
    surfer.open("/ssh-keys/new")
    other_tab = surfer.tab()
    other_tab.goto(surfer.url + "/ssh-keys/new")
    for page in (surfer.page, other_tab):
        page.locator("[name=pasted]").fill(openssh())
    minutes_pass(surfer, clock, 16)
    for page in (surfer.page, other_tab):
        page.wait_for_function("JSON.stringify({...sessionStorage}).includes('ssh-')")
    surfer.page.route("**/sign-out", lambda route: route.fulfill(status=204))  # as long as the answer takes
    surfer.page.get_by_role("button", name="Sign out").click()
    other_tab.wait_for_function("!JSON.stringify({...sessionStorage}).includes('ssh-')")
    surfer.page.clock.run_for(3_000)
    for page in (surfer.page, other_tab):
        assert "ssh-" not in kept_drafts(page), "the end of the session is looked at every second"


def test_what_was_typed_is_kept_for_half_an_hour_also_while_nobody_signs_in(
    surfer: Surfer, phone: Phone, clock: Clock
) -> None:
    assert phone
    surfer.page.clock.install()
    surfer.open("/ssh-keys/new")
    surfer.type(pasted=openssh())
    minutes_pass(surfer, clock, 16)
    surfer.press("Upload it")
    assert surfer.path == "/sign-in"
    kept = kept_drafts(surfer.page)
    minutes_pass(surfer, clock, 25)
    surfer.page.reload()
    assert "ssh-" in kept and "ssh-" in kept_drafts(surfer.page)
    minutes_pass(surfer, clock, 6)
    assert "ssh-" not in kept_drafts(surfer.page), "on a page that stays open"
    surfer.page.evaluate("kept => sessionStorage.setItem('latchkey-draft', JSON.parse(kept)['latchkey-draft'])", kept)
    surfer.page.reload()
    assert "ssh-" not in kept_drafts(surfer.page)
