"""An installation for the doctor: a sandbox in place of AWS, and a portal that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.doctor.all_checks import Diagnosis, examine
from tests.support import postgres
from tests.support.clock import Clock
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox

postgresql = postgres.postgresql

TOKEN = "token-of-the-metrics-of-the-tests"


@pytest.fixture(scope="package")
def sandbox(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "sandbox-of-the-doctor", clock) as running:
        yield running


@pytest.fixture(scope="package")
def portal(scratch: Path, sandbox: Sandbox) -> Iterator[Portal]:
    with Portal(scratch / "portal-of-the-doctor", sandbox, METRICS_TOKEN=TOKEN) as running:
        yield running


Examine = Callable[..., Diagnosis]


@pytest.fixture
def examined(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """Examine the installation, with other settings if they are given; None removes one."""

    def examined(also: Any = None, **changed: str | None) -> Diagnosis:
        env = {name: value for name, value in {**portal.environment, **changed}.items() if value is not None}
        for name, value in env.items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)  # botocore looks there itself
        return examine(env, also)

    return examined


def codes(diagnosis: Diagnosis) -> set[str]:
    return {finding.code for finding in diagnosis.findings}
