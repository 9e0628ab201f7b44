"""Two strangers flood the portal while people work: what the people notice of it.

Behind nginx as deploy/nginx.conf has it, with two workers and Redis. Each stranger asks ASKED times a second, in turn
for the sign-in page, for the strength of a password, and for the upload of 200 KB as an SSH key. For the latter two
they have a session. The pages of people at work are compared with theirs while nobody floods, in turns. A page that
is not the overview ends the measurement with an error.
"""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from redis import Redis

from bench import Row
from bench._portal import ROOT, WITHOUT_CRT, Load, gunicorn, load, portal, running, sessions, upstream
from tests.support.nginx import nginx
from tests.support.redis import redis_server
from tests.support.sandbox import free_port

PEOPLE = 8
PAGES = 25
"""Per person and round."""
ROUNDS = 5
ASKED = 100
"""Requests a second of each stranger: together more than three times what keeps Redis full where pages are stored."""
STRANGERS = ("127.0.2.1", "127.0.2.2")


@contextmanager
def _flooded(port: int, intruders: list[tuple[str, str]], statuses: Counter[str]) -> Iterator[None]:
    """Both are at it."""
    floods = []
    for address, intruder in zip(STRANGERS, intruders, strict=True):
        command = [sys.executable, "-m", "bench._flood", str(port), address, str(ASKED)]
        flood = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert flood.stdin
        flood.stdin.write(json.dumps(intruder).encode())
        flood.stdin.close()
        flood.stdin = None
        floods.append(flood)
    try:
        yield
    finally:
        for flood in floods:
            flood.send_signal(signal.SIGTERM)
        for flood in floods:
            statuses.update(json.loads(flood.communicate(timeout=30)[0]))


def measure() -> list[Row]:
    """Pages of people at work, with and without the floods; what the floods left in the store."""
    statuses: Counter[str] = Counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        aws, ours, outside, unused = (free_port() for _ in range(4))
        url = stack.enter_context(redis_server()).database()
        public = f"http://127.0.0.1:{outside}"
        proxied = {"PUBLIC_URL": public, "TRUSTED_PROXIES": "1", "REDIS_URL": url, **WITHOUT_CRT}
        env = portal(folder, f"http://127.0.0.1:{aws}", PORT=str(ours), **proxied)
        everyone = [cookie for cookie, _ in sessions(env, PEOPLE)]
        intruders = [sessions(env, 1, name)[0] for name in ("mallory", "trudy")]
        stack.enter_context(running(upstream(aws), env, aws))
        stack.enter_context(running(gunicorn("wsgi:app", ours), env, ours))
        stack.enter_context(nginx(folder, ours, "127.0.0.1", outside, unused, None))

        def people() -> Load:
            return load(outside, everyone, PAGES, "127.0.1")

        people()  # workers warm, aliases cached
        quiet: list[Load] = []
        flooded: list[Load] = []
        for _ in range(ROUNDS):
            quiet.append(people())
            with _flooded(outside, intruders, statuses):
                flooded.append(people())
        people()  # everyone is still signed in
        with Redis.from_url(url) as redis:
            rows = sum(1 for _ in redis.scan_iter("latchkey:session:*"))
    told = ", ".join(f"{number} x {status}" for status, number in sorted(statuses.items()))
    against = f"the same while nobody floods ({told})"

    def middle(loads: list[Load]) -> float:
        return statistics.median(each.p95_s for each in loads)

    return [
        Row("p95 of a page under floods", against, middle(flooded), middle(quiet), at_most=3),
        Row("sessions kept then", "people and strangers signed in", rows, PEOPLE + len(STRANGERS), 2, unit="rows"),
    ]
