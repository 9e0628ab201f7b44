"""Stories use browser profiles one after another, and notice nothing of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.routing import Map

from tests.support.browser import Surfer
from tests.support.clock import Clock
from tests.support.people import Employee
from tests.support.portal import Portal
from tests.support.profiles import Profiles

KEPT = "[localStorage.length, sessionStorage.length]"
THEMES = """["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)", "(forced-colors: active)", "print"]
  .filter((each) => matchMedia(each).matches)"""


@pytest.fixture
def come(profiles: Profiles, portal: Portal, url_map: Map, clock: Clock, seen: set[str]) -> Callable[..., Surfer]:
    """Opens a browser of a width that no other story uses."""

    def surf(fresh: bool = False) -> Surfer:
        return Surfer(profiles, portal.url, url_map, clock, seen, width=1111, fresh=fresh)

    return surf


def test_nothing_of_a_story_reaches_the_next(come: Callable[..., Surfer], nadia: Employee) -> None:
    first = come()
    first.sign_in(nadia)
    first.page.evaluate("navigator.clipboard.writeText('Nadia was here')")
    first.page.evaluate("localStorage.setItem('who', 'Nadia'), sessionStorage.setItem('who', 'Nadia')")
    first.page.emulate_media(media="print", color_scheme="dark", reduced_motion="reduce", forced_colors="active")
    first.page.set_viewport_size({"width": 320, "height": 320})
    first.page.route("**/mfa/lost", lambda route: route.abort())
    first.tab().goto(f"{first.url}/access-keys")
    heard: list[str] = []
    first.listen("request", lambda request: heard.append(request.url))
    tab = first.page
    first.close()
    heard.clear()

    second = come()
    assert second.page is tab and second.page.context.pages == [tab]
    assert second.page.go_back() is None and second.page.url == "about:blank"
    assert second.page.context.cookies() == []
    assert second.page.evaluate(THEMES) == []
    assert second.page.evaluate("[innerWidth, innerHeight]") == [1111, 900]
    second.open("/mfa/lost")
    assert second.user_name == "" and heard == []
    assert second.page.evaluate(KEPT) == [0, 0]
    assert second.page.evaluate("navigator.clipboard.readText()") == ""
    second.close()
    assert first.complaints == [] == first.outside


def test_a_story_gets_a_profile_of_its_own_if_it_asks(come: Callable[..., Surfer]) -> None:
    first = come()
    used = first.page
    first.close()
    alone = come(fresh=True)
    assert alone.page is not used
    alone.close()
    assert alone.page.is_closed(), "nobody uses it again"
    second, third = come(), come()
    assert second.page is used and third.page is not used, "two at once have nothing in common"
    second.close()
    third.close()


def test_what_cannot_be_undone_reaches_nobody(come: Callable[..., Surfer]) -> None:
    first, second = come(), come()
    first.page.clock.install()
    first.open("/sign-in")
    second.page.close()
    first.close()
    second.close()
    third, fourth = come(), come()
    assert {third.page, fourth.page}.isdisjoint({first.page, second.page})
    third.close()
    fourth.close()
