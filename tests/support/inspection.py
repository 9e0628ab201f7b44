"""What is wrong with a page that a test opened, though no story asks: structure, secrets, accessibility, looks."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from tests.support.looks import not_valid, seen_and_reached, too_wide, without_style
from tests.support.marks import kept_secrets, shown_secrets

FILES = {
    "campaigns.users",
    "activity.export",
    "access_keys.download",
    "policies.download",
    "compliance.accounts_file",
    "compliance.export",
    "compliance_evidence.public_key",
    "compliance_evidence.verifier",
    "compliance_history.changes_file",
    "compliance_history.listed_file",
    "compliance_policies.people",
}
"""Endpoints whose answer is saved: the page that leads to them stays, and must not wait for another one."""


class Inspection:
    """Inspects pages of one browser. seen: names of what was inspected, shared by all browsers of a run."""

    def __init__(self, portal_url: str, url_map: Map, seen: set[str], javascript: bool) -> None:
        self.url = portal_url
        self.seen = seen
        self._routes = url_map.bind(urlsplit(portal_url).netloc)
        self._javascript = javascript

    def __call__(self, page: Page, document: Response) -> None:
        """Heading, labels, CSRF tokens; once per page and state: axe and what the eye needs, in both themes.

        document: what the server answered, which is kept for the HTML checker where the whole suite runs.
        """
        has = page.evaluate(_HAS)  # at once, and without a locator: that would load a script of 400 kB first
        assert len(has["headings"]) == 1, f"{page.url}: {has['headings']}"
        here, path = page.url.startswith(self.url), urlsplit(page.url).path
        assert has["title"].endswith("· Latchkey" if here else "· sandbox sign-in")
        assert has["summary"] == sorted(has["summary"]), f"{page.url}: the summary lists the fields in another order"
        if here:
            assert 0 < len(has["described"]) <= 160, f"{page.url}: {has['described']!r}"
            assert kept_secrets(page.url) == []
            assert shown_secrets(path, has["html"]) == [], page.url
        assert set(has["tokens"]) <= {1}, f"{page.url}: a form without its token"
        for where in has["leading"] if here else ():
            assert self._endpoint(where) not in FILES, f"{page.url}: {where} looks as if it went on for ever"
        endpoint = self._endpoint(path) if here else "sandbox"
        heading = has["headings"][0].replace(has["user"] or "0", "")  # a page looks the same for every user
        state = f"{endpoint} {re.sub(r'[0-9]+', '', heading)} {has['invalid']}"
        if not self._javascript or state in self.seen:
            return  # axe runs in the page; the same pages are inspected with JavaScript
        if not _is_first(f"{state} {has['built_of']}"):
            self.seen.add(state)
            return
        _keep(state, document)
        if said := self._look(page):
            raise AssertionError("\n".join([page.url, *said]))
        self.seen.update((state, endpoint) if here else (state,))

    def _look(self, page: Page) -> list[str]:
        """What the eye and the keyboard miss."""
        said = not_valid(page) + without_style(page)
        page.evaluate(Axe().axe_script)
        before = ""
        for theme in ("dark", "light"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            here, before = before, page.evaluate(_LAID_OUT)
            # Where only colours change with the theme, only what axe says of colours can change.
            found = AxeResults(page.evaluate(_AXE, _OF_COLOURS if here == before else []))
            assert not found.violations_count, f"{page.url} in {theme}:\n{found.generate_report()}"
            said += [f"in {theme}: {complaint}" for complaint in seen_and_reached(page)]
        page.emulate_media(forced_colors="active", reduced_motion="reduce")
        said += [f"in forced colours: {complaint}" for complaint in seen_and_reached(page)]
        page.emulate_media(forced_colors="none", reduced_motion="reduce")
        return said + too_wide(page)

    def _endpoint(self, path: str) -> str:
        try:
            return str(self._routes.match(path, method="GET")[0])
        except HTTPException:
            # The answer to a POST has the POST's address.
            return "none"


_OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""Rules of axe that look at colours."""

_AXE = """(only) => axe.run({ resultTypes: ["violations"], ...(only.length && { runOnly: only }) })
  .then(({ violations }) => ({ violations }))"""

_LAID_OUT = """() => [...document.querySelectorAll("*")].map((each) => {
  const { x, y, width, height } = each.getBoundingClientRect();
  const seen = each.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  return [seen, x + scrollX, y + scrollY, width, height];
}).join()"""
"""Where each element is, and whether it can be seen."""

_HAS = """() => {
  const html = document.documentElement;
  const all = (selector) => [...html.querySelectorAll(selector)];
  return {
    headings: all("h1").map((each) => each.innerText),
    title: document.title,
    user: document.querySelector("[data-signed-in] [title]")?.innerText,
    described: all("meta[name=description]").map((each) => each.content.trim()).join(),
    html: html.outerHTML,
    tokens: all("form[method=post]").map((each) => each.querySelectorAll("[name=csrf_token]").length),
    leading: all("a.btn[href]:not([data-download])")
      .map((each) => each.origin === location.origin ? each.pathname : "/"),
    invalid: all("[aria-invalid=true]").length,
    summary: all("[data-error-summary] a").map((each) => all("*").indexOf(html.querySelector(each.hash))),
    built_of: [...new Set(all("body *").map((each) => `${each.localName}.${each.getAttribute("class") ?? ""}`))]
      .sort().join(" "),
  };
}"""
"""What every page is asked: its heading, how many tokens each form holds, where what looks like a button leads, and
where on the page the fields are that the summary of errors names, in its order. Last, the kinds of its elements:
pages of the same ones look alike to an inspection."""


def _keep(state: str, document: Response) -> None:
    """Keep the page as the server sent it, before scripts change it, for `tests.browser.test_html`."""
    folder = os.environ.get("TESTS_SEEN")
    if folder and "html" in document.headers.get("content-type", ""):
        name = re.sub(r"\W+", "-", state).strip("-")
        (Path(folder) / f"{name}-{os.getpid()}.html").write_text(document.text())


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
