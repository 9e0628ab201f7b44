"""`latchkey serve`: the portal as it is installed, which refuses to start where it couldn't serve."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from app.cli.ports import why_not
from tests.deploy.conftest import NoAws
from tests.support.databases import GOOD, make_database
from tests.support.planted import PlantedFolder
from tests.support.portal import Portal
from tests.support.sandbox import free_port
from tests.support.waiting import wait_until

LATCHKEY = str(Path(sys.executable).with_name("latchkey"))


class Served(Portal):
    """A portal that `latchkey serve` starts, with options."""

    def command(self) -> list[str]:
        return [LATCHKEY, "serve", "--port", str(self.port)]


def refused(folder: Path, *options: str, **settings: str) -> str:
    """What `latchkey serve` says when it doesn't start."""
    environment = {**os.environ, **GOOD, "DATABASE_URL": f"sqlite:///{folder / 'portal.db'}", **settings}
    done = subprocess.run(
        [LATCHKEY, "serve", *options], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    return done.stderr


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which another program listens."""
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


@pytest.fixture
def planted(tmp_path: Path) -> PlantedFolder:
    return PlantedFolder(tmp_path)


def served_from(planted: PlantedFolder, folder: Path) -> Served:
    """A portal that someone starts in the planted folder, which they reached by its link."""
    portal = Served(folder, NoAws())
    portal.here = planted.link
    portal.environment["PWD"] = str(planted.link)
    del portal.environment["PORT"]
    return portal


def signs_in(portal: Served) -> bool:
    """Does the portal show the page on which people sign in?"""
    try:
        with urllib.request.urlopen(f"{portal.url}/sign-in") as page:
            return bool(page.status == 200)
    except OSError:
        return False


def masters(portal: Served) -> list[int]:
    """The processes of gunicorn that have no gunicorn of the same portal above them, oldest first."""
    assert portal.process
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if int(after_name[3]) == portal.process.pid and b"app.cli.gunicorn" in command:
            parents[int(folder.name)] = int(after_name[1])
    return sorted(pid for pid in parents if pid in parents.values())


def workers(master: int) -> set[str]:
    """The processes that a master has started."""
    return set(Path(f"/proc/{master}/task/{master}/children").read_text().split())


def test_it_serves_from_the_folder_of_any_project_and_ends_with_sigterm(
    planted: PlantedFolder, tmp_path: Path
) -> None:
    with served_from(planted, tmp_path / "portal") as portal:
        assert signs_in(portal) and planted.ran() == []
        assert portal.process
        portal.process.send_signal(signal.SIGTERM)
        assert portal.process.wait(35) == 0
    private = [file for file in (tmp_path / "portal").iterdir() if file.name.startswith("latchkey.db")]
    assert private and not any(file.stat().st_mode & 0o077 for file in private)


def waiting(worker: str) -> int:
    """How many sets of connections a worker waits for: its own, and one for each new connection, for 5 seconds."""
    found = 0
    for handle in Path(f"/proc/{worker}/fd").iterdir():
        with suppress(FileNotFoundError):
            found += str(handle.readlink()) == "anon_inode:[eventpoll]"
    return found


def test_it_ends_although_a_browser_holds_a_connection_that_it_has_not_used(tmp_path: Path) -> None:
    with Served(tmp_path / "portal", NoAws()) as portal:
        assert portal.process
        master = portal.process.pid
        wait_until(lambda: signs_in(portal) and len(workers(master)) == 1)
        [worker] = workers(master)
        wait_until(lambda: waiting(worker) == 1)
        with socket.create_connection(("127.0.0.1", portal.port)):
            wait_until(lambda: waiting(worker) == 2)
            wait_until(lambda: waiting(worker) == 1)
            portal.process.send_signal(signal.SIGTERM)
            assert portal.process.wait(15) == 0, "gunicorn waits 30 seconds for requests that are under way"


def test_new_workers_and_a_new_master_run_nothing_of_that_folder(planted: PlantedFolder, tmp_path: Path) -> None:
    with served_from(planted, tmp_path / "portal") as portal:
        assert portal.process
        first = portal.process.pid
        wait_until(lambda: signs_in(portal) and bool(workers(first)))
        before = workers(first)
        portal.process.send_signal(signal.SIGHUP)
        wait_until(lambda: before.isdisjoint(workers(first) or before) and signs_in(portal))
        portal.process.send_signal(signal.SIGUSR2)
        wait_until(lambda: len(masters(portal)) == 2, 30, portal.log.read_text)
        [new] = set(masters(portal)) - {first}
        portal.process.send_signal(signal.SIGTERM)
        assert portal.process.wait(35) == 0
        try:
            wait_until(lambda: signs_in(portal) and bool(workers(new)))
        finally:
            os.kill(new, signal.SIGTERM)
        wait_until(lambda: not signs_in(portal))
        wait_until(lambda: not list(portal.folder.glob("latchkey-metrics-*")))
    assert planted.ran() == []


def test_wrong_settings_are_all_told_at_once(tmp_path: Path) -> None:
    told = refused(tmp_path, "--workers", "many", SECRET_KEY="", ACCOUNTS="")
    assert told.startswith("Latchkey cannot start:\n")
    assert [line.split()[1] for line in told.splitlines()[1:]] == ["ACCOUNTS", "SECRET_KEY", "WORKERS"]


def test_options_count_more_than_settings(tmp_path: Path, taken: int) -> None:
    make_database(tmp_path / "portal.db")
    assert "without REDIS_URL" in refused(tmp_path, "--workers", "2", WORKERS="1", PORT=str(free_port()))
    assert f"Port {taken} cannot be used" in refused(tmp_path, "--port", str(taken), PORT=str(free_port()))
    assert f"Port {taken} cannot be used" in refused(tmp_path, "--bind", f"127.0.0.1:{taken}", PORT=str(free_port()))


def test_a_database_that_is_not_ready_is_told_with_the_command(tmp_path: Path) -> None:
    told = refused(tmp_path, "--port", str(free_port()), TMPDIR=str(tmp_path))
    assert "latchkey db upgrade" in told
    assert not list(tmp_path.glob("latchkey-metrics-*")), "nothing is left behind where it can't start"


@pytest.mark.parametrize("port", ["0", "65536", "http", "", "-1", "8000 "])
def test_what_is_no_port_is_told(port: str) -> None:
    assert why_not("PORT", port) == f"PORT is {port!r}: set a port, 1 to 65535."


def test_a_free_port_is_fine() -> None:
    assert why_not("PORT", str(free_port())) == ""
