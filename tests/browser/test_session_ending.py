"""Users are warned before a session ends and can keep it. Their entries are restored for them, but never a secret."""

from __future__ import annotations

from playwright.sync_api import Page

from app.signin.views import ENDED_ON
from tests.browser.conftest import Visiting
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone, hire
from tests.support.public_keys import openssh
from tests.support.sandbox import Sandbox


def minutes_pass(surfer: Surfer, clock: Clock, minutes: float) -> None:
    """Move the clocks of the page and of the portal."""
    clock.move(minutes * 60)
    surfer.page.clock.fast_forward(int(minutes * 60_000))
    surfer.page.clock.run_for(2_000)


def banner(surfer: Surfer) -> str:
    """The code of the note about the session's end, "" where there is none."""
    box = surfer.page.locator("[data-session]")
    state = box.get_attribute("data-state") or ""
    assert box.is_visible() == bool(state) == bool(said(surfer))
    return state


def said(surfer: Surfer) -> str:
    return surfer.page.locator("[data-session-text]").inner_text()


def offers(surfer: Surfer) -> list[str]:
    """What the note offers: "stay" with this session, or sign in "again"."""
    box = surfer.page.locator("[data-session]")
    ways = {"stay": box.locator("form[action='/sign-in/stay'] button"), "again": box.locator("[data-session-again]")}
    return [name for name, way in ways.items() if way.is_visible()]


def loss(surfer: Surfer, when: str) -> str:
    """What the page itself says is lost with the session, "then" or when it is "over"."""
    words = surfer.page.locator("[data-session]").get_attribute(f"data-{when}") or ""
    return " ".join(words.split())


def come_back(surfer: Surfer, who: Employee, phone: Phone) -> None:
    surfer.submit("/sign-in", access_key_id=who.access_key_id, secret_access_key=who.secret_access_key)
    surfer.submit("/sign-in/code", code=phone.next())


def test_a_session_about_to_end_says_so_and_is_kept(surfer: Surfer, nadia: Employee, clock: Clock) -> None:
    surfer.page.clock.install()
    surfer.arrive_with_mfa(nadia, at="/mfa")
    other_tab = surfer.tab()
    minutes_pass(surfer, clock, 12)
    assert banner(surfer) == ""
    minutes_pass(surfer, clock, 1.5)
    assert banner(surfer) == "idle" and "2 minutes" in said(surfer) and offers(surfer) == ["stay"]
    surfer.page.locator("form[action='/sign-in/stay'] button").click()
    surfer.page.locator("[data-session]").wait_for(state="hidden")
    minutes_pass(surfer, clock, 13.2)
    assert banner(surfer) == "idle", "15 minutes later than without it"
    other_tab.goto(surfer.url + "/mfa")
    surfer.page.locator("[data-session]").wait_for(state="hidden")
    minutes_pass(surfer, clock, 12)
    surfer.open("/mfa")
    assert surfer.path == "/mfa", "still signed in"
    minutes_pass(surfer, clock, 10)
    surfer.open("/mfa")
    minutes_pass(surfer, clock, 9.7)
    assert banner(surfer) == "ending" and offers(surfer) == [], "the hour is over, whatever the user does"
    other_tab.locator("main [data-item]").first.wait_for()
    title = surfer.page.title()
    minutes_pass(surfer, clock, 3)
    assert banner(surfer) == "ended" and offers(surfer) == ["again"]
    assert not surfer.page.locator("main [data-item]").first.is_visible(), "nobody who passes by reads the page"
    assert surfer.page.title() != title and surfer.page.locator("h1:visible").count() == 1
    surfer.page.locator("[data-session-again]").click()
    surfer.page.wait_for_url("**/sign-in?next=/mfa")


