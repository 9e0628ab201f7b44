"""What every test may ask for."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.clock import Clock, stay_on_loopback
from tests.support.redis import RedisServer, redis_server
from tests.support.refusals import only_known_diagnoses
from tests.support.templates import share_compiled

POLICIES = ("recommended", "tutorial")

stay_on_loopback()
share_compiled()
settings.register_profile("soak", max_examples=800)  # eight times as many as else: `--hypothesis-profile=soak`


def pytest_addoption(parser: pytest.Parser) -> None:
    """What a run of tests may be told, beside pytest's own options."""
    parser.addoption("--policy", choices=POLICIES, action="append", default=[], help="only what is told under it")
    parser.addoption("--database", choices=("sqlite", "postgresql"), default="sqlite", help="of the browser's portal")
    parser.addoption("--redis", action="store_true", help="the browser's portal keeps its sessions in Redis")
    parser.addoption("--workers", type=int, default=1, help="of the browser's portal; several need --redis")
    parser.addoption(
        "--whole-matrix", action="store_true", help="every fault with each change, every input for each page"
    )
    parser.addoption("--batches", type=int, default=1, help="of 1,000 policy documents that are made at random")
    parser.addoption("--flows", type=int, default=12, help="people who enroll or rotate while replicas are killed")
    parser.addoption("--tries", type=int, default=8, help="requests made up for each member whom policies hold back")
    parser.addoption("--seed", type=int, default=20260101, help="of the chance by which replicas are killed")
    parser.addoption("--phase", type=float, default=1, help="seconds since phones changed codes when a test begins")


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not in what stays: it took an eighth of all CPU."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def clock() -> Clock:
    """Everyone's clock, for stories that let time pass: plain pytest cannot tell them."""
    if not Clock.can_be_moved():
        pytest.fail("This test moves the clock: run it with `.venv/bin/python -m tests FILE -k NAME`.", pytrace=False)
    return Clock()


@pytest.fixture(autouse=True)
def same_phase(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> None:
    """Every story begins at the same moment of a code's 30 seconds: what passes once passes always."""
    if Clock.can_be_moved():
        clock: Clock = request.getfixturevalue("clock")
        clock.move((pytestconfig.getoption("phase") - clock.time()) % 30)


@pytest.fixture(scope="session", autouse=True)
def known_diagnoses() -> Iterator[None]:
    """Every diagnosis is one that its kind of error names."""
    with only_known_diagnoses():
        yield


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the run."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A Redis of the run's own."""
    with redis_server() as running:
        yield running
