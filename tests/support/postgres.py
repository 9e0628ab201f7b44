"""A PostgreSQL server of the run's own: Debian's programs, a temporary folder, a free port."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.sandbox import free_port


class Postgres:
    """A server, on loopback only; can be stopped and started again with its data."""

    def __init__(self, programs: Path, home: Path) -> None:
        self.port = free_port()
        self.programs = programs
        self._home = home
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
        """Its files."""
        self._run("initdb", "-U", "latchkey", "-A", "trust", "-N", "-E", "UTF8")

    def start(self) -> None:
        """Start it and wait until it answers."""
        settings = f"-p {self.port} -k {self._home} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
        # The log goes to a file, or the server would hold on to our pipe.
        self._run("pg_ctl", "-l", self._home / "log", "-w", "-o", settings, "start")

    def stop(self) -> None:
        """As if it crashed: connections break."""
        self._run("pg_ctl", "-m", "immediate", "-w", "stop")

    def database(self, name: str) -> str:
        """A new database; its SQLAlchemy URL."""
        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=latchkey dbname=postgres") as connection:
            connection.autocommit = True
            connection.execute(f'CREATE DATABASE "{name}"')  # our own name, not input
        return f"postgresql+psycopg://latchkey@127.0.0.1:{self.port}/{name}"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start one, and remove it without a trace. Raises LookupError where Debian's postgresql is missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise LookupError("Debian's package postgresql is missing: apt-get install postgresql")
    home = Path(tempfile.mkdtemp(prefix="latchkey-postgres-"))
    server = Postgres(found[-1].parent, home)
    server.make()
    server.start()
    try:
        yield server
    finally:
        with contextlib.suppress(RuntimeError):  # a test may have left it stopped
            server.stop()
        shutil.rmtree(home)


@pytest.fixture(scope="package")
def postgresql() -> Iterator[Postgres]:
    """A server for the tests of a folder. Its conftest has the line `postgresql = postgres.postgresql`."""
    with postgres() as server:
        yield server
