"""A sandbox within this process, so that a test can look at its state; a portal beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine
from werkzeug.serving import WSGIRequestHandler, make_server

from app.commands import compliance
from app.db import db
from app.factory import create_app
from app.policy.documents import read
from app.sandbox.faults import Faults, parsed
from app.sandbox.sandbox_app import SandboxApp
from app.sandbox.seed import populate
from app.sandbox.state import Settings, State
from config import engine_options, from_env
from tests.security.conftest import Guest
from tests.support import postgres
from tests.support.clock import Clock
from tests.support.databases import GOOD, in_memory, make_database
from tests.support.people import Employee
from tests.support.sandbox import Sandbox, free_port

postgresql = postgres.postgresql

PEOPLE = 500


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 # werkzeug's name
        """Say nothing."""


@dataclass
class Aws:
    """A running sandbox and what is in it."""

    url: str
    state: State
    users: dict[str, dict[str, Any]]
    app: SandboxApp

    def faults(self, *rules: dict[str, Any]) -> None:
        """What goes wrong from now on."""
        self.app.faults.replace(parsed(list(rules)))

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        return list(self.app.log.since(since))

    def last_call(self) -> int:
        return max((call["seq"] for call in self.calls()), default=0)


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """One per run: moto keeps its state per process."""
    state = State(settings=Settings(users=PEOPLE))
    users = populate(state, read("recommended"), PEOPLE, datetime.now(UTC))
    port = free_port()
    app = SandboxApp(state, Faults([]), frozenset({f"127.0.0.1:{port}"}))
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield Aws(f"http://127.0.0.1:{port}", state, users, app)
    server.shutdown()


@pytest.fixture
def portal(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """A portal whose commands run as Administrator."""
    aws.faults()
    for service in ("IAM", "STS", "SIGNIN"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", aws.url)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    act_as(monkeypatch, aws, "Administrator")
    make_database(tmp_path / "portal.db")
    made = create_app(from_env({**GOOD, "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.db'}"}))
    yield made
    with made.app_context():
        db.engine.dispose()


def act_as(monkeypatch: pytest.MonkeyPatch, aws: Aws, name: str) -> None:
    """Whose plain access key the commands find."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", aws.users[name]["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", aws.users[name]["secret_access_key"])


Command = Callable[..., Any]


@pytest.fixture
def command(portal: Flask) -> Command:
    """Runs `flask compliance ...`."""

    def run(*words: str, **options: Any) -> Any:
        return portal.test_cli_runner().invoke(compliance, args=words, **options)

    return run


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An empty database of either kind."""
    with empty_database(request, request.param) as made:
        yield made


@contextmanager
def empty_database(request: pytest.FixtureRequest, kind: str) -> Iterator[Engine]:
    """One that has its tables, for a fixture. kind: "sqlite" or "postgresql"."""
    with ExitStack() as lent:
        if kind == "postgresql":
            url = lent.enter_context(request.getfixturevalue("postgresql").tables())
            made = create_engine(url, **engine_options(url))
        else:
            made = in_memory()
        yield made
        made.dispose()


# -- pages: a portal in this process, whose users sign in at a sandbox beside it


@pytest.fixture(scope="session")
def sandbox(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "sandbox-of-compliance", clock) as running:
        yield running


def entered(app: Flask, sandbox: Sandbox, clock: Clock) -> Guest:
    """A browser in which Administrator is signed in."""
    facts, guest = sandbox.user("Administrator"), Guest(app)
    clock.move(60)
    chief = Employee(sandbox, "Administrator", facts["access_key_id"], facts["secret_access_key"])
    guest.sign_in(chief, sandbox.code(facts["mfa"]["seed"]))
    assert guest.is_inside("Administrator"), guest.text
    return guest
