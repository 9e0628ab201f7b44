"""Mails in a browser, as mail programs of phones show them: 320 pixels wide, in both themes."""

from __future__ import annotations

from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from app.notices.examples import example
from app.notices.kinds import KINDS
from app.notices.rendering import render
from tests.support.chromium import chromium
from tests.support.looks import not_valid, too_wide, without_style
from tests.support.notices import BRAND

LONG = "Wilhelmina.Maximiliane.Hohenstaufen-Wittelsbach@subsidiary.examp"
LOOKING_DIFFERENT = ("access-key-created", "digest", "campaign-announcement", "unused-credentials")
"""Kinds that have all parts of a mail between them."""


def test_mails_can_be_read_on_a_phone_by_day_and_by_night() -> None:
    asked: list[str] = []
    said: list[str] = []
    with chromium() as browser, browser.new_context(viewport={"width": 320, "height": 640}) as window:
        page = window.new_page()
        page.on("request", lambda request: asked.append(request.url))
        for kind in KINDS:
            names = {"user": LONG, "name": "x" * 64, "target": f"arn:aws:iam::123456789012:mfa/{LONG}"}
            page.set_content(render(kind, {**example(kind), **names}, "en", BRAND).html)
            if page.evaluate("document.documentElement.scrollWidth") > 320:
                said.append(f"{kind}: it must be scrolled sideways")
            if kind in LOOKING_DIFFERENT:
                found = [*too_wide(page), *not_valid(page), *without_style(page), *_in_both_themes(page)]
                said += [f"{kind}: {complaint}" for complaint in found]
    assert said == []
    assert asked == [], "a mail loads nothing"


def _in_both_themes(page: Page) -> list[str]:
    said = []
    colours = set()
    themes: tuple[Literal["dark", "light"], ...] = ("dark", "light")
    for theme in themes:
        page.emulate_media(color_scheme=theme)
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        found = Axe().run(page)
        if found.violations_count:
            said.append(f"in {theme}: {found.generate_report()}")
    return said if len(colours) == 2 else [*said, "it is the same by day and by night"]
