"""The import of a report of 5,000 users against csv.DictReader, by CPU, and the memory that 50,000 users take."""

from __future__ import annotations

import csv
import io
import itertools
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from app.compliance.data import updates
from app.compliance.data.credential_report import parse
from bench import Row, least_cpu
from bench._accounts import ACCOUNT, NOW, report, terms_of, users
from bench.refresh import database

USERS, MANY, MEMORY = 5000, 50_000, 400
LATEST = 8
"""Days of reports."""


def measure() -> list[Row]:
    """Reports of the next day, with every line or a tenth of them changed, and the same report made again."""
    days = [report(users(USERS), days_ago=days).split(b"\n") for days in range(LATEST, -1, -1)]
    today, before = b"\n".join(days[-1]), b"\n".join(days[-2])
    # From day to day another tenth of the users used something.
    tenths = [days[0]]
    for number, day in enumerate(days[1:]):
        last = tenths[-1]
        tenths.append([line if place % 10 == number % 10 else last[place] for place, line in enumerate(day)])
    following = iter([b"\n".join(lines) for lines in tenths])
    made_at = (NOW + timedelta(milliseconds=number) for number in itertools.count())
    turns = itertools.cycle((today, before))
    with TemporaryDirectory() as folder:
        engine = database(Path(folder))

        def read() -> None:
            for row in csv.DictReader(io.StringIO(today.decode())):
                len(row)

        def take_in(content: bytes) -> None:
            known = updates.known_lines(engine, ACCOUNT)
            updates.keep_report(engine, parse(content, next(made_at), known), datetime.now(UTC), terms_of)

        theirs, every = least_cpu(read, lambda: take_in(next(turns)))
        take_in(today)
        (same,) = least_cpu(lambda: take_in(today), repeats=15)
        take_in(next(following))
        (tenth,) = least_cpu(lambda: take_in(next(following)), repeats=LATEST - 1)
        engine.dispose()
    told = "CPU of csv.DictReader over the same file"
    return [
        Row(f"import, {USERS} lines, all changed", told, every, theirs, 5),
        Row(f"import, {USERS} lines, 1 of 10 changed", told, tenth, theirs, 5),
        Row(f"import, {USERS} lines, none changed", told, same, theirs, 2),
        Row(f"memory, import of {MANY} lines", f"{MEMORY} MiB", _peak(), MEMORY, 1, "MiB"),
    ]


def _peak() -> float:
    """The most memory, in MiB, of a process that imports two days of MANY users."""
    done = subprocess.run([sys.executable, "-m", "bench._import_many", str(MANY)], capture_output=True, check=True)
    return float(done.stdout)
