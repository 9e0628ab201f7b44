"""No other user of the machine can read the database, whatever the umask of the command that created it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import GOOD
from tests.support.inside import portal_at
from tests.support.sandbox import ROOT


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> set[int]:
    """Of all files of the database."""
    return {file.stat().st_mode & 0o777 for file in folder.glob("portal.db*")}


def test_migrating_makes_a_private_file(tmp_path: Path, open_umask: None) -> None:
    file = tmp_path / "portal.db"
    env = {**os.environ, **GOOD, "DATABASE_URL": f"sqlite:///{file}"}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert modes(tmp_path) == {0o600}


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path, open_umask: None) -> None:
    app = portal_at(tmp_path / "portal.db")
    for file in tmp_path.glob("portal.db*"):
        file.chmod(0o666)
    again = portal_at(tmp_path / "portal.db")
    client = again.test_client()
    assert client.post("/test/enter", base_url="http://127.0.0.1:8000").status_code == 200
    assert modes(tmp_path) == {0o600} and app
