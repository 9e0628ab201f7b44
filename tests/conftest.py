"""What every test may ask for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clock import Clock
from tests.support.redis import RedisServer, redis_server

POLICIES = ("recommended", "tutorial")

if "libfaketime" not in os.environ.get("LD_PRELOAD", ""):
    sys.exit("Tests move the clock: start them with `make test`, or `python -m tests [pytest options]`.")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--policy tutorial`: the browser's stories under one of the policies only."""
    parser.addoption("--policy", choices=POLICIES, action="append", default=[])
    parser.addoption("--whole-matrix", action="store_true", help="each change with each fault, not with two of them")
    parser.addoption("--flows", type=int, default=20, help="people who enroll or rotate while replicas are killed")
    parser.addoption("--seed", type=int, default=20260101, help="of the chance by which replicas are killed")
    parser.addoption("--phase", type=float, default=1, help="seconds since phones changed codes when a test begins")


@pytest.fixture(scope="session")
def clock() -> Clock:
    """Everyone's clock."""
    return Clock()


@pytest.fixture(autouse=True)
def same_phase(clock: Clock, pytestconfig: pytest.Config) -> None:
    """Every story begins at the same moment of a code's 30 seconds: what passes once passes always."""
    clock.move((pytestconfig.getoption("phase") - clock.time()) % 30)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the run."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A Redis of the run's own."""
    with redis_server() as running:
        yield running
