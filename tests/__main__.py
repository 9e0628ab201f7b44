"""`python -m tests [pytest options]`: pytest under the clock that tests can move, on loopback only.

Without options the whole suite runs as processes side by side, the browser's stories under each policy in two
halves, what goes wrong on purpose, and the rest, each with a clock of its own; last comes what looks back on all.
"""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.clock import environment

LAST = "tests/browser/test_every_page.py"
BROWSER = Path(__file__).parent / "browser"
UNDER_FIRE = ("tests/faults", "tests/security", "tests/deploy")
AT_ONCE = 3
"""More than the two cores there may be: a story waits a good part of its time."""


def shards() -> dict[str, list[str]]:
    """What runs beside each other, the longest first."""
    stories = sorted(
        f"tests/browser/{file.name}" for file in BROWSER.glob("test_*.py") if file.name != Path(LAST).name
    )
    halves = (stories[0::2], stories[1::2])
    rest = ["tests", "--ignore=tests/browser", *(f"--ignore={folder}" for folder in UNDER_FIRE)]
    browser = {
        f"browser, {policy}, {number}": [*half, f"--policy={policy}"]
        for policy in ("recommended", "tutorial")
        for number, half in enumerate(halves, 1)
    }
    last = browser.popitem()
    return {"the rest": rest, **browser, "under fire": [*UNDER_FIRE], **dict([last])}


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

    def run(name: str, chosen: list[str]) -> int:
        with (scratch / f"{name}.log").open("wb") as output:
            return start(scratch / name, chosen, output.fileno()).wait()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {name: pool.submit(run, name, chosen) for name, chosen in shards().items()}
        failed = 0
        for name, process in running.items():
            failed |= process.result()
            print(f"\n######## {name}\n", (scratch / f"{name}.log").read_text(), sep="", flush=True)
    return start(scratch / "last", [LAST]).wait() | failed


with tempfile.TemporaryDirectory(prefix="latchkey-tests-") as _scratch:
    try:
        _status = main(sys.argv[1:], Path(_scratch))
    except LookupError as missing:
        sys.exit(str(missing))
sys.exit(1 if _status else 0)