def test_a_page_comes_back_as_it_was_if_its_user_signs_in_again_in_another_tab(
    surfer: Surfer, nadia: Employee, clock: Clock
) -> None:
    surfer.page.clock.install()
    phone = surfer.arrive_with_mfa(nadia, at="/ssh-keys/new")
    title = surfer.page.title()
    surfer.type(pasted="ssh-ed25519 half a key")
    minutes_pass(surfer, clock, 16)
    assert banner(surfer) == "ended" and not surfer.page.locator("[name=pasted]").is_visible()
    returns = surfer.page.locator("[data-session]").get_attribute("data-say-typed")
    assert said(surfer) == returns, "only where something was typed"
    again = surfer.tab()
    again.goto(surfer.url + "/sign-in")
    again.locator("[name=access_key_id]").fill(nadia.access_key_id)
    again.locator("[name=secret_access_key]").fill(nadia.secret_access_key)
    again.locator("form:has([name=secret_access_key]) button").click()
    again.locator("[name=code]").fill(phone.next())
    again.locator("form:has([name=code]) button").click()
    surfer.page.locator("[name=pasted]").wait_for()
    assert surfer.value("pasted") == "ssh-ed25519 half a key" and surfer.page.title() == title
    assert banner(surfer) == ""
    sign_out = again.locator("form[data-sign-out] button")
    again.locator("[data-signed-in] summary").click()
    sign_out.click()
    surfer.page.locator("[data-session-again]").wait_for()
    assert not surfer.page.locator("[name=pasted]").is_visible(), "signed out in one tab is signed out in all"


def at_the_sign_in_page(surfer: Surfer, endpoint: str) -> None:
    """A user who comes back too late sees on the sign-in page what happened to the page they were on."""
    surfer.page.reload()
    assert surfer.path == "/sign-in" and surfer.refused_as == "session-ended"
    assert ENDED_ON[endpoint] in surfer.text


def test_a_qr_code_that_ends_with_the_session_is_said_to(surfer: Surfer, nadia: Employee, clock: Clock) -> None:
    surfer.begin_enrolling(nadia)
    surfer.page.clock.install()
    surfer.page.reload()
    assert surfer.scan()
    minutes_pass(surfer, clock, 13.5)
    assert banner(surfer) == "ending" and said(surfer).endswith(lost := loss(surfer, "then")) and "QR code" in lost
    minutes_pass(surfer, clock, 2)
    assert banner(surfer) == "ended" and said(surfer).endswith(lost := loss(surfer, "over")) and "QR code" in lost
    at_the_sign_in_page(surfer, "mfa.enroll")


def test_a_secret_that_ends_with_the_session_is_said_to(
    surfer: Surfer, visiting: Visiting, nadia: Employee, clock: Clock
) -> None:
    reader = visiting()
    reader.arrive_with_mfa(nadia, at="/access-keys")
    reader.submit("/access-keys/create")
    clock.move(20)
    reader.submit("/access-keys/new/prove")  # from now on the page sends no requests
    surfer.page.clock.install()
    surfer.continue_from(reader, at="/access-keys/new")
    assert "works" in surfer.states
    minutes_pass(surfer, clock, 13.5)
    assert banner(surfer) == "idle" and said(surfer).endswith(lost := loss(surfer, "then")) and "secret" in lost
    minutes_pass(surfer, clock, 2)
    assert banner(surfer) == "ended" and said(surfer).endswith(lost := loss(surfer, "over")) and "secret" in lost
    at_the_sign_in_page(surfer, "access_keys.new")


def test_what_was_typed_comes_back_on_the_page_where_it_was(
    surfer: Surfer, nadia: Employee, clock: Clock, sandbox: Sandbox
) -> None:
    key = openssh()
    phone = surfer.arrive_with_mfa(nadia, at="/ssh-keys/new")
    surfer.type(pasted=key)
    clock.move(15 * 60 + 1)
    surfer.submit("/ssh-keys/new")
    assert surfer.path == "/sign-in" and surfer.refused_as == "session-ended"
    come_back(surfer, nadia, phone)
    assert surfer.path == "/ssh-keys/new" and surfer.value("pasted") == key
    assert surfer.data("draft") == ["back"]
    surfer.submit("/ssh-keys/new")
    assert surfer.path == "/ssh-keys" and surfer.notices == ["success"]
    (uploaded,) = sandbox.as_administrator("iam").list_ssh_public_keys(UserName=nadia.name)["SSHPublicKeys"]
    assert uploaded["SSHPublicKeyId"] in surfer.at("[data-notice]")
    surfer.open("/ssh-keys/new")
    assert surfer.value("pasted") == "", "once"

    surfer.open("/password/new")
    surfer.type(new="Turquoise-otter-42-lamp", again="Turquoise-otter-42-lamp")
    clock.move(15 * 60 + 1)
    surfer.submit("/password/new")
    kept = surfer.page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})")
    assert "otter" not in kept, "no secret"
    come_back(surfer, nadia, phone)
    assert surfer.path == "/password/new" and surfer.value("new") == ""

    surfer.open("/ssh-keys/new")
    surfer.type(pasted=openssh())
    clock.move(15 * 60 + 1)
    surfer.submit("/ssh-keys/new")
    olga = hire(sandbox, "olga")
    clock.move(10)
    surfer.submit("/sign-in", access_key_id=olga.access_key_id, secret_access_key=olga.secret_access_key)
    kept = surfer.page.evaluate("JSON.stringify({...sessionStorage})")
    assert "ssh-" not in kept and "ssh-" not in surfer.text, "nothing is restored for another user"


