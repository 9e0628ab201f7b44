"""The browser of the tests: Debian's Chromium, with what it has to do without."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright, sync_playwright

HOSTED = "latchkey.test"
"""The host name of a portal that doesn't run on the user's machine."""

_WITHOUT = (
    # They cost a third of the time of a page: a new frame for each, and a process that waits for the next site.
    "RenderDocument",
    "SpareRendererForSitePerProcess",
    # What Playwright turns off, as the last of these lists counts: the rest of its list isn't in this browser.
    "AvoidCorsURLLoaderRestartOnRedirect",
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PaintHolding",
    "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(_WITHOUT)}",
    # Only this machine is reachable, whatever a page or the browser itself requests.
    f"--host-resolver-rules=MAP {HOSTED} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, in real time: only the servers it talks to follow the tests' clock."""
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
