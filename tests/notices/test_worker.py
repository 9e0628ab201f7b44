"""A worker is a process: it sends what a portal's transactions wrote, records it, and stops when it's told to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from app.activity.cli import commands
from app.audit.chain import ChainedRow
from app.audit.events import Event
from app.audit.log import AfterCommit, Audit, audit_log
from app.audit.models import ActivityRow
from app.db import db
from app.errors import NotRecorded
from app.factory import create_app
from app.notices.models import NoticeRow, ScheduleRow
from app.notices.notice import Audience, Notice
from app.notices.outbox import outbox
from app.notices.recording import digest
from config import from_env
from tests.notices.conftest import ACCOUNT, now
from tests.notices.post_office import PostOffice, WorkerProcess, over
from tests.support.databases import GOOD, make_database
from tests.support.sandbox import ROOT
from tests.support.waiting import wait_until


@pytest.fixture
def post_office() -> Iterator[PostOffice]:
    with PostOffice().open() as office:
        yield office


@pytest.fixture
def settings(post_office: PostOffice, tmp_path: Path) -> dict[str, str]:
    make_database(tmp_path / "portal.db")
    return {**post_office.settings, "DATABASE_URL": f"sqlite:///{tmp_path / 'portal.db'}"}


@pytest.fixture
def portal(settings: dict[str, str]) -> Iterator[Flask]:
    app = create_app(from_env({**GOOD, **settings}))
    with app.app_context():
        yield app
        db.engine.dispose()


@pytest.fixture
def worker(settings: dict[str, str], tmp_path: Path) -> Iterator[WorkerProcess]:
    made = WorkerProcess(tmp_path / "worker.log", settings)
    yield made
    made.kill()


def sample(user: str) -> Notice:
    """The notice of `flask notify test`, to a user."""
    return Notice("test", ACCOUNT, user, f"test:{user}", {"at": now().isoformat()})


def audit() -> Audit:
    return Audit(audit_log(), ACCOUNT, "paula", "192.0.2.1", "Firefox", "0" * 16, "AIDAPAULA")


def test_what_is_written_with_an_entry_is_sent_and_recorded(
    portal: Flask, worker: WorkerProcess, post_office: PostOffice
) -> None:
    def watch(connection: Connection, row: ChainedRow) -> AfterCommit | None:
        if row.event == Event.SIGN_OUT:
            outbox().enqueue(connection, [sample(row.user_name)])
        return None

    audit_log().watchers.append(watch)
    audit().note(Event.SIGN_OUT)
    worker.start()
    wait_until(lambda: post_office.arrived, told=worker.log.read_text)
    wait_until(lambda: "sent" in states(), told=worker.log.read_text)
    assert worker.stop() == 0
    assert post_office.copies == {"paula@example.com": 1}

    with db.engine.connect() as connection:
        row = NoticeRow(**connection.execute(select(*NoticeRow.__table__.c)).one()._mapping)
        entry = connection.execute(select(ActivityRow).where(ActivityRow.event == Event.NOTICES_SENT)).one()
        beat = connection.execute(select(ScheduleRow.beat_at).where(ScheduleRow.name == "worker")).scalar_one()
    assert row.sent_to == "paula@example.com" and row.sent_at
    assert entry.target == f"test to paula, {row.sent_at.isoformat()}, SHA-256 {digest([row])}"
    assert beat and now() - beat < timedelta(seconds=60)
    verified: Result = portal.test_cli_runner().invoke(commands, ["verify"])
    assert verified.exit_code == 0, verified.output


def states() -> list[str]:
    with db.engine.connect() as connection:
        return list(connection.execute(select(NoticeRow.state)).scalars())


def test_an_entry_and_its_notice_are_stored_together_or_not_at_all(portal: Flask) -> None:
    def fails(connection: Connection, row: ChainedRow) -> AfterCommit | None:
        outbox().enqueue(connection, [sample(row.user_name)])
        raise SQLAlchemyError("the database is full")

    audit_log().watchers.append(fails)
    with pytest.raises(NotRecorded):
        audit().note(Event.SIGN_OUT)
    assert states() == []
    with db.engine.connect() as connection:
        assert connection.execute(select(ActivityRow.event)).all() == []


def test_what_was_sent_together_is_one_entry_for_each_account(
    portal: Flask, worker: WorkerProcess, post_office: PostOffice
) -> None:
    with db.engine.begin() as connection:
        outbox().enqueue(connection, [sample(f"user-{number}") for number in range(30)])
        about_none = Notice(
            "test", "", "admin@example.com", "one", {"at": now().isoformat()}, audience=Audience.ADDRESS
        )
        outbox().enqueue(connection, [about_none])
    worker.start()
    wait_until(lambda: set(states()) == {"sent"}, told=worker.log.read_text)
    with db.engine.connect() as connection:
        query = select(ActivityRow.account_id, ActivityRow.target).order_by(ActivityRow.account_id)
        (none, first), (account, other) = connection.execute(query)
    assert (none, account) == ("", ACCOUNT)
    assert first.startswith("test to admin@example.com, ") and other.startswith("30 notices, ")
    assert len(post_office.arrived) == 31


def test_a_worker_ends_with_the_process_that_started_it(settings: dict[str, str], tmp_path: Path) -> None:
    pid, log = tmp_path / "pid", tmp_path / "log"
    command = "[sys.executable, '-m', 'flask', '--app', 'wsgi', 'worker', '--parent', str(os.getpid())]"
    parent = (
        "import os, pathlib, subprocess, sys, time\n"
        f"child = subprocess.Popen({command})\n"
        f"pathlib.Path({str(pid)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)"
    )
    environment = {**os.environ, **GOOD, **settings}
    with log.open("wb") as output:
        started = subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, env=environment, stderr=output)
    wait_until(lambda: "worker started" in log.read_text())
    started.kill()
    started.wait()
    wait_until(lambda: over(int(pid.read_text())))


def test_without_a_channel_there_is_nothing_to_do(settings: dict[str, str], tmp_path: Path) -> None:
    worker = WorkerProcess(tmp_path / "log", {"DATABASE_URL": settings["DATABASE_URL"]})
    worker.start()
    assert worker.process and worker.process.wait(30) == 1
    assert "No channel is set up" in worker.log.read_text()
