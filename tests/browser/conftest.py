"""Browsers, portals and sandboxes for the stories, one of each per policy and run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol, Unpack

import pytest
from playwright.sync_api import Browser
from werkzeug.routing import Map

from app.factory import create_app
from config import from_env
from tests.conftest import POLICIES
from tests.support.asked import Notebook
from tests.support.browser import Surfer, Window
from tests.support.chromium import chromium
from tests.support.clock import Clock
from tests.support.enrolling import Enrolling
from tests.support.marks import SECRET_KEY
from tests.support.people import Employee, Phone, hire, hire_without_key
from tests.support.portal import AUDIT_KEYS, Portal
from tests.support.postgres import postgres
from tests.support.profiles import Profiles
from tests.support.redis import redis_server
from tests.support.sandbox import Sandbox
from tests.support.visitor import Reader

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def profiles(browser: Browser) -> Profiles:
    """Browser profiles that stories use one after another."""
    return Profiles(browser)


@pytest.fixture(scope="session")
def url_map() -> Map:
    """Every page the portal has."""
    return create_app(
        from_env(
            {
                "ACCOUNTS": "123456789012",
                "SECRET_KEY": SECRET_KEY,
                "AUDIT_KEYS": AUDIT_KEYS,
                "DATABASE_URL": "sqlite://",
            }
        )
    ).url_map


@pytest.fixture(scope="session")
def seen() -> Iterator[set[str]]:
    """Endpoints that a story has opened and inspected, in this process or an earlier one (TESTS_SEEN)."""
    folder = Path(os.environ["TESTS_SEEN"]) if "TESTS_SEEN" in os.environ else None
    earlier = folder.glob("*.txt") if folder else ()
    endpoints = {line for file in earlier for line in file.read_text().splitlines()}
    yield endpoints
    if folder:
        (folder / f"{os.getpid()}.txt").write_text("\n".join(sorted(endpoints)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each story under the Force_MFA policies that its marks name."""
    if "policy" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("policy") or POLICIES
        metafunc.parametrize("policy", chosen, scope="session", indirect=True)


@pytest.fixture(scope="session")
def policy(request: pytest.FixtureRequest) -> str:
    """The policy that the current story runs under."""
    return str(request.param)


@pytest.fixture(scope="session")
def sandbox(scratch: Path, clock: Clock, policy: str) -> Iterator[Sandbox]:
    with Sandbox(scratch / f"sandbox-{policy}", clock, "--policy", policy, "--consistency-delay-s", "8") as running:
        yield running
        if "TESTS_SEEN" in os.environ:  # what AWS did for the portal, for the tests that check it at the end
            done = {
                call["action"]
                for call in running.calls()
                if call["status"] == 200 and "latchkey" in call["user_agent"]
            }
            (Path(os.environ["TESTS_SEEN"]) / f"{os.getpid()}.{policy}").write_text("\n".join(sorted(done)))


@pytest.fixture(scope="session")
def portal(scratch: Path, sandbox: Sandbox, policy: str, pytestconfig: pytest.Config) -> Iterator[Portal]:
    with ExitStack() as stack:
        settings = {"FORCE_MFA_POLICY": policy, "WORKERS": str(pytestconfig.getoption("workers"))}
        if pytestconfig.getoption("database") == "postgresql":
            settings["DATABASE_URL"] = stack.enter_context(postgres()).migrated("portal")
        if pytestconfig.getoption("redis"):
            settings["REDIS_URL"] = stack.enter_context(redis_server()).database()
        yield stack.enter_context(Portal(scratch / f"portal-{policy}", sandbox, **settings))


class Surfing(Protocol):
    """Opens a browser with its own cookies. at: address of a portal other than the usual one."""

    def __call__(self, at: str = ..., **window: Unpack[Window]) -> Surfer: ...


def surfers_of(profiles: Profiles, portal_url: str, url_map: Map, clock: Clock, seen: set[str]) -> Iterator[Surfing]:
    """For a fixture: opens browsers on demand, and closes them all."""
    opened: list[Surfer] = []

    def surf(at: str = portal_url, **window: Unpack[Window]) -> Surfer:
        opened.append(Surfer(profiles, at, url_map, clock, seen, **window))
        return opened[-1]

    yield surf
    for surfer in opened:
        surfer.close()


