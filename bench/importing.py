"""The import of a report of 5,000 users against csv.DictReader, by CPU, and the memory that 50,000 users take."""

from __future__ import annotations

import csv
import io
import itertools
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from app.compliance.data import updates
from app.compliance.data.credential_report import parse
from bench import Row, cpu, least_cpu
from bench._accounts import ACCOUNT, NOW, report, terms_of, users
from bench.refresh import database

USERS, MANY, MEMORY = 5000, 50_000, 400
DAYS = 8
WORKED = {"1 of 10 used something": 0.1, "half of them used something": 0.5, "all of them used something": 1.0}
"""The share of users who work every day, so that their line changes."""
_MADE_AT = (NOW + timedelta(milliseconds=number) for number in itertools.count())


def measure() -> list[Row]:
    """Reports of the next day, where some or all users used something since, and the same report made again."""
    told = "CPU of csv.DictReader over the same file"
    today = report(users(USERS))

    def read() -> None:
        for row in csv.DictReader(io.StringIO(today.decode())):
            len(row)

    rows = []
    for name, worked in WORKED.items():
        days = [report(users(USERS), days_ago=days, worked=worked) for days in range(DAYS, -1, -1)]
        ours, theirs = _by_day(days, read)
        rows.append(Row(f"import, {USERS} lines, {name}", told, ours, theirs, 5))
    # All that they ever used, they used a day later: many verdicts turn.
    ours, theirs = _by_day([report(users(USERS), days_ago=days) for days in range(DAYS, -1, -1)], read)
    rows.append(Row(f"import, {USERS} lines, all uses a day later", told, ours, theirs))
    with TemporaryDirectory() as folder:
        engine = database(Path(folder))
        theirs, same = least_cpu(read, lambda: take_in(engine, today), repeats=15)
        engine.dispose()
    return [
        *rows,
        Row(f"import, {USERS} lines, none changed", told, same, theirs, 2),
        Row(f"memory, import of {MANY} lines", f"{MEMORY} MiB", _peak(), MEMORY, 1, "MiB"),
    ]


def take_in(engine: Engine, content: bytes) -> None:
    """Import a report."""
    known = updates.known_lines(engine, ACCOUNT)
    updates.keep_report(engine, parse(content, next(_MADE_AT), known), datetime.now(UTC), terms_of)


def _by_day(days: list[bytes], read: Callable[[], None]) -> tuple[float, float]:
    """The least CPU seconds of the import of a day's report after the day before, and of reading it."""
    with TemporaryDirectory() as folder:
        engine = database(Path(folder))
        take_in(engine, days[0])
        taken = [(cpu(partial(take_in, engine, day)), cpu(read)) for day in days[1:]]
        engine.dispose()
    ours, theirs = zip(*taken, strict=True)
    return min(ours), min(theirs)


def _peak() -> float:
    """The most memory, in MiB, of a process that imports two days of MANY users."""
    done = subprocess.run([sys.executable, "-m", "bench._import_many", str(MANY)], capture_output=True, check=True)
    return float(done.stdout)
