"""The sandbox as a process: a threaded server on loopback, its file of facts, and an optional child process."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

from app.policy.documents import VARIANTS, read
from app.policy.evaluation import PolicyError
from app.policy.texts import extracted
from app.policy.unwrap import decoded
from app.sandbox.api import Refusal
from app.sandbox.faults import Fault, Faults
from app.sandbox.members import add_members
from app.sandbox.operations.mfa import hardware_tokens
from app.sandbox.operations.policies import parsed
from app.sandbox.policy_source import moved
from app.sandbox.sandbox_app import SandboxApp
from app.sandbox.seed import populate
from app.sandbox.state import Settings, State

HOST = "127.0.0.1"


class _Quiet(WSGIRequestHandler):
    """A request handler without access log, because the call log has it all."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 # werkzeug's name
        """Print nothing."""


@dataclass(frozen=True)
class Running:
    """A sandbox that listens."""

    url: str
    facts: dict[str, Any]
    file: Path
    moved_from: str = ""
    """The account that the policy is written for, if it's another one."""


def serve(
    settings: Settings,
    faults: list[Fault],
    port: int,
    instance: Path,
    listening: Callable[[Running], None],
    command: str | None,
) -> int:
    """Serve until interrupted, or until `command` ends. Returns the exit status.

    The policy is moved to the sandbox's account, as for a rehearsal. Raises PolicyError for a bad policy, CannotStart
    for a busy port or folder. listening: called once it listens.
    """
    document, moved_from = moved(policy_document(settings.policy))
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # before its file exists, because from then on it may be stopped
        signal.signal(number, lambda *_: stopped.set())
    with opened(settings, faults, port, instance, document) as running:
        listening(replace(running, moved_from=moved_from))
        return _wait(running, command, stopped)


@contextmanager
def opened(
    settings: Settings,
    faults: list[Fault],
    port: int,
    instance: Path,
    document: Mapping[str, Any] | None = None,
) -> Iterator[Running]:
    """Run a sandbox inside the with block. One per process, because moto keeps its state there.

    port: 0 for any. document: the policy, by default the one that `settings.policy` names. Raises PolicyError for a
    bad policy, CannotStart for a busy port or folder.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    state = State(settings=settings)
    document = policy_document(settings.policy) if document is None else document
    users = populate(state, document, settings.users, datetime.now(UTC))
    members: dict[str, Any] = {}
    if settings.accounts > 1:
        members = add_members(state, settings.accounts - 1, settings.users_per_account, datetime.now(UTC))
    listening = _listening(port)
    file = instance / "sandbox.json"
    _nobody_elses(file)
    port = listening.getsockname()[1]
    url = f"http://{HOST}:{port}"
    app = SandboxApp(state, Faults(faults), frozenset({f"{HOST}:{port}", f"localhost:{port}"}))
    server = make_server(HOST, port, app, threaded=True, request_handler=_Quiet, fd=listening.fileno())
    server.daemon_threads = True  # type: ignore[attr-defined]  # of socketserver.ThreadingMixIn
    facts = {
        "endpoint_url": url,
        "signin_url": url,
        "account_id": state.account_id,
        "region": state.region,
        "users": users,
        **({"accounts": members} if members else {}),
        "hardware_tokens": hardware_tokens(state, datetime.now(UTC)),
    }
    running = Running(url, facts, file)
    _write(running)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)  # seconds to notice the end
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        if running.file.exists() and json.loads(running.file.read_text())["endpoint_url"] == url:
            running.file.unlink()


def policy_document(source: str) -> dict[str, Any]:
    """Return the policy with a name or in a file. Raises PolicyError, even if only IAM refuses the file's JSON."""
    document = read(source)
    if source not in VARIANTS:
        try:
            parsed(extracted(decoded(Path(source).read_bytes())).text)
        except Refusal as refusal:
            raise PolicyError(
                f"IAM refuses {source} (MalformedPolicyDocument): {refusal.__cause__}. IAM’s words: {refusal.message}"
            ) from refusal
    return document


class CannotStart(Exception):
    """The port or the folder can't be used. The message says why, and what to choose."""


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server((HOST, port))
    except OSError as error:
        message = f"Port {port} can’t be used: {error.strerror}. Choose another with --port."
        raise CannotStart(message) from error


def _nobody_elses(file: Path) -> None:
    try:
        url = json.loads(file.read_text())["endpoint_url"]
        socket.create_connection((HOST, int(url.rpartition(":")[2])), timeout=1).close()
    except (OSError, ValueError, KeyError):
        return  # none, or one that ended without removing it
    raise CannotStart(f"The sandbox at {url} keeps its secrets in {file}. Stop it, or choose another --instance.")


def _write(running: Running) -> None:
    """Write the file with mode 0600 from its first byte, and replace it as a whole."""
    beside = running.file.with_suffix(f".{os.getpid()}")
    try:
        running.file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(running.facts, file, indent=2)
        beside.replace(running.file)
    except OSError as error:
        message = f"{running.file} can’t be written: {error.strerror}. Choose another folder with --instance."
        raise CannotStart(message) from error


def _wait(running: Running, command: str | None, stopped: threading.Event) -> int:
    if command is None:
        while not stopped.wait(1):
            pass
        return 0
    child = subprocess.Popen(command, shell=True, env=_environment(running), start_new_session=True)  # noqa: S602 # the caller's own command line
    while child.poll() is None and not stopped.wait(0.2):
        pass
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGTERM)
    status = child.wait()
    return 0 if stopped.is_set() else status


def _environment(running: Running) -> dict[str, str]:
    """Return the environment that makes a program use this sandbox as AWS."""
    administrator = running.facts["users"]["Administrator"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_ENDPOINT_URL_IAM": running.url,
        "AWS_ENDPOINT_URL_STS": running.url,
        "AWS_ENDPOINT_URL_ORGANIZATIONS": running.url,
        "AWS_ENDPOINT_URL_S3": running.url,
        "AWS_ENDPOINT_URL_SIGNIN": running.facts["signin_url"],
        "AWS_REGION": str(running.facts["region"]),
        "ACCOUNTS": str(running.facts["account_id"]),
        "SANDBOX_ADMINISTRATOR": f"{administrator['arn']}#{administrator['user_id']}",
    }