def kept_drafts(page: Page) -> str:
    """The entries that the tab keeps."""
    return str(page.evaluate("JSON.stringify({...sessionStorage, ...localStorage})"))


def test_a_secret_typed_into_the_wrong_field_is_not_kept(surfer: Surfer, nadia: Employee, clock: Clock) -> None:
    surfer.page.clock.install()
    surfer.arrive_with_mfa(nadia, at="/mfa")
    for _ in range(3):
        minutes_pass(surfer, clock, 11)
        surfer.open("/mfa")
    surfer.follow("/mfa/replace")
    assert surfer.path == "/sign-in" and surfer.data("confirming") == ["who"]
    surfer.type(access_key_id=nadia.secret_access_key)
    minutes_pass(surfer, clock, 16)
    assert banner(surfer) == "ended"
    assert nadia.secret_access_key not in kept_drafts(surfer.page)


def test_no_name_or_note_is_kept_because_it_may_be_a_secret(surfer: Surfer, nadia: Employee, clock: Clock) -> None:
    """The portal refuses a name that looks like a secret. A browser can't tell, so it keeps none."""
    surfer.page.clock.install()
    phone = nadia.given_device(clock, nadia.name)
    for path in ("/mfa", f"/access-keys/note?id={nadia.access_key_id}", "/ssh-keys/new"):
        sent = surfer.without_screen().open("/sign-in").sign_in(nadia, phone.next())
        surfer.continue_from(sent, at=path)
        for summary in surfer.page.locator("main details:has([name=label]) > summary").all():
            summary.click()
        field = surfer.page.locator("[name=label], [name=pasted]").first
        field.fill(typed := f"typed on {path}")
        minutes_pass(surfer, clock, 16)
        assert banner(surfer) == "ended"
        kept = kept_drafts(surfer.page)
        assert (typed in kept) == (path == "/ssh-keys/new"), "a public key may be kept"


def test_nothing_is_kept_of_somebody_who_signed_out(surfer: Surfer, nadia: Employee, clock: Clock) -> None:
    surfer.page.clock.install()
    surfer.arrive_with_mfa(nadia, at="/ssh-keys/new")
    other_tab = surfer.tab()
    other_tab.goto(surfer.url + "/ssh-keys/new")
    for page in (surfer.page, other_tab):
        page.locator("[name=pasted]").fill(openssh())
    minutes_pass(surfer, clock, 16)
    for page in (surfer.page, other_tab):
        page.wait_for_function("JSON.stringify({...sessionStorage}).includes('ssh-')")
    surfer.page.route("**/sign-out", lambda route: route.fulfill(status=204))  # the page stays open
    surfer.page.locator("[data-signed-in] summary").click()
    surfer.page.locator("form[data-sign-out] button").click()
    other_tab.wait_for_function("!JSON.stringify({...sessionStorage}).includes('ssh-')")
    surfer.page.clock.run_for(3_000)
    for page in (surfer.page, other_tab):
        assert "ssh-" not in kept_drafts(page), "the page checks every second whether the session ended"


def test_what_was_typed_is_kept_for_half_an_hour_also_while_nobody_signs_in(
    surfer: Surfer, nadia: Employee, clock: Clock
) -> None:
    surfer.page.clock.install()
    surfer.arrive_with_mfa(nadia, at="/ssh-keys/new")
    surfer.type(pasted=openssh())
    minutes_pass(surfer, clock, 16)
    surfer.page.locator("[data-session-again]").click()
    surfer.page.wait_for_url("**/sign-in?next=**")
    kept = kept_drafts(surfer.page)
    minutes_pass(surfer, clock, 25)
    surfer.page.reload()
    assert "ssh-" in kept and "ssh-" in kept_drafts(surfer.page)
    minutes_pass(surfer, clock, 6)
    assert "ssh-" not in kept_drafts(surfer.page), "on a page that stays open"
    surfer.page.evaluate("kept => sessionStorage.setItem('latchkey-draft', JSON.parse(kept)['latchkey-draft'])", kept)
    surfer.page.reload()
    assert "ssh-" not in kept_drafts(surfer.page)
