"""The first start of `make run`: packages are installed with progress shown, and pip's talk only if it fails."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.sandbox import ROOT

PIP = """#!/bin/sh
# In the place of the virtual environment's Python: says what pip says, downloads nothing.
[ "$1" = -c ] && exit 0
echo "WARNING: Location 'file:///nowhere' is ignored" >&2
case "$*" in
*--require-hashes*)
    for n in $(seq 1 45); do echo "Collecting package$n==1.0 (from -r requirements.lock (line $n))"; done
    echo "Installing collected packages: package1"
    exit {status}
    ;;
esac
"""


BY_NAME = re.compile(r"pip3? install(?: -\S+)* latchkey(?:[-_]sandbox)?(?![\w./*-])")
"""A command that takes whatever an index has under these names. On PyPI, that isn't ours."""


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder with a lock of 45 packages; `venv/bin/python` is still to be written."""
    lock = "".join(f"package{n}==1.0 \\\n    --hash=sha256:0\n" for n in range(45))
    (tmp_path / "requirements.lock").write_text(lock)
    (tmp_path / "venv/bin").mkdir(parents=True)
    return tmp_path


def make_venv(folder: Path, status: int) -> subprocess.CompletedProcess[str]:
    python = folder / "venv/bin/python"
    python.write_text(PIP.replace("{status}", str(status)))
    python.chmod(0o755)
    command: list[str | Path] = [ROOT / "deploy/make-venv", "python3", folder / "venv", folder / "requirements.lock"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_first_start_shows_how_far_it_is_and_nothing_of_pip(made: Path) -> None:
    done = make_venv(made, 0)
    assert (done.returncode, done.stderr) == (0, "")
    first, *rest = done.stdout.splitlines()
    assert first.startswith("Installing 45 packages into ") and "takes a minute or two" in first
    assert rest == ["  20 of 45 packages", "  40 of 45 packages", "  Unpacking 45 packages", "Installed."]


def test_nobody_is_told_to_install_packages_of_others() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "sandbox").rglob("*.md")]
    programs = [*(ROOT / "app").rglob("*.py"), *(ROOT / "sandbox").rglob("*.yml"), *(ROOT / "deploy").rglob("*")]
    for file in (*documents, *(each for each in programs if each.is_file())):
        for line in file.read_text(errors="replace").splitlines():
            assert not BY_NAME.search(line) or "installs another program" in line or "aren't ours" in line, (
                f"{file}\n{line}"
            )
    for file in documents:
        text = " ".join(file.read_text().split())
        if re.search(r"pip install [^`]*latchkey\S*\.whl", text):
            assert "latchkey` and `latchkey-sandbox` on public" in text and "aren't ours" in text, file
    assert not list((ROOT / "sandbox").rglob("requirements*.txt")), "pip would look for names in it"


def test_if_pip_fails_its_messages_are_shown(made: Path) -> None:
    failed = make_venv(made, 7)
    assert failed.returncode == 1 and "Installed." not in failed.stdout
    assert "WARNING: Location" in failed.stderr and "Collecting package45" in failed.stderr
    assert re.search(r"Installing \S+ failed\. pip's messages are above\.\n$", failed.stderr)
