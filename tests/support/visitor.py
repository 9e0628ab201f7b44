"""A browser without a screen, for many stories at once, with cookies, redirects and forms. Like a load balancer's
client, it uses any replica. How pages look and how their scripts behave is tested in Chromium (`browser.py`).
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Sequence
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from bs4 import BeautifulSoup, Tag
from urllib3.exceptions import NewConnectionError

from tests.support.aws_login import Browser
from tests.support.enrolling import AtAws, Enrolling
from tests.support.marks import kept_secrets, shown_secrets
from tests.support.people import Employee, Phone


class Broken(Exception):
    """The connection broke, so it isn't known whether the request was carried out. A user would see a 502."""


class Visitor(Enrolling):
    """One user with one browser. Each request goes to a random replica."""

    def __init__(
        self, urls: str | Sequence[str], chance: random.Random | None = None, agent: str = "Visitor"
    ) -> None:
        self.urls = [urls] if isinstance(urls, str) else list(urls)
        self._chance = chance or random.Random(1)
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers["Connection"] = "close"  # so that no old connection leads to a killed replica
        self._http.headers["User-Agent"] = agent
        self.status = 0
        self.path = self.address = ""
        """Where this browser is, without and with a query."""
        self.site = ""
        """Another site it is on: scheme, host and port; "" on the portal."""
        self.html = ""
        self.headers: dict[str, str] = {}
        self._files: dict[str, tuple[str, bytes, str]] = {}
        self.every_page: list[str] = []
        """Bodies of all answers, in which tests search for secrets."""
        self.timeout = 45.0
        self._parsed = "", BeautifulSoup()

    @property
    def cookies(self) -> requests.cookies.RequestsCookieJar:
        """The cookies of this browser."""
        return self._http.cookies

    # -- going places

    def _ask(self, method: str, path: str, data: dict[str, str] | None) -> requests.Response:
        """Send a request to a replica that listens. A request that breaks on the way is not sent again."""
        files, self._files = self._files, {}
        for url in [self.site] if self.site else self._chance.sample(self.urls, len(self.urls)):
            try:
                return self._http.request(
                    method, url + path, data=data, files=files, allow_redirects=False, timeout=self.timeout
                )
            except requests.ConnectionError as error:
                if not isinstance(getattr(error.args[0], "reason", None), NewConnectionError):
                    raise Broken from error
            except requests.RequestException as error:
                raise Broken from error
        raise Broken("no replica listens")

    def send(self, method: str, path: str, data: dict[str, str] | None = None) -> str:
        """Send a request. Returns where the answer leads, "" if it is a page. Raises Broken."""
        answer = self._ask(method, path, data)
        self.every_page.append(answer.text)
        self.status, self.headers, self.html = answer.status_code, dict(answer.headers), answer.text
        self.path, self.address = urlsplit(path).path, path
        if not self.site:
            assert kept_secrets(path + str(self.headers)) == []
            assert shown_secrets(self.path, answer.text) == [], self.path
        if answer.status_code not in (301, 302, 303, 307, 308):
            return ""
        return self._led_to(urlsplit(urljoin(path, answer.headers["Location"])))

    def _led_to(self, target: SplitResult) -> str:
        """What to ask for after a redirect. It leads to a replica, whatever host it names."""
        return target.path + (f"?{target.query}" if target.query else "")

    def go(self, method: str, path: str, data: dict[str, str] | None = None) -> Visitor:
        """Send a request and follow redirects. Raises Broken."""
        leads_to = self.send(method, path, data)
        for _ in range(10):
            if not leads_to:
                return self
            path, leads_to = leads_to, self.send("GET", leads_to)
        raise AssertionError(f"redirects without end: {path}")

    def open(self, path: str) -> Visitor:
        """Type an address of the portal."""
        self.site = ""
        return self.go("GET", path)

    def filled(self, address: str, **typed: str) -> tuple[str, dict[str, str]]:
        """What the form that goes to this address (`form`) sends when it is filled in so, and where to."""
        return self._filled(self.form(address), typed)

    def _filled(self, form: Tag, typed: dict[str, str]) -> tuple[str, dict[str, str]]:
        fields = form.select("input[name], textarea[name], select[name]")
        data = {str(field["name"]): held(field) for field in fields if ok(field)} | typed
        for name in (str(field["name"]) for field in form.select("textarea[name]")):
            data[name] = re.sub(r"\r?\n", "\r\n", data[name])
        return self._goes_to(form), data

    def submit(self, address: str, **typed: str) -> Visitor:
        """Fill in and send the form that goes to this address (`form`)."""
        return self.go("POST", *self.filled(address, **typed))

    def follow(self, address: str) -> Visitor:
        """Follow the first link in the page that leads to this address (without a query: with any)."""
        for link in self.soup.select("main a[href]"):
            if address in (leads_to := str(link["href"]), urlsplit(leads_to).path):
                return self.open(leads_to)
        raise LookupError(f"no link to {address} on {self.path} ({self.status}): {self.text[:300]}")

    def navigate(self, address: str) -> Visitor:
        """Follow a link of the sidebar or of the menu under the user's name."""
        return self.click(f"nav a[href='{address}'], [data-signed-in] a[href='{address}']")

    def click(self, selector: str) -> Visitor:
        """Follow the first link that matches, or send the form whose button it is."""
        found = self._first(selector)
        form = found.find_parent("form")
        return self.go("POST", *self._filled(form, {})) if form else self.open(str(found["href"]))

    def refresh_compliance(self) -> None:
        """Refresh an account on its compliance page, and wait for the end."""
        self.submit("/compliance/refresh")
        while self.data("run") == ["running"]:
            time.sleep(0.1)
            self.open("/compliance")
        assert self.is_there("[data-headline]"), f"{self.path}: {self.text}"

    def sign_out(self) -> None:
        """Sign out, in the menu under the user's name."""
        self.click("form[data-sign-out] button")

    def choose_file(self, field: str, name: str, content: bytes, kind: str = "") -> None:
        """Choose a file on the user's disk, for the form that is sent next. kind: its MIME type, if known."""
        self._files[field] = (name, content, kind)

    # -- what is there

    @property
    def soup(self) -> BeautifulSoup:
        """The page, parsed once."""
        if self._parsed[0] is not self.html:
            self._parsed = self.html, BeautifulSoup(self.html, "html.parser")
        return self._parsed[1]

    @property
    def text(self) -> str:
        """The text of the page."""
        main = self.soup.find("main")
        return re.sub(r"\s+", " ", main.get_text(" ") if main else self.html)

    @property
    def heading(self) -> str:
        found = self.soup.find("h1")
        return re.sub(r"\s+", " ", found.get_text(" ").strip()) if found else ""

    @property
    def refused_as(self) -> str:
        """Stable code of the error that the page shows, "" if it shows none."""
        return refused_as(self.html)

    @property
    def invalid(self) -> list[str]:
        """Names of the fields that the page says are wrong."""
        return [str(each["name"]) for each in self.soup.select("main [aria-invalid=true]")]

    @property
    def wrong(self) -> dict[str, str]:
        """Codes of what is wrong with fields, by name."""
        shown = {f"{each['id']}-error": str(each["name"]) for each in self.soup.select("main [aria-invalid=true]")}
        told = self.soup.select("main [data-field-error]")
        return {shown[str(each["id"])]: str(each["data-field-error"]) for each in told if each.get("id") in shown}

    def data(self, name: str) -> list[str]:
        """Values of an attribute on the page, from top to bottom: "todo" is `data-todo`."""
        return [str(each[f"data-{name}"]) for each in self.soup.select(f"main [data-{name}]")]

    def attributes(self, selector: str, *names: str) -> list[list[str]]:
        """These attributes of every element that matches, from top to bottom; "" for one that it lacks."""
        return [[str(each.get(name, "")) for name in names] for each in self.soup.select(selector)]

    def attribute(self, selector: str, name: str) -> list[str]:
        """This attribute of every element that matches, from top to bottom; "" where it lacks it."""
        return [value for (value,) in self.attributes(selector, name)]

    def is_there(self, selector: str) -> bool:
        """Does anything on the page match?"""
        return bool(self.soup.select(selector))

    def count(self, selector: str) -> int:
        """How many elements of the page match."""
        return len(self.soup.select(selector))

    def texts(self, selector: str) -> list[str]:
        """What is to be read in each element that matches, from top to bottom."""
        return [re.sub(r"\s+", " ", each.get_text()).strip() for each in self.soup.select(selector)]

    @property
    def with_mfa(self) -> bool:
        """Does the page say that the session has MFA?"""
        return self.is_there("[data-signed-in][data-mfa=yes]")

    @property
    def outcomes(self) -> list[str]:
        """Outcomes on a page of activity, newest first: phase, and reason where there is one, "refused:in-use"."""
        return self.data("outcome")

    def value(self, name: str) -> str:
        """What a field holds."""
        (field,) = self.soup.select(f"[name={name}]")
        return held(field)

    def row(self, item: str) -> Tag:
        """What the page shows of one thing, by its id."""
        return self._first(f"main [data-item='{item}']")

    def row_text(self, item: str) -> str:
        """All text about one thing, by its id."""
        return self.row(item).get_text()

    def _first(self, selector: str) -> Tag:
        found = self.soup.select_one(selector)
        if found is None:
            raise LookupError(f"no {selector} on {self.path} ({self.status}): {self.text[:300]}")
        return found

    def leads_to(self, address: str) -> bool:
        """Does a link in the page lead to this address (without a query: with any)?"""
        links = (str(link["href"]) for link in self.soup.select("main a[href]"))
        return any(address in (link, urlsplit(link).path) for link in links)

    @property
    def notices(self) -> list[str]:
        """Categories of the messages at the top: "success", "info", "warning", "danger"."""
        return [str(each["data-notice"]) for each in self.soup.select("main [data-notice]")]

    @property
    def states(self) -> list[str]:
        """What the page says of the state of things: a code, or of one thing "active:AKIA...", in order."""
        return self._named("data-state")

    @property
    def to_do(self) -> list[str]:
        """Codes of what the overview lists to do, and of what: "retire-key:AKIA..."."""
        return self._named("data-todo")

    def _named(self, attribute: str) -> list[str]:
        shown = self.soup.select(f"main [{attribute}]")
        named = ((each[attribute], each.get("data-item") or each.get("data-about")) for each in shown)
        return [":".join(str(part) for part in parts if part) for parts in named]

    @property
    def user_name(self) -> str:
        """The user name in the page's header, "" if nobody is signed in."""
        return self.at("[data-signed-in] [title]")

    def is_inside(self, user_name: str) -> bool:
        """Whether this is the overview of this user, signed in."""
        return (self.status, self.path, self.user_name) == (200, "/", user_name)

    def form(self, address: str) -> Tag:
        """The first form that is sent to this address; without a query, one with any query. Raises LookupError."""
        for form in self.soup.select("form[method=post]"):
            if address in (goes_to := self._goes_to(form), urlsplit(goes_to).path):
                return form
        raise LookupError(f"no form to {address} on {self.path} ({self.status}): {self.text[:300]}")

    def _goes_to(self, form: Tag) -> str:
        return str(form.get("action") or self.path)

    def has(self, address: str) -> bool:
        """Whether there is a form that is sent to this address."""
        try:
            self.form(address)
        except LookupError:
            return False
        return True

    def at(self, selector: str) -> str:
        """Text of the first element that matches, "" if none does."""
        found = self.soup.select_one(selector)
        return found.get_text("").strip() if found else ""

    # -- what users do

    def sign_in(self, employee: Employee, code: str = "") -> Visitor:
        """Sign in with the access key, and with a code if it is asked for. Stays on an open sign-in page."""
        if self.path != "/sign-in" or not self.has("/sign-in"):
            self.open("/sign-in")
        if self.path == "/sign-in":
            key = {"access_key_id": employee.access_key_id, "secret_access_key": employee.secret_access_key}
            self.submit("/sign-in", **key)
        if code and self.path == "/sign-in/code":
            self.submit("/sign-in/code", code=code)
        return self

    def way_back_from_aws(self, employee: Employee, phone: Phone | None = None) -> str:
        """Sign in through AWS's pages, as far as the last of them. Returns where that leads."""
        self.open("/sign-in")
        answer = self._ask("POST", *self.filled("/sign-in/aws"))
        aws = Browser()
        aws.open(answer.headers["Location"])
        aws.sign_in(employee.sandbox.account_id, employee.name, employee.password)
        if phone:
            aws.submit(code=phone.next())
        back = urlsplit(aws.submit().url)
        return f"{back.path}?{back.query}"

    def arrive_with_mfa(self, employee: Employee, at: str = "/") -> Phone:
        """Open a page, signed in with a device that the user has set up before. Returns the phone."""
        phone = employee.given_device(self.clock, employee.name)
        self.open("/sign-in" if at == "/" else f"/sign-in?next={at}")
        self.sign_in(employee, phone.next())
        assert (self.path, self.user_name) == (at, employee.name), self.text
        return phone

    def arrive(self, employee: Employee, at: str = "/") -> None:
        """Open a page, signed in with the access key."""
        self.sign_in(employee)
        if self.path != at:
            self.open(at)
        assert self.path == at, self.text

    def begin_enrolling(self, employee: Employee) -> None:
        """Sign in, and press the button for a QR code."""
        self.open("/sign-in?next=/mfa/enroll")
        self.sign_in(employee)
        self.submit("/mfa/enroll/begin")

    def scan(self, *, slow_s: float = 0) -> Phone:
        """Type the seed on the page into an authenticator app."""
        (link,) = self.attribute("a[href^='otpauth:']", "href")
        return Phone(self.clock, f"{link.partition('?')[0]}?secret={self.seed()}", slow_s)

    def seed(self) -> str:
        """The seed on the page that shows a QR code."""
        return re.sub(r"\s", "", self.at("#seed"))


