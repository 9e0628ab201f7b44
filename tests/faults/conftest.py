"""A sandbox and replicas for what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clock import Clock
from tests.support.redis import RedisServer
from tests.support.replicas import Replicas, replicas
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "sandbox-of-faults", clock) as running:
        yield running


@pytest.fixture(scope="session")
def many(scratch: Path, sandbox: Sandbox, redis: RedisServer) -> Iterator[Replicas]:
    """Three replicas of a portal."""
    with replicas(scratch / "many", sandbox, redis, 3, SIGN_IN_LIMIT_PER_KEY="10000 per hour") as running:
        yield running
