"""A PostgreSQL server of a test's own: Debian's programs, a temporary folder, a free port.

The files of a new server, and a migrated database on it, are made once a run. Each server starts on a copy of them.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import flask_migrate
import psycopg
import pytest
from sqlalchemy import Connection, create_engine, text

from app.db import Base, db
from app.factory import create_app
from config import engine_options, from_env
from tests.support.databases import GOOD
from tests.support.sandbox import free_port

MIGRATED = "migrated"
"""The database that `Postgres.migrated` copies."""


class Postgres:
    """A server, on loopback only; can be stopped and started again with its data."""

    def __init__(self, programs: Path, home: Path) -> None:
        self.port = free_port()
        self.programs = programs
        self._home = home
        self._emptied: list[str] = []
        self._numbers = itertools.count()
        # initdb refuses root. The package adds a user for it.
        self._user = "postgres" if os.geteuid() == 0 else None
        if self._user:
            os.chown(home, pwd.getpwnam(self._user).pw_uid, -1)

    def _run(self, program: str, *options: object) -> None:
        # In real time and without the tests' watch over Python.
        plain = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "PYTHONPATH")}
        words = [str(self.programs / program), "-D", str(self._home / "data"), *map(str, options)]
        done = subprocess.run(
            words, user=self._user, env=plain, cwd=self._home, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def make(self) -> None:
        """Make its files, with one database as `latchkey db upgrade` leaves it."""
        self._run("initdb", "-U", "latchkey", "-A", "trust", "-N", "-E", "UTF8")
        self.start()
        app = create_app(from_env({**GOOD, "DATABASE_URL": self.database(MIGRATED)}))
        with app.app_context():
            flask_migrate.upgrade()
            db.engine.dispose()
        self._run("pg_ctl", "-w", "stop")

    def copy(self, made: Path) -> None:
        """Take the files of a stopped server."""
        subprocess.run(["cp", "-a", str(made / "data"), str(self._home / "data")], check=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = f"-p {self.port} -k {self._home} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        # The log goes to a file, or the server would hold on to our pipe.
        self._run("pg_ctl", "-l", self._home / "log", "-w", "-o", settings, "start")

    def stop(self) -> None:
        """As if it crashed: connections break."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def database(self, name: str, like: str = "template1") -> str:
        """Make an empty database, or one like another; its SQLAlchemy URL."""
        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=latchkey dbname=postgres") as connection:
            connection.autocommit = True
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"')  # our own names, not input
        return f"postgresql+psycopg://latchkey@127.0.0.1:{self.port}/{name}"

    def migrated(self, name: str) -> str:
        """Make a database that is empty after `latchkey db upgrade`; its SQLAlchemy URL."""
        return self.database(name, like=MIGRATED)

    @contextmanager
    def tables(self) -> Iterator[str]:
        """Lend a database that has the tables of our models without rows; its SQLAlchemy URL.

        Tests have it one after another, as making a database takes ten times as long as emptying one.
        """
        url = self._emptied.pop() if self._emptied else self._with_tables()
        yield url
        with _connected(url) as connection:  # it waits for no transaction that a test left open
            names = ", ".join(table.name for table in Base.metadata.sorted_tables)
            connection.execute(text(f"truncate {names} restart identity"))
        self._emptied.append(url)

    def _with_tables(self) -> str:
        url = self.database(f"tables{next(self._numbers)}")
        with _connected(url) as connection:
            Base.metadata.create_all(connection)
        return url


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, **engine_options(url))
    with engine.begin() as connection:
        yield connection
    engine.dispose()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start one, and remove it without a trace. Raises LookupError where Debian's postgresql is missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise LookupError("Debian's package postgresql is missing: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="latchkey-postgres-") as home:
        server = Postgres(found[-1].parent, Path(home))
        server.copy(_made(found[-1].parent))
        server.start()
        try:
            yield server
        finally:
            with contextlib.suppress(RuntimeError):  # a test may have left it stopped
                server.stop()


@pytest.fixture(scope="package")
def postgresql() -> Iterator[Postgres]:
    """A server for the tests of a folder. Its conftest has the line `postgresql = postgres.postgresql`."""
    with postgres() as server:
        yield server


_own = tempfile.TemporaryDirectory(prefix="latchkey-postgres-")


def _made(programs: Path) -> Path:
    """Files of a server that never ran for a test: made by the first process of the run that needs one."""
    home = Path(os.environ.get("TESTS_SEEN", _own.name)) / "postgres"
    with home.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            # Not beneath the run's folder, which is closed to the package's user.
            making = Path(tempfile.mkdtemp(prefix="latchkey-postgres-"))
            Postgres(programs, making).make()
            making.rename(home)
    return home
