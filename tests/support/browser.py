"""A person's browser: Debian's Chromium, looking critically at every page it opens."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import urlsplit

import zxingcpp
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Playwright, sync_playwright
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from tests.support.clock import Clock
from tests.support.looks import not_valid, seen_and_reached, too_wide, without_style
from tests.support.marks import kept_secrets, shown_secrets
from tests.support.people import Employee, Phone
from tests.support.sandbox import ROOT

HOSTED = "latchkey.test"
"""The name of a portal that is not on the person's own machine."""

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing but this machine, whatever a page or the browser itself asks for.
    f"--host-resolver-rules=MAP {HOSTED} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


FILES = {"activity.export", "access_keys.download", "policies.download", "compliance.export"}
"""Endpoints whose answer is saved: the page that leads to them stays, and must not wait for another one."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, in real time: only what it talks to follows the tests' clock."""
    kept = {name: os.environ.pop(name) for name in ("LD_PRELOAD", "PYTHONPATH") if name in os.environ}
    manager = sync_playwright()
    try:
        playwright: Playwright = manager.start()
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium-headless-shell", args=QUIET)
    finally:
        os.environ.update(kept)
    yield browser
    browser.close()
    playwright.stop()


class Window(TypedDict, total=False):
    """How a browser differs from most; keywords of `Surfer`."""

    javascript: bool
    width: int


