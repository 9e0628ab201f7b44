"""Browser profiles of Chromium. Stories use them one after another: a new tab costs more than four pages."""

from __future__ import annotations

from collections import defaultdict

from playwright.sync_api import Browser, ViewportSize

_CLIPBOARD = ["clipboard-read", "clipboard-write"]
_NATIVE = "[Date, setTimeout].every((each) => String(each).includes('[native code]'))"
"""Is time in pages the browser's? A story that installed a clock of Playwright's cannot take it away."""


class Profile:
    """What a browser keeps of one user, with a tab."""

    def __init__(self, browser: Browser, javascript: bool, width: int) -> None:
        self.javascript, self.width = javascript, width
        self._window = ViewportSize(width=width, height=900)
        self.context = browser.new_context(
            java_script_enabled=javascript, viewport=self._window, bypass_csp=False, ignore_https_errors=True
        )
        self.context.grant_permissions(_CLIPBOARD)
        self.tab = self.context.new_page()

    def clean(self) -> bool:
        """Make it as new, but for its cache of files. Returns False where that fails, and nobody may use it again."""
        if self.tab.is_closed():
            return False
        for page in self.context.pages:
            if page is not self.tab:
                page.close()
        self.context.unroute_all()
        self.tab.unroute_all()
        self.tab.wait_for_load_state()
        with self.tab.expect_navigation():  # by a script, so that the renderer stays: a new one is what costs
            self.tab.evaluate("location.replace('about:blank')")
        if not self.tab.evaluate(_NATIVE):
            return False
        self.tab.evaluate("navigator.clipboard?.writeText('')")
        devtools = self.context.new_cdp_session(self.tab)
        devtools.send("Page.resetNavigationHistory")
        devtools.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})  # cookies as well
        devtools.detach()
        self.context.clear_permissions()
        self.context.grant_permissions(_CLIPBOARD)
        self.tab.emulate_media(media="null", color_scheme="null", reduced_motion="null", forced_colors="null")
        self.tab.set_viewport_size(self._window)
        return True


class Profiles:
    """The profiles of one browser that no story uses now."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._idle: dict[tuple[bool, int], list[Profile]] = defaultdict(list)

    def take(self, javascript: bool, width: int, fresh: bool = False) -> Profile:
        """A clean profile. fresh: one that nobody has used."""
        idle = self._idle[javascript, width]
        return idle.pop() if idle and not fresh else Profile(self._browser, javascript, width)

    def put_back(self, profile: Profile) -> None:
        """Clean a profile for the next story, or close it."""
        if profile.clean():
            self._idle[profile.javascript, profile.width].append(profile)
        else:
            profile.context.close()
