"""`activity verify` against hashing alone: reading and checking the chain may cost a few times the hashes."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, insert

from app.activity.queries import chain_of
from app.audit.chain import START, ChainedRow, Keyring, verify
from app.audit.models import ActivityRow
from app.db import Base
from bench import Row, least_cpu

ROWS = 20_000
ACCOUNT = "123456789012"
KEYS = Keyring({"k1": b"a" * 40})


def chain() -> list[tuple[ChainedRow, str]]:
    """ROWS rows as the portal writes them."""
    began, before, made = datetime(2026, 1, 1, tzinfo=UTC), START, []
    for seq in range(1, ROWS + 1):
        row = ChainedRow(
            ACCOUNT,
            seq,
            began + timedelta(seconds=seq),
            f"{seq // 2:032x}",
            f"person{seq % 500}",
            "mfa-session",
            f"arn:aws:iam::{ACCOUNT}:mfa/person{seq % 500}",
            "intended" if seq % 2 else "done",
            "",
            f"{seq:032x}",
            "192.0.2.1",
            "Mozilla/5.0 (X11; Linux x86_64)",
            "abcd1234",
            "k1",
        )
        before = KEYS.mac(before, row)
        made.append((row, before))
    return made


def measure() -> list[Row]:
    """One row: verifying a chain in SQLite."""
    rows = chain()
    texts = [json.dumps([*row[:2], row.at.isoformat(), *row[3:]]).encode() for row, _ in rows]
    with TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'record.db'}")
        Base.metadata.create_all(engine)
        with engine.begin() as connection:
            connection.execute(insert(ActivityRow), [{**row._asdict(), "mac": mac} for row, mac in rows])

        def hash_only() -> None:
            for text in texts:
                json.loads(text)
                hmac.new(b"a" * 40, text, hashlib.sha256).hexdigest()

        def check() -> None:
            verdict = verify(ACCOUNT, chain_of(engine, ACCOUNT), KEYS)
            if verdict.flaws or verdict.rows != ROWS:
                raise RuntimeError("the chain is not sound")

        theirs, ours = least_cpu(hash_only, check)
        engine.dispose()
    return [Row("activity verify", f"CPU of json.loads and HMAC of the same {ROWS} rows", ours, theirs, at_most=2.5)]
