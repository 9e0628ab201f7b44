"""A portal's audit log, and users who write to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.audit.events import Event
from app.audit.log import Audit, audit_log
from app.db import db
from tests.support import postgres
from tests.support.inside import portal_at

postgresql = postgres.postgresql

ACCOUNT = "123456789012"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "portal.db"


@pytest.fixture
def portal(file: Path) -> Iterator[Flask]:
    app = portal_at(file)
    with app.app_context():
        yield app
        db.engine.dispose()


def flaws(output: str) -> list[tuple[int, str]]:
    """The first row that each line of `activity verify` names, with the code of what is wrong at its end.

    What is said between the two is no part of it.
    """
    lines = re.findall(r"^account [^:]*:\D*?(-?\d+)\b.*\[([a-z-]+)\]$", output, re.MULTILINE)
    return [(int(seq), code) for seq, code in lines]


def somebody(name: str = "nadia") -> Audit:
    return Audit(audit_log(), ACCOUNT, name, "192.0.2.7", "Mozilla/5.0", "abcd1234", f"AIDA{name.upper()}")


def write(rows: int, name: str = "nadia") -> None:
    for number in range(rows):
        somebody(name).note(Event.SIGN_IN, f"AKIA{number}")
