"""What tests of a release share: the source in a fresh folder, what was built of it, and where that is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import lines
from tests.support import postgres
from tests.support.sandbox import ROOT

postgresql = postgres.postgresql

ON_THIS_MACHINE = {
    name: value
    for name, value in os.environ.items()
    if name not in ("LD_PRELOAD", "PYTHONPATH") and "FAKE" not in name
}
"""The environment without the clock of the tests, and with the network: pip asks where it is set up to ask."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a program as on any machine, and return what it prints. Fails the test if the program fails."""
    done = subprocess.run(command, cwd=cwd, env=ON_THIS_MACHINE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def tool(package: str, *command: str | Path) -> str:
    """Run a program of a package, `NAME==VERSION`, in an environment of its own, and return what it prints."""
    return run(ROOT / ".venv/bin/uv", "tool", "run", "-q", "--from", package, *command)


def fresh_source(folder: Path) -> Path:
    """Return a clone of what was committed. Without Git's folder, as in an sdist, a copy of the files."""
    if (ROOT / ".git").exists():
        run("git", "clone", "-q", "--no-hardlinks", ROOT, folder)
    else:
        unwanted = shutil.ignore_patterns(".venv", "dist", "build", "instance", "__pycache__", ".*_cache")
        shutil.copytree(ROOT, folder, ignore=unwanted)
    return folder


def built(source: Path, into: Path) -> Path:
    """Build the packages of a source as `make dist` does."""
    run(sys.executable, source / "deploy/make-dist", into, cwd=source)
    return into


@pytest.fixture(scope="session")
def source(scratch: Path) -> Path:
    """The source in a folder of its own."""
    return fresh_source(scratch / "source")


@pytest.fixture(scope="session")
def dist(scratch: Path, source: Path) -> Path:
    """The folder with what `make dist` builds."""
    return built(source, source / "dist")


@pytest.fixture(scope="session")
def installed(scratch: Path, source: Path, dist: Path) -> Path:
    """The folder of the programs of an environment made by README's lines: only the wheel and what it needs."""
    venv = scratch / "installed"
    for line in lines("README.md"):
        if "/opt/latchkey" in line.command:
            command = line.command.replace("/opt/latchkey", str(venv)).replace("python3", sys.executable)
            run("sh", "-c", command, cwd=source)
    assert (venv / "bin/latchkey").exists(), "README says how to install it"
    return venv / "bin"
