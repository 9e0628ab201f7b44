"""The overview against the calls it is made of: a static AWS with 80 ms latency in a process of its own.

The real page, with session, guards, templates; served by gunicorn as in production, with two workers. The
account's alias comes from the portal's five-minute cache, everything else is asked anew for each page.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import Row
from tests.support.redis import redis_server
from tests.support.sandbox import free_port

ROOT = Path(__file__).parents[1]
LATENCY_MS = 80
PEOPLE = (1, 8, 32)
WITHOUT_CRT = {"BOTO_DISABLE_CRT": "true"}
"""awscrt is here for the tests; nobody installs it to serve."""
PAGES = {1: 30, 8: 20, 32: 12}
"""Pages per person in a round."""
SETTINGS = {
    "ACCOUNTS": "123456789012",
    "SECRET_KEY": "a-secret-key-of-the-benchmark-and-nothing-else",
    "AUDIT_KEYS": "k1:a-key-of-the-record-of-the-benchmark-only",
}


def _portal(folder: Path, address: str, **further: str) -> dict[str, str]:
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
def _running(command: list[str], env: dict[str, str], port: int) -> Iterator[int]:
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


def _gunicorn(app: str, port: int) -> list[str]:
    return [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "--workers", "2", "--bind",
            f"127.0.0.1:{port}", app]  # fmt: skip


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu_s(pid: int) -> float:
    """User and system time of a server's workers so far, in seconds."""
    ticks = 0
    for child in _children(pid):
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _cookies(env: dict[str, str], people: int) -> list[str]:
    """Sessions with MFA, made by the portal's own code; their cookies."""
    made = subprocess.run(
        [sys.executable, "-m", "bench._sessions", str(people)], cwd=ROOT, env=env, check=True, capture_output=True
    )
    return list(json.loads(made.stdout))


@dataclass(frozen=True)
class _Load:
    """What so many people saw. page_s: median of a page; pages_per_s: of all of them together."""

    page_s: float
    pages_per_s: float


def _load(port: int, cookies: list[str], pages: int) -> _Load:
    def person(cookie: str) -> list[float]:
        times = []
        for _ in range(pages):
            start = time.perf_counter()
            # A connection per page, as from a proxy: kept ones would all stay with the worker that took them.
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", "/", headers={"Cookie": cookie, "Host": f"127.0.0.1:{port}"})
            answer = connection.getresponse()
            body = answer.read()
            connection.close()
            times.append(time.perf_counter() - start)
            if answer.status != 200 or b"Hello" not in body:
                raise RuntimeError(f"not the page: {answer.status} {body[:200]!r}")
        return times

    start = time.perf_counter()
    with ThreadPoolExecutor(len(cookies)) as pool:
        times = [each for found in pool.map(person, cookies) for each in found]
    return _Load(statistics.median(times), len(times) / (time.perf_counter() - start))


def _bare(env: dict[str, str]) -> dict[str, float]:
    """The same calls by a bare, shared botocore client: slowest_s of one call, cpu_s of all of a page."""
    made = subprocess.run([sys.executable, "-m", "bench._bare"], cwd=ROOT, env=env, check=True, capture_output=True)
    return dict(json.loads(made.stdout))


def measure() -> list[Row]:
    """Page times at 1, 8 and 32 people, CPU a page, and pages a second beside the naive design."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        upstream, ours, naive = free_port(), free_port(), free_port()
        redis = stack.enter_context(redis_server()).database()
        env = _portal(folder, f"http://127.0.0.1:{upstream}", PORT=str(ours), REDIS_URL=redis, **WITHOUT_CRT)
        cookies = _cookies(env, max(PEOPLE))
        stack.enter_context(
            _running([sys.executable, "-m", "bench._upstream", str(upstream), str(LATENCY_MS)], env, upstream)
        )
        portal = stack.enter_context(_running(_gunicorn("wsgi:app", ours), env, ours))
        stack.enter_context(_running(_gunicorn("bench._naive:app", naive), env, naive))
        bare = _bare(env)
        _load(ours, cookies, 3)  # both workers warm, aliases cached
        loads: dict[int, _Load] = {}
        before, pages = _cpu_s(portal), 0
        for people in PEOPLE:
            loads[people] = _load(ours, cookies[:people], PAGES[people])
            pages += people * PAGES[people]
        cpu_s = (_cpu_s(portal) - before) / pages
        _load(naive, cookies[:4], 1)
        slow = _load(naive, cookies, 2)
    most = {1: 1.2, 8: 1.35, 32: 3.5}
    rows = [
        Row(
            f"overview, {people} at once",
            f"the slowest single IAM call of it, {LATENCY_MS} ms away",
            loads[people].page_s,
            bare["slowest_s"],
            at_most=most[people],
        )
        for people in PEOPLE
    ]
    return [
        *rows,
        Row("overview, CPU a page", "CPU of the same calls by bare botocore", cpu_s, bare["cpu_s"], at_most=1.7),
        Row(
            "overview, time a page at 32",
            f"clients per request, in sequence ({slow.pages_per_s:.1f} pages/s; here {loads[32].pages_per_s:.0f})",
            1 / loads[32].pages_per_s,
            1 / slow.pages_per_s,
            at_most=1 / 15,
        ),
    ]
