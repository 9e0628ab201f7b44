"""What a page says to the person at the browser, as codes, names and addresses rather than words."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page

_NAMED = """(all) => all.map(({ dataset }) =>
  [dataset.NAME, dataset.item ?? dataset.about].filter(Boolean).join(":"))"""
_STATES, _TO_DO = _NAMED.replace("NAME", "state"), _NAMED.replace("NAME", "todo")


class Seen:
    """The page that is open. docs/development.md lists the attributes it is read by."""

    page: Page

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
        """Stable code of the error that the page shows, "" where it shows none."""
        return self.page.locator("main").get_attribute("data-refused") or ""

    @property
    def with_mfa(self) -> bool:
        """Does the page say that the session has MFA?"""
        return self.page.locator("[data-signed-in][data-mfa=yes]").count() == 1

    def data(self, name: str) -> list[str]:
        """Values of an attribute on the page, from top to bottom: "todo" is `data-todo`."""
        found = self.page.locator(f"main [data-{name}]").all()
        return [each.get_attribute(f"data-{name}") or "" for each in found]

    @property
    def wrong(self) -> dict[str, str]:
        """Code of what is wrong with each field that the page says is wrong."""
        found = self.page.locator("main [data-field-error][id]").all()
        ids = [(each.get_attribute("id") or "", each.get_attribute("data-field-error") or "") for each in found]
        return {name.removesuffix("-error"): code for name, code in ids}

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

    @property
    def states(self) -> list[str]:
        """What the page says of the state of things: a code, or of one thing "active:AKIA...", in order."""
        shown = self.page.locator("main [data-state]").evaluate_all(_STATES)
        return [str(each) for each in shown]

    @property
    def to_do(self) -> list[str]:
        """Codes of what the overview lists to do, and of what: "retire-key:AKIA..."."""
        shown = self.page.locator("main [data-todo]").evaluate_all(_TO_DO)
        return [str(each) for each in shown]

    def row(self, item: str) -> Locator:
        """What the page shows of one thing, by its id."""
        return self.page.locator(f"main [data-item='{item}']").first

    @property
    def user_name(self) -> str:
        """Who is signed in, as the page's head says; "" where nobody is."""
        found = self.page.locator("[data-signed-in] [title]")
        return found.inner_text() if found.count() else ""

    def is_inside(self, user_name: str) -> bool:
        """Is this the overview of this user, signed in?"""
        return (self.path, self.user_name) == ("/", user_name)

    def leads_to(self, address: str) -> bool:
        """Does a link in the page lead to this address (without a query: with any)?"""
        return self.page.locator(f"main a[href='{address}'], main a[href^='{address}?']").count() > 0

    def value(self, name: str) -> str:
        """What a field holds."""
        return self.page.locator(f"[name={name}]").input_value()