@pytest.fixture(scope="session")
def notebook(portal: Portal, sandbox: Sandbox, url_map: Map) -> Notebook:
    """Records what pages ask of AWS during most stories."""
    return Notebook(portal, sandbox, url_map)


@pytest.fixture
def surfing(
    profiles: Profiles,
    portal: Portal,
    url_map: Map,
    clock: Clock,
    seen: set[str],
    notebook: Notebook,
    request: pytest.FixtureRequest,
) -> Iterator[Surfing]:
    """Opens browsers on the portal of most stories."""
    yield from surfers_of(profiles, portal.url, url_map, clock, seen)
    notebook.write(request.path)


class Visiting(Protocol):
    """Opens a browser without a screen. at: address of a portal other than the usual one."""

    def __call__(self, at: str = ...) -> Reader: ...


@pytest.fixture
def visiting(portal: Portal, notebook: Notebook, request: pytest.FixtureRequest) -> Iterator[Visiting]:
    """Opens browsers without a screen, for stories in which nothing depends on one."""

    def visit(at: str = portal.url) -> Reader:
        return Reader(at)

    yield visit
    notebook.write(request.path)


@pytest.fixture
def surfer(surfing: Surfing) -> Surfer:
    """One browser."""
    return surfing()


@pytest.fixture
def browser_of_policy(policy: str, request: pytest.FixtureRequest) -> Surfer | Reader:
    """One browser, without a screen under the tutorial's policy: what that changes is in the text of pages."""
    one: Surfer | Reader = request.getfixturevalue("surfing" if policy == "recommended" else "visiting")()
    return one


@pytest.fixture
def nadia(sandbox: Sandbox, clock: Clock) -> Employee:
    """A user of the tutorial's group with an access key and no MFA."""
    hired = hire(sandbox, "nadia")
    clock.move(10)  # her key works everywhere in IAM by now
    return hired


@pytest.fixture
def phone(surfer: Surfer, nadia: Employee) -> Phone:
    """Nadia's first device; her session has MFA."""
    return surfer.arrive_with_mfa(nadia, at="/mfa")


def prove(surfer: Enrolling) -> Phone:
    """Scan the QR code and enter two codes."""
    scanned = surfer.scan()
    surfer.give_two_codes(scanned)
    return scanned


@pytest.fixture
def marta(sandbox: Sandbox, clock: Clock) -> Iterator[Employee]:
    """Like MFAUser of the tutorial: a console password, no access key, no MFA."""
    hired = hire_without_key(sandbox, "marta")
    clock.move(10)  # her password works everywhere in IAM by now
    yield hired
    sandbox.set_faults([])


def refreshes(sandbox: Sandbox, mark: int) -> list[int]:
    calls = sandbox.calls(mark)
    return [call["status"] for call in calls if call["action"] == "signin:CreateOAuth2Token"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Stories run under the policies they name. Tests that check what all stories did come last."""
    chosen = config.getoption("policy") or POLICIES
    elsewhere = [item for item in items if item.path.parent == HERE and not _is_told(item, chosen)]
    items[:] = [item for item in items if item not in elsewhere]
    config.hook.pytest_deselected(items=elsewhere)
    items.sort(key=lambda item: "looks_back" in item.keywords)


def _is_told(story: pytest.Item, chosen: Sequence[str]) -> bool:
    """Under the recommended policy, unless a mark says otherwise. Tests that check all stories always run."""
    if "both_policies" in story.keywords:
        told: tuple[str, ...] = POLICIES
    else:
        told = ("tutorial",) if "tutorials_policy" in story.keywords else ("recommended",)
    under = (
        story.callspec.params.get("policy")
        if isinstance(story, pytest.Function) and hasattr(story, "callspec")
        else None
    )
    return "looks_back" in story.keywords or (under in told if under else not set(told).isdisjoint(chosen))
