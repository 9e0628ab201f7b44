"""What a page must look like for everyone: focus rings, edges, room on narrow screens, and HTML's own rules."""

from __future__ import annotations

import re
from pathlib import Path
from weakref import WeakKeyDictionary

from playwright.sync_api import CDPSession, Page

_LOOK = (Path(__file__).parent / "looks.js").read_text().partition("\n")[2]

NARROW = ((320, 1), (640, 2))
"""Widths in CSS pixels and the scale: the narrowest screen of WCAG 1.4.10, and 1280 pixels at 200 % zoom."""

_TIME = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:?\d\d)?)?")
"""Dates and moments of HTML's `<time datetime>`; its other forms are not used here."""

_NAMELESS = "pre, p, span, div, code, strong, em, b, i, u, s, small, q, kbd, samp, sub, sup, mark, time, abbr"
"""Elements whose own role takes no name (ARIA 1.2, HTML-ARIA): they need a role before a label counts."""


def seen_and_reached(page: Page) -> list[str]:
    """What a user with a keyboard or low vision could not see in the current theme; [] if there is nothing.

    Every control's focus ring, and every field's and box's edge, has at least 3:1 (WCAG 2.4.7, 1.4.11).
    """
    before = page.evaluate_handle("document.activeElement")
    page.keyboard.press("Tab")  # from now on focus is a keyboard's, and shows
    complaints: list[str] = page.evaluate(_LOOK, True)
    page.evaluate("element => element?.focus?.({ preventScroll: true })", before)
    return complaints


def too_wide(page: Page) -> list[str]:
    """Where the page must be scrolled sideways, and what is too wide; [] where nothing is. Keeps its size."""
    window = page.viewport_size
    assert window
    if page not in _DEVTOOLS:
        _DEVTOOLS[page] = page.context.new_cdp_session(page)
    complaints = []
    for width, scale in NARROW:
        _resize(page, width, 600, scale)
        complaints += page.evaluate(
            """(width) => {
              const root = document.scrollingElement;
              if (root.clientWidth !== width) return [`the window is ${root.clientWidth} wide, not ${width}`];
              if (root.scrollWidth <= root.clientWidth) return [];
              const wide = [...document.querySelectorAll("body *")]
                .filter((each) => each.getBoundingClientRect().right > root.clientWidth + 1)
                .map((each) => each.outerHTML.replace(/\\s+/g, " ").slice(0, 90));
              return [`${root.scrollWidth} px of content in ${width}: ${wide.slice(-4).join(" | ")}`];
            }""",
            width,
        )
    _resize(page, **window)
    return complaints


_DEVTOOLS: WeakKeyDictionary[Page, CDPSession] = WeakKeyDictionary()
"""Kept open: at its end the browser would forget the size of the window as well, and to set that again takes long."""


def _resize(page: Page, width: int, height: int, scale: int = 1) -> None:
    metrics = {"width": width, "height": height, "screenWidth": width, "screenHeight": height}
    more = {"deviceScaleFactor": scale, "mobile": False}
    _DEVTOOLS[page].send("Emulation.setDeviceMetricsOverride", metrics | more)


def without_style(page: Page) -> list[str]:
    """Classes on the page that none of its style sheets knows; [] where all is well."""
    unknown: list[str] = page.evaluate(
        """() => {
          const known = new Set();
          const read = (rules) => {
            for (const rule of rules) {
              for (const [, name] of (rule.selectorText ?? "").matchAll(/\\.([\\w-]+)/g)) known.add(name);
              if (rule.cssRules) read(rule.cssRules);
            }
          };
          for (const sheet of document.styleSheets) read(sheet.cssRules);
          const used = [...document.querySelectorAll("[class]")].flatMap((each) => [...each.classList]);
          return [...new Set(used)].filter((name) => !known.has(name));
        }"""
    )
    return [f"no style sheet knows the class {each}" for each in unknown]


def not_valid(page: Page) -> list[str]:
    """Names on elements that take none, and moments that HTML does not know; [] where all is well."""
    labelled: list[str] = page.evaluate(
        """(nameless) => [...document.querySelectorAll(":is([aria-label], [aria-labelledby]):not([role])")]
          .filter((each) => each.matches(nameless)).map((each) => each.outerHTML.slice(0, 90))""",
        _NAMELESS,
    )
    moments: list[str] = page.evaluate("[...document.querySelectorAll('time')].map((each) => each.dateTime)")
    return [f"takes no label: {each}" for each in labelled] + [
        f"is no moment of HTML's: {each}" for each in moments if not _TIME.fullmatch(each)
    ]
