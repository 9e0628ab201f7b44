"""`make serve` starts workers beside the portal: one that ends is replaced, and none is left when the portal ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from app.notices.outbox import Outbox
from tests.notices.post_office import PostOffice, over, pids_of_workers
from tests.notices.test_worker import sample
from tests.support.portal import Portal
from tests.support.replicas import Replicas
from tests.support.sandbox import ROOT, Sandbox
from tests.support.waiting import wait_until

PATIENCE = 100
"""Seconds: a worker may have to start on a machine that has much to do."""


@pytest.fixture
def post_office() -> Iterator[PostOffice]:
    with PostOffice().open() as office:
        yield office


def write(portal: Portal, user: str) -> None:
    """Write a notice to a user."""
    engine = create_engine(portal.environment["DATABASE_URL"])
    with engine.begin() as connection:
        Outbox(["mail"]).enqueue(connection, [sample(user)])
    engine.dispose()


@pytest.mark.timeout(500)
def test_a_worker_runs_beside_the_portal_and_never_without_it(
    sandbox: Sandbox, post_office: PostOffice, tmp_path: Path
) -> None:
    portal = Portal(tmp_path / "portal", sandbox, **post_office.settings)
    with portal:
        assert portal.process
        master = portal.process.pid
        wait_until(lambda: pids_of_workers(master), PATIENCE, portal.log.read_text)
        write(portal, "paula")
        wait_until(lambda: post_office.copies["paula@example.com"], PATIENCE, portal.log.read_text)

        wait_until(lambda: len(pids_of_workers(master)) == 1, PATIENCE, portal.log.read_text)
        (killed,) = pids_of_workers(master)
        os.kill(killed, signal.SIGKILL)
        write(portal, "paul")
        wait_until(lambda: post_office.copies["paul@example.com"], PATIENCE, portal.log.read_text)
        wait_until(lambda: len(pids_of_workers(master)) == 1, PATIENCE, portal.log.read_text)
        (replaced,) = pids_of_workers(master)
        assert replaced != killed
        portal.stop()
        assert over(replaced), "it ends with the portal that is stopped"


FORKS_WHILE_IT_STARTS = """
import os, runpy, sys, threading
sys.argv = ["gunicorn"]
NoticeWorkers = runpy.run_path("deploy/gunicorn.conf.py")["NoticeWorkers"]
started = threading.Semaphore(0)

class Short(NoticeWorkers):
    def command(self):
        started.release()
        return [sys.executable, "-S", "-c", ""]

keeps = Short(2, pause=0)
keeps.start()
serving = []
for _ in range(60):
    started.acquire()
    if not (pid := os.fork()):
        os.read(int(sys.stdin.fileno()), 1)  # serves until the portal ends
        os._exit(0)
    serving.append(pid)
for _ in range(20):
    started.acquire()
print("started again", flush=True)
keeps.stop()
"""


def test_a_worker_is_started_again_though_the_portal_forks_at_the_same_moment() -> None:
    command = [sys.executable, "-c", FORKS_WHILE_IT_STARTS]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as master:
        assert master.stdout
        try:
            assert master.stdout.readline() == "started again\n"
            master.communicate(timeout=60)
        finally:
            master.kill()
    assert master.returncode == 0


def test_without_a_channel_no_worker_is_started(many: Replicas) -> None:
    assert many.first.process
    assert pids_of_workers(many.first.process.pid) == []
