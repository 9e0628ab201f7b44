"""A PostgreSQL server of the run's own: Debian's programs, a temporary folder, a free port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.sandbox import free_port


class Postgres:
    """A running server, on loopback only."""

    def __init__(self, port: int) -> None:
        self._port = port

    def database(self, name: str) -> str:
        """A new database; its SQLAlchemy URL."""
        with psycopg.connect(f"host=127.0.0.1 port={self._port} user=latchkey dbname=postgres") as connection:
            connection.autocommit = True
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]  # our own name, not input
        return f"postgresql+psycopg://latchkey@127.0.0.1:{self._port}/{name}"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start one, and remove it without a trace. Raises LookupError where Debian's postgresql is missing."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise LookupError("Debian's package postgresql is missing: apt-get install postgresql")
    programs, port = found[-1].parent, free_port()
    # initdb refuses root; the package brings a user of its own.
    user = "postgres" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="latchkey-postgres-"))
    if user:
        os.chown(home, pwd.getpwnam(user).pw_uid, -1)
    # In real time and without the tests' watch over Python.
    plain = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "PYTHONPATH")}

    def run(*command: object) -> None:
        words = [str(word) for word in command]
        done = subprocess.run(words, user=user, env=plain, cwd=home, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    data, log = home / "data", home / "log"
    run(programs / "initdb", "-D", data, "-U", "latchkey", "-A", "trust", "-N", "-E", "UTF8")
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
    # The log goes to a file, or the server would hold on to our pipe.
    run(programs / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
    try:
        yield Postgres(port)
    finally:
        run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(home)
