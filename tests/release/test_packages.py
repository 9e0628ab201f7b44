"""The wheel and the sdist: the same bytes each time, and a portal that serves where nothing else is installed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import __version__
from tests.release.conftest import built, fresh_source, run
from tests.support.clock import Clock
from tests.support.people import Phone, hire
from tests.support.planted import PlantedFolder
from tests.support.portal import Portal
from tests.support.sandbox import Sandbox
from tests.support.visitor import Visitor

WHEEL, SDIST = f"latchkey-{__version__}-py3-none-any.whl", f"latchkey-{__version__}.tar.gz"


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of each file, by name."""
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir() if file.is_file()}


class InstalledPortal(Portal):
    """A portal that was installed from the wheel, started in a folder with nothing of the source."""

    def __init__(self, folder: Path, programs: Path, sandbox: Sandbox) -> None:
        super().__init__(folder, sandbox)
        self.programs = programs
        self.here = folder

    def command(self) -> list[str]:
        return [str(self.programs / "latchkey"), "serve"]

    def migrate(self) -> None:
        self.run("latchkey", "db", "upgrade")

    def run(self, program: str, *words: str) -> str:
        command = [str(self.programs / program), *words]
        done = subprocess.run(
            command, cwd=self.here, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def sandbox(scratch: Path, clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(scratch / "aws-of-the-release", clock) as running:
        yield running


@pytest.fixture(scope="module")
def portal(scratch: Path, installed: Path, sandbox: Sandbox) -> Iterator[InstalledPortal]:
    with InstalledPortal(scratch / "elsewhere", installed, sandbox) as running:
        yield running


@pytest.mark.timeout(300)
def test_two_builds_of_the_same_source_are_the_same(dist: Path, tmp_path: Path) -> None:
    again = fresh_source(tmp_path / "in" / "another" / "folder")
    for file in again.rglob("*.py"):
        file.chmod(0o600)  # as another umask leaves it
    assert sums(built(again, tmp_path / "dist")) == sums(dist)
    assert sums(dist).keys() >= {WHEEL, SDIST}


@pytest.mark.timeout(300)
def test_the_sdist_builds_the_same_wheel(dist: Path, tmp_path: Path) -> None:
    with tarfile.open(dist / SDIST) as packed:
        packed.extractall(tmp_path, filter="data")
    again = built(tmp_path / SDIST.removesuffix(".tar.gz"), tmp_path / "dist")
    assert sums(again)[WHEEL] == sums(dist)[WHEEL]


@pytest.mark.timeout(900)
def test_an_installed_portal_has_all_it_needs(installed: Path) -> None:
    assert run(installed / "latchkey", "--version") == f"latchkey {__version__}\n"
    assert run(installed / "python", "-m", "pip", "check") == "No broken requirements found.\n"
    assert "arn:aws:iam::123456789012" in run(
        installed / "latchkey", "policy", "render", "--account-id", "123456789012"
    )
    refused = subprocess.run([installed / "latchkey", "sandbox"], capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "Install its wheel" in refused.stderr


@pytest.mark.timeout(300)
def test_a_user_sets_up_mfa_at_an_installed_portal(portal: InstalledPortal, sandbox: Sandbox, clock: Clock) -> None:
    nadia = hire(sandbox, "nadia")
    clock.move(10)
    assert Visitor(portal.url).open("/healthz").status == 200
    visitor = Visitor(portal.url).sign_in(nadia)
    style = visitor.soup.select_one("link[rel=stylesheet]")
    assert style and Visitor(portal.url).open(str(style["href"])).status == 200
    visitor.submit("/mfa/enroll/begin")
    phone = Phone(clock, f"otpauth://totp/nadia?secret={visitor.seed()}")
    visitor.submit("/mfa/enroll", first_code=phone.next(), second_code=phone.next())
    assert nadia.devices() == [nadia.serial_number], visitor.text
    assert "sound" in portal.run("latchkey", "activity", "verify")
    assert "sound" in portal.run("flask", "--app", "wsgi", "activity", "verify"), "the earlier form works, too"


@pytest.mark.timeout(300)
def test_the_doctor_compares_what_is_installed_with_the_lock(portal: InstalledPortal) -> None:
    command: list[str | Path] = [portal.programs / "latchkey", "doctor", "--json"]
    done = subprocess.run(command, cwd=portal.here, env=portal.environment, capture_output=True, check=False)
    found = {finding["code"] for finding in json.loads(done.stdout)["findings"]}
    assert "versions-locked" in found and "check-failed" not in found, done.stdout


@pytest.mark.timeout(300)
def test_an_installed_portal_runs_no_file_of_the_folder_it_is_started_in(
    scratch: Path, installed: Path, sandbox: Sandbox
) -> None:
    planted = PlantedFolder(scratch / "of-another")
    portal = InstalledPortal(scratch / "beside-another", installed, sandbox)
    portal.here = planted.link
    portal.environment["PWD"] = str(planted.link)
    with portal:
        assert Visitor(portal.url).open("/sign-in").status == 200
    assert planted.ran() == []
