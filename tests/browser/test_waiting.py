"""AWS is slow: pages that wait change in place, and the pressed button says that it is working."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Request, Route

from tests.browser.conftest import Visiting
from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee, Phone
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader


@pytest.fixture
def keys(surfer: Surfer, nadia: Employee, sandbox: Sandbox) -> Iterator[Phone]:
    """Nadia's phone, while she is on the page of her access keys."""
    yield surfer.arrive_with_mfa(nadia, at="/access-keys")
    sandbox.set_faults([])


def stays(surfer: Surfer) -> Callable[[], bool]:
    """Mark the page. The result tells whether that page is still open, without a reload."""
    surfer.page.evaluate("window.marked = true")
    return lambda: surfer.page.evaluate("window.marked === true")


def test_a_new_key_is_proven_where_the_page_stands(
    surfer: Surfer, nadia: Employee, keys: Phone, clock: Clock, portal: Portal
) -> None:
    page = surfer.page
    surfer.submit("/access-keys/create")
    page.set_viewport_size({"width": 1280, "height": 500})
    secret = page.locator("#secret-access-key").inner_text()
    answers: list[str] = []
    surfer.listen(
        "requestfinished", lambda request: answers.append(body(request)) if "/prove" in request.url else None
    )
    standing = stays(surfer)
    page.locator("details:has(#file-credentials) > summary").click()
    surfer.type(last_characters=secret[-6:])
    page.evaluate("scrollTo(0, 300)")
    page.locator("#key-status [data-asked]").wait_for()
    assert page.locator("[name=code]").count() == 0

    clock.move(20)  # AWS accepts new keys after some seconds
    page.locator("#key-status [data-state=works]").wait_for()
    assert standing(), "nothing was loaded again"
    assert page.evaluate("scrollY") == 300
    assert page.locator("details[open]").count() == 1
    assert page.evaluate("document.activeElement.name") == "last_characters"
    assert surfer.value("last_characters") == secret[-6:]
    assert not surfer.has("/access-keys/new/prove")
    assert answers and secret not in "".join(answers), "the secret was sent once, with the page"
    surfer.inspect()
    surfer.type(code=keys.next())
    surfer.submit("/access-keys/new")
    assert (surfer.path, surfer.notices) == ("/access-keys", ["success"]), "it is saved"
    assert secret not in portal.log.read_text()


def body(request: Request) -> str:
    answer = request.response()
    return answer.text() if answer and answer.ok else ""


def test_a_user_who_presses_check_keeps_their_place(surfer: Surfer, keys: Phone, clock: Clock) -> None:
    surfer.submit("/access-keys/create")
    standing = stays(surfer)
    clock.move(20)
    surfer.button("/access-keys/new/prove").press("Enter")
    surfer.page.locator("#key-status [data-state=works]").wait_for()
    assert standing()
    assert surfer.page.evaluate("document.activeElement.id") == "key-check", "not lost with the button"


def test_a_session_that_ends_meanwhile_takes_no_secret_off_the_screen(surfer: Surfer, keys: Phone) -> None:
    surfer.submit("/access-keys/create")
    secret = surfer.page.locator("#secret-access-key").inner_text()
    other = surfer.tab()
    other.goto(f"{surfer.url}/")
    surfer.sign_out(other)
    other.wait_for_url("**/sign-in*")
    surfer.page.locator("[data-live-text][data-state=stopped]").wait_for()
    assert surfer.page.locator("#secret-access-key").inner_text() == secret


def test_without_javascript_the_button_checks_a_new_key(visiting: Visiting, nadia: Employee, clock: Clock) -> None:
    surfer = visiting()
    surfer.arrive_with_mfa(nadia, at="/access-keys")
    surfer.submit("/access-keys/create")
    clock.move(20)
    surfer.submit("/access-keys/new/prove")
    assert surfer.path == "/access-keys/new" and "works" in surfer.states


def test_the_first_session_with_mfa_is_waited_for_in_place(surfer: Surfer, nadia: Employee, clock: Clock) -> None:
    surfer.begin_enrolling(nadia)
    phone = surfer.scan()
    # The two codes before the current one: the next is shown at once, long before STS accepts the device.
    older, second, third = phone.next(), phone.next(), phone.next()
    surfer.submit("/mfa/enroll", first_code=older, second_code=second)
    surfer.page.clock.install()  # the page's time, which runs ahead of the portal's here
    surfer.submit("/mfa/activate", code=third)
    assert surfer.has("/mfa/activate/continue")
    standing = stays(surfer)
    surfer.page.locator("#go-on").focus()
    with surfer.page.expect_response("**/mfa/activate/continue"):
        surfer.page.clock.fast_forward(15_000)
    surfer.page.locator("[data-wait-text][data-state=counting]").wait_for()
    assert standing() and surfer.has("/mfa/activate/continue"), "too early, and the page is still open"
    assert surfer.page.evaluate("document.activeElement.id") == "go-on"
    clock.move(15)
    with surfer.page.expect_navigation(url="**/mfa/finished"):
        surfer.page.clock.fast_forward(20_000)


def waiting(surfer: Reader, employee: Employee) -> Phone:
    """Her phone, on the page that keeps the code until AWS accepts the device."""
    surfer.begin_enrolling(employee)
    phone = surfer.scan()
    older, second, third = phone.next(), phone.next(), phone.next()
    surfer.submit("/mfa/enroll", first_code=older, second_code=second)
    surfer.submit("/mfa/activate", code=third)
    assert surfer.has("/mfa/activate/continue")
    return phone


