"""What entries share that open pages: a portal of the bench's own, its workers, and the people."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LATENCY_MS = 80
WITHOUT_CRT = {"BOTO_DISABLE_CRT": "true"}
"""awscrt is here for the tests; nobody installs it to serve."""
SETTINGS = {
    "ACCOUNTS": "123456789012",
    "SECRET_KEY": "a-secret-key-of-the-benchmark-and-nothing-else",
    "AUDIT_KEYS": "k1:a-key-of-the-record-of-the-benchmark-only",
}


def portal(folder: Path, address: str, **further: str) -> dict[str, str]:
    """The environment of a portal whose AWS is at `address`, with a database in `folder`, made ready."""
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **SETTINGS,
        "DATABASE_URL": f"sqlite:///{folder / 'bench.db'}",
        "LOG_LEVEL": "WARNING",
        **{f"AWS_ENDPOINT_URL_{service}": address for service in ("IAM", "STS", "SIGNIN")},
        **further,
    }
    migrate = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
    subprocess.run(migrate, cwd=ROOT, env=env, check=True, capture_output=True)
    return env


@contextmanager
def running(command: list[str], env: dict[str, str], port: int) -> Iterator[int]:
    """A server in a process group of its own; its pid."""
    process = subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True)
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command} does not answer") from None
                time.sleep(0.05)
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(40)


def upstream(port: int, latency_ms: int = LATENCY_MS) -> list[str]:
    """The command of an AWS so many milliseconds away."""
    return [sys.executable, "-m", "bench._upstream", str(port), str(latency_ms)]


def gunicorn(app: str, port: int, workers: int = 2) -> list[str]:
    """The command that serves as in production."""
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "--workers", str(workers)]
    return [*command, "--bind", f"127.0.0.1:{port}", app]


def workers(pid: int) -> list[int]:
    """Of this server."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_s(pid: int) -> float:
    """User and system time of a server's workers so far, in seconds."""
    ticks = 0
    for child in workers(pid):
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def sessions(env: dict[str, str], people: int, name: str = "olga") -> list[tuple[str, str]]:
    """Sessions with MFA of a user, made by the portal's own code; their cookies, and tokens for their forms."""
    command = [sys.executable, "-m", "bench._sessions", str(people), name]
    made = subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True)
    return [(cookie, token) for cookie, token in json.loads(made.stdout)]


def cookies(env: dict[str, str], people: int) -> list[str]:
    """The cookies of such sessions."""
    return [cookie for cookie, _ in sessions(env, people)]


@dataclass(frozen=True)
class Load:
    """What so many people saw. page_s: median of a page, p95_s of 95 %; pages_per_s: of all of them together."""

    page_s: float
    p95_s: float
    pages_per_s: float


def load(port: int, cookies: list[str], pages: int, network: str = "") -> Load:
    """Each of these people opens so many pages, one after the other, all at the same time.

    network: the first three numbers of their addresses, each person at another; without one, all at 127.0.0.1.
    """
    command = [sys.executable, "-m", "bench._people", str(port), str(pages), *([network] if network else [])]
    seen = subprocess.run(command, cwd=ROOT, input=json.dumps(cookies).encode(), check=True, stdout=subprocess.PIPE)
    return Load(**json.loads(seen.stdout))
