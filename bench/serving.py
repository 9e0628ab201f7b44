"""How many pages a second, with how much memory: two workers, one worker, and the least such a page can cost.

32 people at once open the overview of `bench.overview`, of an AWS 80 ms away. Workers, upstream and the people
share the machine's cores: on two cores the second worker gains less than it would have them for itself.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import Row, medians
from bench._portal import ROOT, WITHOUT_CRT, cookies, cpu_s, gunicorn, load, portal, running, upstream, workers
from tests.support.redis import redis_server
from tests.support.sandbox import free_port

PEOPLE = 32
PAGES = 8
ROUNDS = 7


def _private_mib(pid: int) -> float:
    """What the process has for itself, its share of what it has in common included."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no Pss")


def _python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def measure() -> list[Row]:
    """Time a page at 32 people, memory of a worker, time to import."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        aws, redis = free_port(), stack.enter_context(redis_server()).database()
        here = "http://127.0.0.1:8000"
        env = portal(folder, f"http://127.0.0.1:{aws}", PUBLIC_URL=here, REDIS_URL=redis, **WITHOUT_CRT)
        everyone = cookies(env, PEOPLE)
        stack.enter_context(running(upstream(aws), env, aws))
        served = {"floor": ("bench._floor:app", 2), "two": ("wsgi:app", 2), "one": ("wsgi:app", 1)}
        ports = {name: free_port() for name in served}
        pids = {
            name: stack.enter_context(running(gunicorn(app, ports[name], number), env, ports[name]))
            for name, (app, number) in served.items()
        }
        for port in ports.values():
            load(port, everyone, 3)  # all workers warm, aliases cached
        took: dict[str, list[float]] = {name: [] for name in served}
        used: dict[str, list[float]] = {name: [] for name in served}
        for _ in range(ROUNDS):  # in turns, so that a slow moment of the machine meets them all
            for name, port in ports.items():
                before = cpu_s(pids[name])
                took[name].append(1 / load(port, everyone, PAGES).pages_per_s)
                used[name].append((cpu_s(pids[name]) - before) / (PEOPLE * PAGES))
        a_page = {name: statistics.median(times) for name, times in took.items()}
        cpu = {name: statistics.median(times) for name, times in used.items()}
        mib = {
            name: sum(_private_mib(child) for child in workers(pids[name])) / number
            for name, (_, number) in served.items()
        }
    bare, ours = medians(
        lambda: _python("import boto3, flask; boto3.Session().client('iam', region_name='us-east-1')"),
        lambda: _python("import app.factory"),
        repeats=3,
    )
    # On fewer cores the people and AWS, who are played here, too, take the second worker's.
    aim = 1 / 1.8 if (os.cpu_count() or 1) >= 4 else None
    least = "own signing, urllib3, ElementTree, in parallel, two workers"
    return [
        Row("a page at 32, two workers", least, a_page["two"], a_page["floor"], at_most=2),
        Row("a page at 32, two workers", "one worker", a_page["two"], a_page["one"], at_most=aim),
        # What the second is worth with a core of its own: workers that wait for nothing of each other's.
        Row("CPU of a page, two workers", "of one worker", cpu["two"], cpu["one"], at_most=2 / 1.8),
        Row("memory of a worker", "a worker of that floor", mib["two"], mib["floor"], unit="MiB"),
        Row("import of the portal", "boto3 and Flask, and an IAM client", ours, bare),
    ]
