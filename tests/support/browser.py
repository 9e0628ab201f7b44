"""A user's browser: Debian's Chromium, which inspects every page it opens."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, TypedDict
from urllib.parse import urldefrag, urlsplit

import zxingcpp
from PIL import Image
from playwright.sync_api import Locator, Page, Request, Response
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from werkzeug.routing import Map

from tests.support import hands
from tests.support.chromium import HOSTED
from tests.support.clock import Clock
from tests.support.enrolling import AtAws, Enrolling
from tests.support.inspection import Inspection
from tests.support.marks import kept_secrets
from tests.support.people import Employee, Phone
from tests.support.profiles import Profiles
from tests.support.sandbox import ROOT
from tests.support.seen import Seen
from tests.support.visitor import Reader, Visitor

_SENDS = "button:not([type=button])"
"""The button that sends a form, within it."""


class Window(TypedDict, total=False):
    """How a browser differs from most; keywords of `Surfer`."""

    javascript: bool
    width: int
    fresh: bool
    """Use a profile that no story used before, and none will use again: for stories about Back."""


class Surfer(Seen, Enrolling, AtAws):
    """One browser profile with one tab, on one portal. Every page it lands on is inspected.

    seen: endpoints that were inspected, shared by all surfers of a run.
    """

    def __init__(
        self,
        profiles: Profiles,
        portal_url: str,
        url_map: Map,
        clock: Clock,
        seen: set[str],
        javascript: bool = True,
        width: int = 1280,
        fresh: bool = False,
    ) -> None:
        self.url = portal_url
        self.clock = clock
        self._documents: dict[str, Response] = {}
        self._inspection = Inspection(portal_url, url_map, seen, javascript)
        self._profiles, self._fresh = profiles, fresh
        self._profile = profiles.take(javascript, width, fresh)
        self._context = self._profile.context
        self._context.on("response", self._answered)
        self._listening: list[tuple[Page, Literal["request", "requestfinished"], Callable[[Request], None]]] = []
        self.complaints: list[str] = []
        self.outside: list[str] = []
        self.page = self._watched(self._profile.tab)

    def tab(self) -> Page:
        """Another tab of the same profile."""
        return self._watched(self._context.new_page())

    def _watched(self, page: Page) -> Page:
        page.set_default_timeout(60_000)
        page.on("console", self._heard)
        page.on("pageerror", self._failed)
        page.on("request", self._asked)
        return page

    def _heard(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            self.complaints.append(message.text)

    def _failed(self, error: Any) -> None:
        self.complaints.append(str(error))

    def _asked(self, request: Any) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", "localhost", HOSTED, None):
            self.outside.append(request.url)

    def _answered(self, response: Response) -> None:
        if response.request.is_navigation_request():
            self._documents[response.url] = response

    def listen(self, event: Literal["request", "requestfinished"], heard: Callable[[Request], None]) -> None:
        """Call `heard` with each request of the tab, until this browser is closed."""
        if event == "request":
            self.page.on("request", heard)
        else:
            self.page.on("requestfinished", heard)
        self._listening.append((self.page, event, heard))

    def close(self) -> None:
        """Give the profile up. Fails if a page broke its security policy, asked elsewhere or kept a secret."""
        left = str(self._context.cookies())
        if self._fresh:
            self._context.close()
        else:
            self._profiles.put_back(self._profile)
            self._hear_no_more()
        assert kept_secrets(left) == []
        assert not self.complaints, self.complaints
        assert not self.outside, self.outside

    def _hear_no_more(self) -> None:
        self._context.remove_listener("response", self._answered)
        tab = self._profile.tab
        tab.remove_listener("console", self._heard)
        tab.remove_listener("pageerror", self._failed)
        tab.remove_listener("request", self._asked)
        for page, event, heard in self._listening:
            page.remove_listener(event, heard)

    # -- what a user does

    def open(self, path: str) -> None:
        """Type an address."""
        self.page.goto(self.url + path)
        self.inspect()

    def press(self, name: str) -> None:
        """Press a button by its label and wait for the next page. For pages that are not ours, such as AWS's."""
        target = self.page.locator(f"main button:has-text('{name}'), main a:has-text('{name}')").first
        self._land(target.click)

    def submit(self, address: str, **typed: str) -> None:
        """Fill in the first form that is sent to this address (without a query: with any), and press its button."""
        hands.write(self.page, self._form(address), **typed)
        self._press(self._form(address), _SENDS)

    def refresh_compliance(self) -> None:
        """Refresh an account on its compliance page, and wait for the end. Fails with what the page says."""
        self.submit("/compliance/refresh")
        self.page.locator("[data-run=running]").wait_for(state="detached")
        assert self.is_there("[data-headline]"), f"{self.page.url}: {self.text}"

    def button(self, address: str) -> Locator:
        """The button that sends the form of this address (without a query: with any)."""
        return self.page.locator(self._form(address)).first.locator(_SENDS).first

    def has(self, address: str) -> bool:
        """Whether there is a form that is sent to this address."""
        return self.is_there(self._form(address))

    def _form(self, address: str) -> str:
        forms = f"main form[method=post][action='{address}'], main form[method=post][action^='{address}?']"
        own = ", main form[method=post]:not([action])" if self.path == address else ""
        return forms + own

    def follow(self, address: str) -> None:
        """Follow the first link in the page that leads to this address (without a query: with any)."""
        self._press(f"main a[href='{address}'], main a[href^='{address}?']")

    def ask(self, **chosen: str) -> None:
        """Fill in the page's form that changes nothing (its answer has an address of its own), and send it."""
        hands.write(self.page, "main form[method=get]", **chosen)
        self._press("main form[method=get]", "button")

    def sign_out(self, tab: Page | None = None) -> None:
        """Sign out, in the menu under the user's name."""
        page = tab or self.page
        hands.press(page, "[data-signed-in] summary")
        hands.press(page, "form[data-sign-out] button")
        page.wait_for_url("**/sign-in*")

    def click(self, selector: str) -> None:
        """Click the first element that matches and wait for the next page."""
        self._press(selector)

    def navigate(self, address: str) -> None:
        """Follow a link of the sidebar or of the menu under the user's name. A closed menu is opened first."""
        link = f"nav a[href='{address}'], [data-signed-in] a[href='{address}']"
        if self.page.evaluate("(link) => document.querySelector(link)?.checkVisibility() === false", link):
            self.page.locator(link).first.locator("xpath=ancestor::details/summary").click()
        self._press(link)

    def _press(self, *path: str) -> None:
        self._land(lambda: hands.press(self.page, *path))

    def _land(self, press: Callable[[], None]) -> None:
        with self.page.expect_navigation():
            press()
        self.page.wait_for_load_state()
        self.inspect()

    def type(self, **fields: str) -> None:
        """Fill fields by name."""
        hands.write(self.page, "html", **fields)

    def sign_in(self, employee: Employee) -> None:
        """Sign in with the access key."""
        self.open("/sign-in")
        key = {"access_key_id": employee.access_key_id, "secret_access_key": employee.secret_access_key}
        self.submit("/sign-in", **key)

    def scan(self, *, slow_s: float = 0) -> Phone:
        """Scan the QR code on the screen with a phone. Returns the entry in its authenticator app."""
        codes = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
        picture = b""
        for _ in range(5):  # a phone tries many times a second
            with suppress(PlaywrightTimeout):  # Chromium on a busy machine may draw nothing until it is asked again
                picture = self.page.locator("[data-qr]").screenshot(timeout=12_000)
            if not picture:
                continue
            found = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)), formats=codes)
            if len(found) == 1:
                break
        else:
            kept = ROOT / "test-results" / "unreadable.png"
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(picture)
            raise AssertionError(f"{len(found)} QR codes a phone could read: see {kept}")
        return Phone(self.clock, found[0].text, slow_s)

    def arrive(self, employee: Employee, at: str = "/") -> None:
        """Open a page as after `sign_in`, for stories that begin there.

        The same forms are sent to the same portal, but without drawing pages that other stories are about.
        """
        sent = self.without_screen().open("/sign-in")
        key = {"access_key_id": employee.access_key_id, "secret_access_key": employee.secret_access_key}
        sent.send("POST", *sent.filled("/sign-in", **key))
        self.continue_from(sent, at)

    def arrive_with_mfa(self, employee: Employee, at: str = "/") -> Phone:
        """The same, with a device that the user has set up before. Returns the phone."""
        phone = employee.given_device(self.clock, employee.name)
        sent = self.without_screen().sign_in(employee)
        sent.send("POST", *sent.filled("/sign-in/code", code=phone.next()))
        self.continue_from(sent, at)
        return phone

    def arrive_by_password(self, employee: Employee, phone: Phone | None = None, at: str = "/") -> None:
        """Open a page as after `sign_in_at_aws`."""
        sent = self.without_screen()
        sent.send("GET", sent.way_back_from_aws(employee, phone))
        self.continue_from(sent, at)

    def begin_enrolling(self, employee: Employee) -> None:
        """Open the page with the QR code as after `sign_in` and a press of the button for it."""
        sent = self.without_screen().open("/sign-in?next=/mfa/enroll").sign_in(employee)
        sent.send("POST", *sent.filled("/mfa/enroll/begin"))
        self.continue_from(sent, "/mfa/enroll")

    def without_screen(self) -> Visitor:
        """A browser of the same name without a screen."""
        return Visitor(self.url, agent=str(self.page.evaluate("navigator.userAgent")))

    def continue_from(self, sent: Visitor, at: str) -> None:
        """Take over the session of a browser without a screen, and open a page."""
        self.take_cookies_of(sent)
        self.open(at)
        assert self.path == urlsplit(at).path, self.text

    def choose_file(self, field: str, name: str, content: bytes, kind: str = "") -> None:
        """Choose a file on the user's disk. kind: its MIME type, if the browser knows it."""
        self.page.locator(f"[name={field}]").set_input_files({"name": name, "mimeType": kind, "buffer": content})

    def reader(self) -> Reader:
        """A browser without a screen in the same session, for parts of a story that need none."""
        made = Reader(self.url, str(self.page.evaluate("navigator.userAgent")))
        for cookie in self._context.cookies(self.url):
            made.cookies.set(cookie["name"], cookie["value"], domain=cookie["domain"], path=cookie["path"])
        return made

    def take_cookies_of(self, other: Surfer | Visitor) -> None:
        """Copy the cookies that the other browser has now, as a thief does."""
        if isinstance(other, Visitor):
            self._context.add_cookies(
                [{"name": each.name, "value": each.value or "", "url": self.url} for each in other.cookies]
            )
            return
        for cookie in other.page.context.cookies():
            name, value, domain, path = cookie["name"], cookie["value"], cookie["domain"], cookie["path"]
            self._context.add_cookies([{"name": name, "value": value, "domain": domain, "path": path}])

    # -- what users don't see, on every page

    def inspect(self) -> None:
        """Inspect the page (`Inspection`)."""
        self._inspection(self.page, self._documents[urldefrag(self.page.url).url])