class Surfer:
    """One browser profile with one tab, on one portal. Every page it lands on is inspected.

    seen: endpoints that were inspected, shared by all surfers of a run.
    """

    def __init__(
        self,
        browser: Browser,
        portal_url: str,
        url_map: Map,
        clock: Clock,
        seen: set[str],
        javascript: bool = True,
        width: int = 1280,
    ) -> None:
        self.url = portal_url
        self.clock = clock
        self.seen = seen
        self._routes = url_map.bind(urlsplit(portal_url).netloc)
        self._context = browser.new_context(
            java_script_enabled=javascript,
            viewport={"width": width, "height": 900},
            bypass_csp=False,
            ignore_https_errors=True,
        )
        self._context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.javascript = javascript
        self.complaints: list[str] = []
        self.outside: list[str] = []
        self.page = self.tab()

    def tab(self) -> Page:
        """Another tab of the same profile."""
        page = self._context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._asked)
        return page

    def _heard(self, message: Any) -> None:
        if "Content Security Policy" in message.text or "Content-Security-Policy" in message.text:
            self.complaints.append(message.text)

    def _asked(self, request: Any) -> None:
        if urlsplit(request.url).hostname not in ("127.0.0.1", "localhost", HOSTED, None):
            self.outside.append(request.url)

    def close(self) -> None:
        """Close the profile; fails where a page broke its own security policy, called out or kept a secret."""
        left = str(self._context.cookies())
        self._context.close()
        assert kept_secrets(left) == []
        assert not self.complaints, self.complaints
        assert not self.outside, self.outside

    # -- what a person does

    def open(self, path: str) -> None:
        """Type an address."""
        self.page.goto(self.url + path)
        self.inspect()

    def press(self, name: str) -> None:
        """Press a button by its label and land on what comes. For pages that are not ours, such as AWS's."""
        self._click(self.page.locator(f"main button:has-text('{name}'), main a:has-text('{name}')").first)

    def submit(self, address: str, **typed: str) -> None:
        """Fill in the first form that is sent to this address (without a query: with any), and press its button."""
        form = self._form(address)
        for name, text in typed.items():
            form.locator(f"[name={name}]").fill(text)
        self._click(form.locator("button:not([type=button])").first)

    def has(self, address: str) -> bool:
        """Is there a form that is sent to this address?"""
        return self._form(address).count() == 1

    def _form(self, address: str) -> Locator:
        forms = f"main form[method=post][action='{address}'], main form[method=post][action^='{address}?']"
        own = ", main form[method=post]:not([action])" if self.path == address else ""
        return self.page.locator(forms + own).first

    def follow(self, address: str) -> None:
        """Follow the first link in the page that leads to this address (without a query: with any)."""
        self._click(self.page.locator(f"main a[href='{address}'], main a[href^='{address}?']").first)

    def navigate(self, address: str) -> None:
        """Follow a link of the navigation."""
        self._click(self.page.locator(f"nav a[href='{address}']").first)

    def _click(self, target: Locator) -> None:
        with self.page.expect_navigation():
            target.click()
        self.page.wait_for_load_state()
        self.inspect()

    def type(self, **fields: str) -> None:
        """Fill fields by name."""
        for name, text in fields.items():
            self.page.locator(f"[name={name}]").fill(text)

    def sign_in(self, employee: Employee) -> None:
        """With the access key."""
        self.open("/sign-in")
        key = {"access_key_id": employee.access_key_id, "secret_access_key": employee.secret_access_key}
        self.submit("/sign-in", **key)

    def begin_at_aws(self) -> None:
        """Off to AWS's page, on this machine."""
        self.open("/sign-in")
        self.submit("/sign-in/aws")

    def give_password(self, employee: Employee, phone: Phone | None = None) -> None:
        """On AWS's pages: who, the password and, from a phone, the next code."""
        self.type(account=employee.sandbox.account_id, user_name=employee.name, password=employee.password)
        self.press("Sign in")
        if phone:
            self.type(code=phone.next())
            self.press("Submit")

    def sign_in_at_aws(self, employee: Employee, phone: Phone | None = None) -> None:
        """From our sign-in page through AWS's, and back."""
        self.begin_at_aws()
        self.give_password(employee, phone)
        self.press("Continue")

    def scan(self, clock: Clock | None = None, slow_s: float = 0) -> Phone:
        """Point a phone at the QR code on the screen: pixels in, an entry of the app out."""
        codes = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
        for _ in range(3):  # as a phone does, which looks many times a second
            picture = self.page.locator("[data-qr]").screenshot()
            found = zxingcpp.read_barcodes(Image.open(io.BytesIO(picture)), formats=codes)
            if len(found) == 1:
                break
        else:
            kept = ROOT / "test-results" / "unreadable.png"
            kept.parent.mkdir(exist_ok=True)
            kept.write_bytes(picture)
            raise AssertionError(f"{len(found)} QR codes a phone could read: see {kept}")
        return Phone(clock or self.clock, found[0].text, slow_s)

    def enroll(self) -> Phone:
        """From the overview to a trusted device; stays on the page that asks for the next code."""
        self.submit("/mfa/enroll/begin")
        phone = self.scan()
        self.give_two_codes(phone)
        return phone

    def give_two_codes(self, phone: Phone) -> None:
        """Type a code, wait for the next, type that."""
        first = phone.next()
        self.submit("/mfa/enroll", first_code=first, second_code=phone.next())

    def upgrade(self, phone: Phone) -> None:
        """Give the next code and wait until AWS knows the device."""
        self.submit("/mfa/activate", code=phone.next())
        while self.has("/mfa/activate/continue"):
            self.clock.move(5)
            self.submit("/mfa/activate/continue")

    def get_mfa(self) -> Phone:
        """From the overview to a session with MFA; their phone."""
        phone = self.enroll()
        self.upgrade(phone)
        return phone

    def choose_file(self, field: str, name: str, content: bytes, kind: str = "") -> None:
        """Of those on their disk. kind: MIME, as far as the browser knows it."""
        self.page.locator(f"[name={field}]").set_input_files({"name": name, "mimeType": kind, "buffer": content})

    def take_cookies_of(self, other: Surfer) -> None:
        """As a thief does: those that the other browser has now."""
        for cookie in other.page.context.cookies():
            name, value, domain, path = cookie["name"], cookie["value"], cookie["domain"], cookie["path"]
            self._context.add_cookies([{"name": name, "value": value, "domain": domain, "path": path}])

    # -- what a person sees

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    @property
    def text(self) -> str:
        return self.page.inner_text("main")

    @property
    def heading(self) -> str:
        return self.page.inner_text("h1")

    @property
    def refused_as(self) -> str:
        """Stable code of the error that the page tells of, "" where it tells of none."""
        return self.page.locator("main").get_attribute("data-refused") or ""

    @property
    def invalid(self) -> list[str]:
        """Names of the fields that the page says are wrong."""
        return [each.get_attribute("name") or "" for each in self.page.locator("main [aria-invalid=true]").all()]

    @property
    def notices(self) -> list[str]:
        """Categories of the messages at the top: "success", "info", "warning", "danger"."""
        return [each.get_attribute("data-notice") or "" for each in self.page.locator("main [data-notice]").all()]

    @property
    def outcomes(self) -> list[str]:
        """Outcomes on a page of activity, newest first: phase, and reason where there is one, "refused:in-use"."""
        shown = self.page.locator("[data-outcome]").all()
        return [each.get_attribute("data-outcome") or "" for each in shown]

    def value(self, name: str) -> str:
        """What a field holds."""
        return self.page.locator(f"[name={name}]").input_value()

    # -- what nobody sees, on every page

    def inspect(self) -> None:
        """Heading, labels, CSRF tokens; once per page and state: axe and what the eye needs, in both themes."""
        page = self.page
        has = page.locator("html").evaluate(_HAS)  # at once: each question by itself takes as long
        assert len(has["headings"]) == 1, f"{page.url}: {has['headings']}"
        here = page.url.startswith(self.url)
        assert has["title"].endswith("· Latchkey" if here else "· sandbox sign-in")
        if here:
            assert kept_secrets(page.url) == []
            assert shown_secrets(self.path, has["html"]) == [], page.url
        assert set(has["tokens"]) <= {1}, f"{page.url}: a form without its token"
        for where in has["leading"] if here else ():
            assert self._endpoint(where) not in FILES, f"{page.url}: {where} looks as if it went on for ever"
        where = self._endpoint() if here else "sandbox"
        state = f"{where} {re.sub(r'[0-9]+', '', has['headings'][0])} {has['invalid']}"
        if not self.javascript or state in self.seen:
            return  # axe runs in the page; the same pages are inspected with JavaScript
        if not _is_first(f"{state} {page.evaluate(_BUILT_OF)}"):
            self.seen.add(state)
            return
        said = not_valid(page) + without_style(page)
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            found = Axe().run(page)
            assert not found.violations_count, f"{page.url} in {theme}:\n{found.generate_report()}"
            said += [f"in {theme}: {complaint}" for complaint in seen_and_reached(page)]
        page.emulate_media(forced_colors="active", reduced_motion="reduce")
        said += [f"in forced colours: {complaint}" for complaint in seen_and_reached(page)]
        page.emulate_media(forced_colors="none", reduced_motion="reduce")
        said += too_wide(page)
        assert not said, "\n".join([page.url, *said])
        self.seen.update((state, self._endpoint()) if here else (state,))

    def _endpoint(self, path: str = "") -> str:
        try:
            return str(self._routes.match(path or self.path, method="GET")[0])
        except HTTPException:
            # The answer to a POST stands under the POST's address.
            return "none"


_HAS = """(html) => {
  const all = (selector) => [...html.querySelectorAll(selector)];
  return {
    headings: all("h1").map((each) => each.innerText),
    title: document.title,
    html: html.outerHTML,
    tokens: all("form[method=post]").map((each) => each.querySelectorAll("[name=csrf_token]").length),
    leading: all("a.btn[href]:not([data-download])")
      .map((each) => each.origin === location.origin ? each.pathname : "/"),
    invalid: all("[aria-invalid=true]").length,
  };
}"""
"""What every page is asked: its heading, how many tokens each form holds, where what looks like a button leads."""

_BUILT_OF = """() => [...new Set([...document.querySelectorAll("body *")]
  .map((each) => `${each.localName}.${each.getAttribute("class") ?? ""}`))].sort().join(" ")"""
"""The kinds of elements on a page: two pages with the same ones look alike to an inspection."""


def _is_first(state: str) -> bool:
    """Claim a page's state for this process; False where another process of the run inspects it."""
    folder = os.environ.get("TESTS_SEEN")
    if folder is None:
        return True
    try:
        (Path(folder) / f"{hashlib.sha256(state.encode()).hexdigest()}.claimed").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True
