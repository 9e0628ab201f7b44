"""What a page says to the person at the browser, as codes, names and addresses rather than words."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Error, Locator, Page

_NAMED = """(attribute) => [...document.querySelectorAll(`main [data-${attribute}]`)].map(({ dataset }) =>
  [dataset[attribute], dataset.item ?? dataset.about].filter(Boolean).join(":"))"""
_TEXTS = "(selector) => [...document.querySelectorAll(selector)].map((each) => each.innerText)"
_ATTRIBUTES = """([selector, ...names]) => [...document.querySelectorAll(selector)]
  .map((each) => names.map((name) => each.getAttribute(name) ?? ""))"""


class Seen:
    """The page that is open. docs/development.md lists the attributes it is read by."""

    page: Page

    @property
    def path(self) -> str:
        return urlsplit(self.page.url).path

    def _ask(self, script: str, told: object = None) -> Any:
        """Evaluate a script in the page; in the next one, if the browser is just going there.

        Playwright's locators wait in the same way, but load a script of 400 kB into every page first.
        """
        self.page.wait_for_load_state()
        try:
            return self.page.evaluate(script, told)
        except Error as error:
            if "context was destroyed" not in error.message:
                raise
        self.page.wait_for_load_state()
        return self.page.evaluate(script, told)

    def attributes(self, selector: str, *names: str) -> list[list[str]]:
        """These attributes of every element that matches, from top to bottom; "" for one that it lacks."""
        return list(self._ask(_ATTRIBUTES, [selector, *names]))

    def attribute(self, selector: str, name: str) -> list[str]:
        """This attribute of every element that matches, from top to bottom; "" where it lacks it."""
        return [value for (value,) in self.attributes(selector, name)]

    def is_there(self, selector: str) -> bool:
        """Does anything on the page match?"""
        return bool(self.attributes(selector))

    def count(self, selector: str) -> int:
        """How many elements of the page match."""
        return len(self.attributes(selector))

    def texts(self, selector: str) -> list[str]:
        """What is to be read in each element that matches, from top to bottom."""
        return [str(each) for each in self._ask(_TEXTS, selector)]

    @property
    def text(self) -> str:
        return str(self._ask("document.querySelector('main').innerText"))

    @property
    def html(self) -> str:
        """The page as it is now, with what its scripts did to it."""
        return str(self._ask("document.documentElement.outerHTML"))

    @property
    def heading(self) -> str:
        return str(self._ask("document.querySelector('h1').innerText"))

    @property
    def refused_as(self) -> str:
        """Stable code of the error that the page shows, "" where it shows none."""
        (code,) = self.attribute("main", "data-refused")
        return code

    @property
    def with_mfa(self) -> bool:
        """Does the page say that the session has MFA?"""
        return self.is_there("[data-signed-in][data-mfa=yes]")

    def data(self, name: str) -> list[str]:
        """Values of an attribute on the page, from top to bottom: "todo" is `data-todo`."""
        return self.attribute(f"main [data-{name}]", f"data-{name}")

    @property
    def wrong(self) -> dict[str, str]:
        """Code of what is wrong with each field that the page says is wrong."""
        told = self.attributes("main [data-field-error][id]", "id", "data-field-error")
        return {name.removesuffix("-error"): code for name, code in told}

    @property
    def invalid(self) -> list[str]:
        """Names of the fields that the page says are wrong."""
        return self.attribute("main [aria-invalid=true]", "name")

    @property
    def notices(self) -> list[str]:
        """Categories of the messages at the top: "success", "info", "warning", "danger"."""
        return self.attribute("main [data-notice]", "data-notice")

    @property
    def outcomes(self) -> list[str]:
        """Outcomes on a page of activity, newest first: phase, and reason where there is one, "refused:in-use"."""
        return self.attribute("[data-outcome]", "data-outcome")

    @property
    def states(self) -> list[str]:
        """What the page says of the state of things: a code, or of one thing "active:AKIA...", in order."""
        return [str(each) for each in self._ask(_NAMED, "state")]

    @property
    def to_do(self) -> list[str]:
        """Codes of what the overview lists to do, and of what: "retire-key:AKIA..."."""
        return [str(each) for each in self._ask(_NAMED, "todo")]

    def row(self, item: str) -> Locator:
        """What the page shows of one thing, by its id."""
        return self.page.locator(f"main [data-item='{item}']").first

    def row_text(self, item: str) -> str:
        """All text about one thing, by its id, also what is folded up."""
        return str(self._ask("(row) => document.querySelector(row).textContent", f"main [data-item='{item}']"))

    @property
    def user_name(self) -> str:
        """Who is signed in, as the page's head says; "" where nobody is."""
        return str(self._ask("document.querySelector('[data-signed-in] [title]')?.innerText ?? ''"))

    def is_inside(self, user_name: str) -> bool:
        """Is this the overview of this user, signed in?"""
        return (self.path, self.user_name) == ("/", user_name)

    def at(self, selector: str) -> str:
        """Text of the first element that matches, "" if none does."""
        return str(self._ask("(selector) => document.querySelector(selector)?.innerText ?? ''", selector))

    def leads_to(self, address: str) -> bool:
        """Does a link in the page lead to this address (without a query: with any)?"""
        return self.is_there(f"main a[href='{address}'], main a[href^='{address}?']")

    def value(self, name: str) -> str:
        """What a field holds."""
        (held,) = self._ask(
            "(name) => [...document.querySelectorAll(`[name='${name}']`)].map((each) => each.value)", name
        )
        return str(held)