def test_a_page_opened_after_the_wait_goes_on_by_itself(
    surfer: Surfer, visiting: Visiting, nadia: Employee, clock: Clock
) -> None:
    closed = visiting()
    waiting(closed, nadia)
    surfer.take_cookies_of(closed)
    clock.move(60)
    surfer.page.goto(f"{surfer.url}/mfa/activate")
    surfer.page.wait_for_url("**/mfa/finished")


def test_another_code_can_be_entered_while_one_waits(visiting: Visiting, nadia: Employee, clock: Clock) -> None:
    surfer = visiting()
    phone = waiting(surfer, nadia)
    surfer.submit("/mfa/activate/another")
    assert surfer.path == "/mfa/activate" and surfer.has("/mfa/activate")
    clock.move(60)
    surfer.upgrade(phone)
    assert surfer.path == "/mfa/finished"


BUSY = """() => new Promise((told) => {
  const look = () => {
    const busy = document.querySelector("[aria-busy=true]");
    if (!busy) return setTimeout(look, 20);
    const seen = {
      words: busy.innerText.trim(),
      wanted: busy.dataset.busy ?? "",
      said: [...document.querySelectorAll("[role=status]")].map((each) => each.innerText.trim()),
      animation: getComputedStyle(busy.querySelector(".lk-spinner")).animationName,
    };
    busy.click(); // by somebody impatient
    told(seen);
  };
  look();
})"""
"""What a page shows and announces while it works."""


def pressed(control: Locator) -> dict[str, Any]:
    """Press something, and return what the page shows and announces while it works.

    One script does both: a script sent to a page that is about to be left may wait until it has been.
    """
    shown: dict[str, Any] = control.evaluate(
        f"(control) => {{ setTimeout(() => control.click()); return ({BUSY})(); }}"
    )
    return shown


@pytest.mark.parametrize(("motion", "animation"), [("reduce", "none"), ("no-preference", "turn")])
def test_a_slow_change_shows_that_it_is_under_way(
    surfer: Surfer,
    nadia: Employee,
    keys: Phone,
    sandbox: Sandbox,
    motion: Literal["reduce", "no-preference"],
    animation: str,
) -> None:
    sandbox.set_faults([{"action": "iam:CreateAccessKey", "fault": "latency", "latency_ms": 2500}])
    surfer.page.emulate_media(reduced_motion=motion)
    seen = pressed(surfer.button("/access-keys/create"))
    assert seen["words"] == seen["wanted"] != "" and seen["words"] in seen["said"], "shown, and said aloud"
    assert seen["animation"] == animation
    surfer.page.wait_for_url("**/access-keys/new")
    made = sandbox.as_administrator("iam").list_access_keys(UserName=nadia.name)["AccessKeyMetadata"]
    assert len(made) == 2, "one click, one key"


def held_back(surfer: Surfer, pattern: str) -> list[Route]:
    """From now on, requests that match this pattern get no answer. Returns the list they are added to."""
    came: list[Route] = []

    def hold(route: Route) -> None:
        came.append(route)

    surfer.page.route(pattern, hold)
    return came


NOTHING_BUSY = "() => document.querySelectorAll('[aria-busy], main [aria-disabled]').length === 0"
BACK = {
    "taken from memory": "() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
    "called off": "() => dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))",
}


@pytest.mark.parametrize("back", BACK)
def test_a_page_that_is_come_back_to_can_be_used_again(surfer: Surfer, keys: Phone, back: str) -> None:
    came, page = held_back(surfer, "**/access-keys/create"), surfer.page
    seen = pressed(surfer.button("/access-keys/create"))
    assert seen["words"] == seen["wanted"] != ""
    (held,) = came
    held.abort("aborted")  # no answer arrives, and the page stays
    page.unroute("**/access-keys/create")
    assert not page.evaluate(NOTHING_BUSY)
    page.evaluate(BACK[back])
    assert page.evaluate(NOTHING_BUSY)
    surfer.submit("/access-keys/create")
    assert surfer.path == "/access-keys/new", "and it is sent"


def test_a_download_leaves_the_page_as_it_was(surfer: Surfer, keys: Phone) -> None:
    surfer.submit("/access-keys/create")
    page = surfer.page
    page.clock.install()
    page.reload()
    link = page.locator("main a[data-download]")
    before = link.inner_text()
    with page.expect_download():
        link.click()
    page.clock.fast_forward(1_000)
    page.locator("main a[data-download][aria-busy=true]").wait_for()
    assert link.inner_text() not in ("", before), "it says what goes on"
    page.clock.fast_forward(5_000)
    page.locator("main a[data-download]:not([aria-busy])").wait_for()
    assert link.inner_text() == before
    assert page.locator("[aria-busy]").count() == 0


def test_a_link_to_a_slow_page_shows_that_it_opens(surfer: Surfer, keys: Phone) -> None:
    surfer.submit("/access-keys/create")
    surfer.open("/access-keys")
    came = held_back(surfer, "**/access-keys/new")
    link = surfer.page.locator("main a.btn[href='/access-keys/new']")
    before = link.inner_text()
    assert pressed(link)["words"] not in ("", before), "it says what goes on"
    came[0].abort()
