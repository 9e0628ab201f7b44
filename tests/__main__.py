"""`python -m tests [pytest options]`: pytest under the clock that tests can move, on loopback only.

Without options the whole suite runs as two processes side by side, the browser's stories and the rest, each
with a clock of its own.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.clock import environment


def start(folder: Path, options: list[str], output: int | None = None) -> "subprocess.Popen[bytes]":
    """A pytest of its own; `folder` keeps its clock."""
    folder.mkdir()
    command = [sys.executable, "-m", "pytest", *options]
    everyone = {**os.environ, **environment(folder / "clock")}
    return subprocess.Popen(command, env=everyone, stdout=output, stderr=subprocess.STDOUT if output else None)


def main(options: list[str], scratch: Path) -> int:
    """Exit status: 0 when everything passed."""
    if options:
        return start(scratch / "all", options).wait()
    rest = scratch / "rest.txt"
    with rest.open("wb") as output:
        beside = start(scratch / "rest", ["tests", "--ignore=tests/browser"], output.fileno())
        status = start(scratch / "browser", ["tests/browser"]).wait()
        status = beside.wait() or status
    print(rest.read_text())
    return status


with tempfile.TemporaryDirectory(prefix="latchkey-tests-") as _scratch:
    try:
        _status = main(sys.argv[1:], Path(_scratch))
    except LookupError as missing:
        sys.exit(str(missing))
sys.exit(_status if _status >= 0 else 1)
