"""A sandbox of each policy, shared by the stories; people of their own for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.clock import Clock
from tests.support.people import Employee, hire
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="session", params=["recommended", "tutorial"])
def policy(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def sandbox(scratch: Path, clock: Clock, policy: str) -> Iterator[Sandbox]:
    with Sandbox(scratch / f"aws-{policy}", clock, "--policy", policy) as running:
        yield running


@pytest.fixture(scope="session")
def one(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    """For what no policy changes."""
    with Sandbox(scratch / "aws", clock) as running:
        yield running


@pytest.fixture
def alice(one: Sandbox) -> Employee:
    return hire(one, "alice")


Refused = Callable[..., tuple[str, int]]


@pytest.fixture
def refused() -> Refused:
    """Calls, expects AWS's no, and answers (code, HTTP status)."""

    def call(act: Callable[..., Any], **parameters: Any) -> tuple[str, int]:
        with pytest.raises(ClientError) as no:
            act(**parameters)
        answer = no.value.response
        return str(answer["Error"]["Code"]), int(answer["ResponseMetadata"]["HTTPStatusCode"])

    return call
