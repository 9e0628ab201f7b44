"""`python -m tests [pytest options]`: pytest under the clock that tests can move, on loopback only.

Without options the whole suite runs as processes side by side, each with a clock of its own; last comes what looks
back on all. docs/development.md says more.
"""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.clock import environment

LAST = ("tests/browser/test_every_page.py", "tests/browser/test_html.py")
TESTS = Path(__file__).parent
BROWSER = TESTS / "browser"
AS_REPLICAS = ("--database=postgresql", "--redis", "--workers=2")
"""How the portal runs for these stories, which take about half of the time; for the others, on SQLite alone."""
TOLD_OF_REPLICAS = (
    "access_keys", "enroll", "faults", "last_use", "narrow", "password", "policies", "private_keys",
    "session_ending", "ssh_keys", "step_3", "waiting",
)  # fmt: skip
APART = {
    "sandbox": ["tests/sandbox"],
    "attacks": ["tests/security", "--ignore=tests/security/test_every_input.py"],
    "compliance": ["tests/compliance"],
    "the audit log, documents, policies": ["tests/audit", "tests/docs", "tests/policy"],
    "under fire": ["tests/faults", "tests/deploy", "tests/security/test_every_input.py"],
}
"""Parts of the suite; "the rest" is what no part names."""
AT_ONCE = 5
"""More than the two cores there may be: a story waits a good part of its time. Three left a quarter of them idle."""


def shards() -> dict[str, list[str]]:
    """What runs beside each other, the longest first, so that the last to end are short ones."""
    stories = {f"tests/browser/{file.name}" for file in BROWSER.glob("test_*.py")} - set(LAST)
    replicas = {f"tests/browser/test_{name}.py" for name in TOLD_OF_REPLICAS}
    alone = sorted(stories - replicas)
    named = [each for part in APART.values() for each in part if not each.startswith("-")]
    apart = [f"--ignore={each}" for each in ("tests/browser", "tests/release", *named)]
    return {
        "browser, as replicas": [*sorted(replicas), "--policy=recommended", *AS_REPLICAS],
        "the rest": ["tests", *apart],
        "browser, on SQLite, 1": [*alone[0::2], "--policy=recommended"],
        "browser, on SQLite, 2": [*alone[1::2], "--policy=recommended"],
        **APART,
        "browser, under the tutorial's policy": [*sorted(stories), "--policy=tutorial", *AS_REPLICAS],
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

    def run(name: str, chosen: list[str]) -> int:
        with (scratch / f"{name}.log").open("wb") as output:
            return start(scratch / name, chosen, output.fileno()).wait()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        running = {name: pool.submit(run, name, chosen) for name, chosen in shards().items()}
        failed = 0
        for name, process in running.items():
            failed |= process.result()
            print(f"\n######## {name}\n", (scratch / f"{name}.log").read_text(), sep="", flush=True)
    return start(scratch / "last", [*LAST]).wait() | failed


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="latchkey-tests-") as _scratch:
        try:
            _status = main(sys.argv[1:], Path(_scratch))
        except LookupError as missing:
            sys.exit(str(missing))
    sys.exit(1 if _status else 0)
