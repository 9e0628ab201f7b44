"""The overview against the calls it is made of: a static AWS with 80 ms latency in a process of its own.

The real page, with session, guards, templates; served by gunicorn as in production, with two workers. The
account's alias comes from the portal's five-minute cache, everything else is asked for on every page.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import Row
from bench._portal import (
    LATENCY_MS,
    ROOT,
    WITHOUT_CRT,
    Load,
    cookies,
    cpu_s,
    gunicorn,
    load,
    portal,
    running,
    upstream,
)
from tests.support.redis import redis_server
from tests.support.sandbox import free_port

PEOPLE = (1, 8, 32)
PAGES = {1: 30, 8: 20, 32: 12}
"""Pages per person in a round."""


def _bare(env: dict[str, str]) -> dict[str, float]:
    """The same calls by a bare, shared botocore client: slowest_s of one call, cpu_s of all of a page."""
    made = subprocess.run([sys.executable, "-m", "bench._bare"], cwd=ROOT, env=env, check=True, capture_output=True)
    return dict(json.loads(made.stdout))


def measure() -> list[Row]:
    """Page times at 1, 8 and 32 people, CPU a page, and pages a second beside the naive design."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        aws, ours, naive = free_port(), free_port(), free_port()
        redis = stack.enter_context(redis_server()).database()
        env = portal(folder, f"http://127.0.0.1:{aws}", PORT=str(ours), REDIS_URL=redis, **WITHOUT_CRT)
        everyone = cookies(env, max(PEOPLE))
        stack.enter_context(running(upstream(aws), env, aws))
        served = stack.enter_context(running(gunicorn("wsgi:app", ours), env, ours))
        stack.enter_context(running(gunicorn("bench._naive:app", naive), env, naive))
        bare = _bare(env)
        load(ours, everyone, 3)  # both workers warm, aliases cached
        loads: dict[int, Load] = {}
        before, pages = cpu_s(served), 0
        for people in PEOPLE:
            loads[people] = load(ours, everyone[:people], PAGES[people])
            pages += people * PAGES[people]
        a_page_s = (cpu_s(served) - before) / pages
        load(naive, everyone[:4], 1)
        slow = load(naive, everyone, 2)
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
        Row("overview, CPU a page", "CPU of the same calls by bare botocore", a_page_s, bare["cpu_s"], at_most=0.8),
        Row(
            "overview, time a page at 32",
            f"clients per request, in sequence ({slow.pages_per_s:.1f} pages/s; here {loads[32].pages_per_s:.0f})",
            1 / loads[32].pages_per_s,
            1 / slow.pages_per_s,
            at_most=1 / 15,
        ),
    ]
