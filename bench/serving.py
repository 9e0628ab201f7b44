"""How many pages a second, with how much memory: two workers, one worker, and the least such a page can cost.

People open the overview of `bench.overview`, of an AWS 80 ms away. Workers, AWS and people share the machine's
cores, so the latter two are programs that cost little. A second worker is measured with as many people as two
keep busy: 32 mostly wait for AWS then.
"""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import Row
from bench._portal import WITHOUT_CRT, cookies, cpu_s, gunicorn, load, portal, running, upstream, workers
from tests.support.redis import redis_server
from tests.support.sandbox import free_port

PEOPLE = 32
MANY = 64
PAGES = 8
ROUNDS = 7


def _private_mib(pid: int) -> float:
    """What the process has for itself, its share of what it has in common included."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no Pss")


def measure() -> list[Row]:
    """Time a page at 32 people, CPU of a page, memory of a worker."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        aws, redis = free_port(), stack.enter_context(redis_server()).database()
        here = "http://127.0.0.1:8000"
        env = portal(folder, f"http://127.0.0.1:{aws}", PUBLIC_URL=here, REDIS_URL=redis, **WITHOUT_CRT)
        everyone = cookies(env, MANY)
        stack.enter_context(running(upstream(aws), env, aws))
        served = {"floor": ("bench._floor:app", 2), "two": ("wsgi:app", 2), "one": ("wsgi:app", 1)}
        ports = {name: free_port() for name in served}
        pids = {
            name: stack.enter_context(running(gunicorn(app, ports[name], number), env, ports[name]))
            for name, (app, number) in served.items()
        }
        for port in ports.values():
            load(port, everyone, 3)  # all workers warm, aliases cached
        asked = [("floor", PEOPLE), ("two", PEOPLE), ("two", MANY), ("one", MANY)]
        took: dict[tuple[str, int], list[float]] = {each: [] for each in asked}
        used: dict[tuple[str, int], list[float]] = {each: [] for each in asked}
        for _ in range(ROUNDS):  # in turns, so that a slow moment of the machine meets them all
            for name, people in asked:
                before = cpu_s(pids[name])
                took[name, people].append(1 / load(ports[name], everyone[:people], PAGES).pages_per_s)
                used[name, people].append((cpu_s(pids[name]) - before) / (people * PAGES))
        a_page = {each: statistics.median(times) for each, times in took.items()}
        cpu = {each: statistics.median(times) for each, times in used.items()}
        mib = {
            name: sum(_private_mib(child) for child in workers(pids[name])) / number
            for name, (_, number) in served.items()
        }
    least = "own signing, urllib3, ElementTree, in parallel, two workers"
    return [
        Row("a page at 32, two workers", least, a_page["two", PEOPLE], a_page["floor", PEOPLE], at_most=2),
        Row("a page at 64, two workers", "one worker", a_page["two", MANY], a_page["one", MANY], at_most=1 / 1.8),
        Row("CPU of a page, two workers", "of one worker", cpu["two", MANY], cpu["one", MANY], at_most=2 / 1.8),
        Row("CPU of a page at 32", "of a page of that minimum", cpu["two", PEOPLE], cpu["floor", PEOPLE], at_most=3),
        Row("memory of a worker", "a worker of that floor", mib["two"], mib["floor"], at_most=4, unit="MiB"),
    ]
