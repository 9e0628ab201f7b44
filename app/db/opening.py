"""Opening the database, for the portal and for its commands."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event

from app.db import db
from app.places import INSTANCE

log = logging.getLogger(__name__)


def open_database(app: Flask) -> None:
    """Connect the application with its database."""
    db.init_app(app)
    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite:"):
        with app.app_context():
            _keep_private(Path(db.engine.url.database or ""))
            event.listen(db.engine, "connect", patient_sqlite)


def _keep_private(database: Path) -> None:
    """Let nobody else on this machine read the database, whatever the umask.

    SQLite gives the files beside it the mode of the first.
    """
    if not database.is_absolute():  # in memory
        return
    try:
        if database.parent == INSTANCE:
            INSTANCE.mkdir(mode=0o700, exist_ok=True)
            INSTANCE.chmod(0o700)
        if database.parent.is_dir():
            os.close(os.open(database, os.O_CREAT | os.O_RDONLY, 0o600))
        for file in (database.with_name(database.name + ending) for ending in ("", "-wal", "-shm", "-journal")):
            if file.is_file() and file.stat().st_mode & 0o077:
                file.chmod(0o600)
    except OSError as error:
        if not database.exists():
            return  # it can't be made, and what uses it says so
        log.warning("others on this machine may be able to read %s: %s", database, error)


def patient_sqlite(connection: Any, _: Any) -> None:
    """Readers and one writer without 'database is locked': write-ahead log, 10 s of patience. 8 MB of cache."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA busy_timeout=10000")
    # An account of 5,000 users fits. SQLite's own 2 MB are read again for each scan.
    connection.execute("PRAGMA cache_size=-8000")
