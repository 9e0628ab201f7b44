"""`python -m bench._import_many USERS`: imports two days of so many users; prints the most memory it took, in MiB."""

from __future__ import annotations

import resource
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from app.compliance.data import updates
from app.compliance.data.credential_report import parse
from bench._accounts import ACCOUNT, report, terms_of, users
from bench.refresh import database


def main(number: int) -> None:
    """Import both, the older first."""
    with TemporaryDirectory() as folder:
        engine = database(Path(folder))
        files = [Path(folder) / f"{days}.csv" for days in (1, 0)]
        for days, file in zip((1, 0), files, strict=True):
            file.write_bytes(report(users(number), days_ago=days))
        for file in files:
            known = updates.known_lines(engine, ACCOUNT)
            updates.keep_report(engine, parse(file.read_bytes(), None, known), datetime.now(UTC), terms_of)
        engine.dispose()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main(int(sys.argv[1]))
