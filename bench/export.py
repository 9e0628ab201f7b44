"""The file of all results of 5,000 users against csv.writer writing the same lines, by CPU."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from app.compliance.data import updates
from app.compliance.data.account_data import ensure_account_row, locked, read_account
from app.compliance.data.credential_report import parse
from app.compliance.data.queries import Filter
from app.compliance.export import ADDED, COLUMNS, exported
from app.web.exports import as_csv
from bench import Row, least_cpu
from bench._accounts import ACCOUNT, report, terms_of, users, virtual
from bench.refresh import database

PEOPLE = 5000


def measure() -> list[Row]:
    """One row: lists and a report, as a file."""
    everyone = users(PEOPLE)
    with TemporaryDirectory() as folder:
        engine = database(Path(folder))
        ensure_account_row(engine, ACCOUNT)
        with locked(engine, ACCOUNT) as account:
            updates.keep_lists(account, everyone, virtual(everyone), {"others": 3}, datetime.now(UTC), terms_of)
        updates.keep_report(engine, parse(report(everyone)), datetime.now(UTC), terms_of)
        with engine.connect() as connection:
            stored = read_account(connection, ACCOUNT)
        assert stored

        def lines() -> list[str]:
            return list(as_csv(COLUMNS, exported(engine, stored, terms_of(3), Filter()), ADDED))

        rows = list(csv.reader(io.StringIO("".join(lines()))))

        def write() -> None:
            csv.writer(io.StringIO(), quoting=csv.QUOTE_ALL).writerows(rows)

        theirs, ours = least_cpu(write, lines, repeats=5)
        engine.dispose()
    return [Row(f"export of {PEOPLE} users", f"CPU of csv.writer, the same {len(rows)} lines", ours, theirs, 10)]
