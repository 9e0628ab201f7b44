"""A user's hands on a page: they write into fields and press buttons and links.

Playwright's locators do the same step by step: they load a script of 400 kB into each page, and wait for frames. That
took a third of a story's time. Here one message does it, where the page is ready. Where it isn't, a locator waits, or
says why it cannot.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

_HANDS = (Path(__file__).parent / "hands.js").read_text().partition("\n")[2].strip()


def write(page: Page, place: str, **typed: str) -> None:
    """Write into the fields of these names, in the first element that matches `place`. What was in them goes.

    In a list, choose what has this value. Check a box, whatever is given for it.
    """
    for name in page.evaluate(f"(told) => {_HANDS}.write(told)", [place, typed]) if typed else ():
        field = page.locator(place).first.locator(f"[name={name}]")
        if field.evaluate("field => field.localName") == "select":
            field.select_option(typed[name])
        elif field.get_attribute("type") == "checkbox":
            field.check()
        else:
            field.fill(typed[name])


def press(page: Page, *path: str) -> None:
    """Press the element that a path of selectors leads to: the first that matches, within the one before it.

    It must be visible, enabled, and in front of everything else.
    """
    if not page.evaluate(f"(path) => {_HANDS}.press(path)", list(path)):
        target = page.locator(path[0]).first
        for selector in path[1:]:
            target = target.locator(selector).first
        target.click()
