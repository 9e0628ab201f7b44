"""Other programs: run with their output kept, which is shown only if they fail."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from release.source import Unmade

SHOWN = 4000
"""Characters of what a program said, from its end."""
OF_TESTS = ("LD_PRELOAD", "PYTHONPATH")
"""What a test run adds to the environment, for its own processes."""


def run(*words: str | Path, given: str | None = None, needed: bool = True) -> str:
    """Run a program and return what it writes to standard output, "" if it fails and isn't `needed`.

    given: its standard input. Raises Unmade with what it said if it fails, or isn't installed.
    """
    environment = {name: value for name, value in os.environ.items() if name not in OF_TESTS}
    try:
        done = subprocess.run(  # noqa: S603 # our own commands
            list(words), input=given, capture_output=True, text=True, check=False, env=environment
        )
    except FileNotFoundError as error:
        if not needed:
            return ""
        raise Unmade(f"{words[0]} is missing. `make image` installs it.") from error
    if done.returncode and needed:
        raise Unmade(f"{words[0]} failed:\n{(done.stderr + done.stdout)[-SHOWN:]}")
    return "" if done.returncode else done.stdout.strip()


def remove(*paths: Path) -> None:
    """Remove files and folders, if they are there."""
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
