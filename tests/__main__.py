"""`python -m tests [pytest options]`: pytest under the clock that tests can move, on loopback only.

Without options the whole suite runs as processes side by side, the browser's stories under each policy and
the rest, each with a clock of its own; last comes what looks back on all stories.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.clock import environment

LAST = "tests/browser/test_every_page.py"
SIDE_BY_SIDE = {
    "browser, recommended": ["tests/browser", f"--ignore={LAST}", "--policy=recommended"],
    "browser, tutorial": ["tests/browser", f"--ignore={LAST}", "--policy=tutorial"],
    "the rest": ["tests", "--ignore=tests/browser"],
}


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
    os.environ["TESTS_SEEN"] = str(scratch)
    running = {}
    for name, chosen in SIDE_BY_SIDE.items():
        with (scratch / f"{name}.log").open("wb") as output:
            running[name] = start(scratch / name, chosen, output.fileno())
    failed = 0
    for name, process in running.items():
        failed |= process.wait()
        print(f"\n######## {name}\n", (scratch / f"{name}.log").read_text(), sep="", flush=True)
    return start(scratch / "last", [LAST]).wait() | failed


with tempfile.TemporaryDirectory(prefix="latchkey-tests-") as _scratch:
    try:
        _status = main(sys.argv[1:], Path(_scratch))
    except LookupError as missing:
        sys.exit(str(missing))
sys.exit(1 if _status else 0)
