"""The release before this version: its code, and databases that it wrote. `make.py` made them, and says how.

Its secrets are those of the tests (`tests.support.marks`) and of their sandbox.
"""

from __future__ import annotations

import lzma
import subprocess
import tarfile
from pathlib import Path

from tests.support.portal import Cloud, Portal
from tests.support.postgres import Postgres

FOLDER = Path(__file__).parent
VERSION = "0.2.0"
HEAD = "0009"
"""The newest revision of its schema."""
CODE = FOLDER / f"latchkey-{VERSION}.tar.xz"
SQLITE = FOLDER / f"latchkey-{VERSION}.db.xz"
POSTGRESQL = FOLDER / f"latchkey-{VERSION}.sql.xz"


def unpack_code(folder: Path) -> Path:
    """Return the folder with its code, in which `python -m flask --app wsgi` and gunicorn are that release's."""
    with tarfile.open(CODE) as archive:
        archive.extractall(folder, filter="data")
    return folder


def unpack_sqlite(file: Path) -> str:
    """Return the URL of its SQLite database, unpacked to this file."""
    file.touch(0o600)
    file.write_bytes(lzma.decompress(SQLITE.read_bytes()))
    return f"sqlite:///{file}"


def restore(server: Postgres, name: str) -> str:
    """Return the URL of a new PostgreSQL database with what it had in its own."""
    url = server.database(name)
    psql = [str(server.programs / "psql"), "--quiet", "--set=ON_ERROR_STOP=1", "--host=127.0.0.1"]
    where = [f"--port={server.port}", "--username=latchkey", f"--dbname={name}"]
    subprocess.run([*psql, *where], input=lzma.decompress(POSTGRESQL.read_bytes()), check=True, capture_output=True)
    return url


class ReleasedPortal(Portal):
    """A portal of that release."""

    def __init__(self, code: Path, folder: Path, sandbox: Cloud, **settings: str) -> None:
        """code: as `unpack_code` returned it."""
        super().__init__(folder, sandbox, **settings)
        self.here = code

    def migrate(self) -> None:
        """`flask db upgrade` of that release."""
        migrated = self.flask("db", "upgrade")
        if migrated.returncode:
            raise RuntimeError(migrated.stdout + migrated.stderr)
