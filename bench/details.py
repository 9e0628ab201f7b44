"""The import of authorization details of 5,000 users under 200 policies against json.loads, by CPU, and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from app.compliance.data.details import parse
from app.compliance.data.details_formats import LARGEST_UPLOAD
from app.compliance.data.details_updates import keep_details
from bench import Row, least_cpu
from bench._accounts import terms_of
from bench._details import details
from bench.forced import PEOPLE
from bench.refresh import database

MEMORY = 300


def measure() -> list[Row]:
    """Everything that an import does, again with the same file, and the memory that reading the largest one takes."""
    content = details()
    with TemporaryDirectory() as folder:
        engine = database(Path(folder))

        def take_in() -> None:
            keep_details(engine, parse(content, datetime.now(UTC)), datetime.now(UTC), terms_of)

        theirs, ours = least_cpu(lambda: json.loads(content), take_in, repeats=3)
        engine.dispose()
    size = LARGEST_UPLOAD - 2_000_000
    done = subprocess.run([sys.executable, "-m", "bench._details", str(size)], capture_output=True, check=True)
    return [
        Row(f"details of {PEOPLE} people, imported", "CPU of json.loads of the file", ours, theirs),
        Row("memory, details of 32 MB read", f"{MEMORY} MiB", float(done.stdout), MEMORY, 1, "MiB"),
    ]
