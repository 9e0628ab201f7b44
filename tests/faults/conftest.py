"""A sandbox and replicas for what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.people import Inside
from tests.support.clock import Clock
from tests.support.people import Employee, hire
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


@pytest.fixture
def nadia(sandbox: Sandbox, clock: Clock) -> Iterator[Employee]:
    """A user with an access key and no MFA; what goes wrong for her goes wrong no longer afterwards."""
    hired = hire(sandbox, "nadia")
    clock.move(10)
    yield hired
    sandbox.set_faults([])


@pytest.fixture
def inside(nadia: Employee, many: Replicas, clock: Clock) -> Inside:
    """Nadia, signed in with MFA through all replicas."""
    return Inside(nadia, many, clock)