def refused_as(html: str) -> str:
    """Stable code of the error that a page shows, "" if it shows none."""
    main = BeautifulSoup(html, "html.parser").select_one("main[data-refused]")
    return str(main["data-refused"]) if main else ""


def ok(field: Tag) -> bool:
    """Whether a browser would send the field with its current value."""
    return field.get("type") not in ("checkbox", "radio") or field.has_attr("checked")


def held(field: Tag) -> str:
    """What a field of a form holds."""
    if field.name == "textarea":
        return field.get_text().replace("\r\n", "\n").removeprefix("\n")
    if field.name == "select":
        chosen = field.select_one("option[selected]") or field.select_one("option")
        return str(chosen.get("value", chosen.get_text())) if chosen else ""
    return str(field.get("value", ""))


class Reader(Visitor, AtAws):
    """A visitor who finds fault with a page as `Inspection` does, as far as HTML shows it. Can sign in at AWS."""

    def __init__(self, urls: str | Sequence[str], agent: str = "Reader") -> None:
        super().__init__(urls, agent=agent)
        self._typed: dict[str, str] = {}

    def go(self, method: str, path: str, data: dict[str, str] | None = None) -> Reader:
        """Send a request, follow redirects and look at the page."""
        super().go(method, path, data)
        if self.headers.get("Content-Type", "").startswith("text/html"):
            assert len(self.soup.select("h1")) == 1, self.path
            assert self.at("title").endswith("· sandbox sign-in" if self.site else "· Latchkey"), self.path
            for form in self.soup.select("form[method=post]"):
                assert len(form.select("[name=csrf_token]")) == 1, f"{self.path}: a form without its token"
        return self

    def _led_to(self, target: SplitResult) -> str:
        """What to ask for after a redirect, on the site that it names."""
        if target.netloc:
            site = f"{target.scheme}://{target.netloc}"
            self.site = "" if site in self.urls else site
        return super()._led_to(target)

    def _goes_to(self, form: Tag) -> str:
        return str(form.get("action") or self.address)

    def type(self, **fields: str) -> None:
        """Fill fields by name, of the form that is sent next by `press`."""
        self._typed |= fields

    def press(self, name: str) -> Reader:
        """Press a button by its label. For pages that are not ours, such as AWS's."""
        button = next(each for each in self.soup.select("main button") if name in each.get_text())
        form = button.find_parent("form")
        assert isinstance(form, Tag)
        typed, self._typed = self._typed, {}
        return self.go("POST", *self._filled(form, typed))
