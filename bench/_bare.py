"""`python -m bench._bare`: the overview's calls by one shared botocore client, one after the other; prints JSON.

Default settings, except for the pool's size: a client shared by several threads needs a larger one.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import time
from collections.abc import Callable
from functools import partial

import boto3
from botocore.config import Config

from bench._upstream import READS

ROUNDS = 40


def reads() -> list[Callable[[], object]]:
    """What the overview asks for each page."""
    session = boto3.Session("ASIA" + "A" * 16, "s" * 40, "t" * 300, region_name="us-east-1")
    iam = session.client(
        "iam", endpoint_url=os.environ["AWS_ENDPOINT_URL_IAM"], config=Config(max_pool_connections=64)
    )
    return [partial(getattr(iam, read), UserName="olga") for read in READS]


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Medians over ROUNDS."""
    asked = reads()
    for read in asked:
        read()
    times: list[list[float]] = [[] for _ in asked]
    before = _cpu_s()
    for _ in range(ROUNDS):
        for taken, read in zip(times, asked, strict=True):
            start = time.perf_counter()
            read()
            taken.append(time.perf_counter() - start)
    cpu_s = (_cpu_s() - before) / ROUNDS
    print(json.dumps({"slowest_s": max(statistics.median(taken) for taken in times), "cpu_s": cpu_s}))


main()
