"""Sending 5,000 notices against bare smtplib with the same mails, and what writing a notice adds to an entry."""

from __future__ import annotations

import os
import smtplib
import socket
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from sqlalchemy import Connection, delete, select

from app.audit.chain import ChainedRow
from app.audit.events import Event
from app.audit.log import Audit, Watcher, audit_log
from app.command_app import create_command_app
from app.db import db
from app.notices.channels.mail import as_mail
from app.notices.mail_address import mail_address
from app.notices.messages import Message
from app.notices.models import NoticeRow
from app.notices.notice import Notice
from app.notices.outbox import outbox
from app.notices.worker import SENDERS, delivery
from bench import Row, least_cpu
from bench._portal import portal, running

NOTICES, TURNS, ENTRIES = 5000, 3, 50
ACCOUNT = "123456789012"
AT_MOST_MS = 2
SENDER = "latchkey@example.com"


def notices(number: int) -> list[Notice]:
    """Reminders of as many users."""
    data = {"target": "AKIAIOSFODNN7EXAMPLE", "created_at": "2026-03-01", "due_at": "2026-05-30", "days": 7}
    return [
        Notice("key-age", ACCOUNT, f"user-{each:05}", f"{each}", data, user_id=f"AIDA{each:017}")
        for each in range(number)
    ]


@dataclass(frozen=True)
class Office:
    """A portal that sends to a mail server on this machine."""

    app: Flask
    """In which workers run."""
    port: int
    pid: int
    """Of the mail server."""

    def cpu_s(self) -> float:
        """CPU seconds of this process and of the mail server so far."""
        server = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return time.process_time() + (int(server[11]) + int(server[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _office(folder: Path) -> Iterator[Office]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = portal(
        folder,
        "http://127.0.0.1:9",
        SMTP_SERVER=f"127.0.0.1:{port}",
        SMTP_SECURITY="plain",
        SMTP_FROM=SENDER,
        NOTICES_ADDRESS_PATTERN="{user}@example.com",
    )
    os.environ.update(env)
    app = create_command_app()
    server = [sys.executable, "-m", "bench._post_office", str(port)]
    with running(server, env, port) as pid, app.app_context():
        yield Office(app, port, pid)
        db.engine.dispose()


class Bare:
    """Sends the same mails with smtplib, over one connection."""

    def __init__(self, port: int, mails: Sequence[tuple[str, bytes]]) -> None:
        self._port, self._mails = port, mails

    def send(self) -> None:
        """Send all."""
        with smtplib.SMTP("127.0.0.1", self._port) as server:
            for address, content in self._mails:
                server.sendmail(SENDER, [address], content)


def _finished(app: Flask) -> list[tuple[str, bytes]]:
    """The mails of the notices that wait, as they are sent."""
    sends, sender, (name, _) = delivery(app), mail_address(SENDER), app.config["SMTP_FROM"]
    with db.engine.connect() as connection:
        rows = [NoticeRow(**row._mapping) for row in connection.execute(select(*NoticeRow.__table__.c))]
    mails, address_of = [], sends.addresses(rows)
    for row in rows:
        to = mail_address(address_of(row) or "")
        if to is None or sender is None:
            raise RuntimeError(f"{row.user_name} has no address")
        told = sends.render(row)
        message = Message(row.message_id, str(to), *told, kind=row.kind, data=row.data, created_at=row.created_at)
        mails.append((str(to), as_mail(message, to, sender, name)))
    return mails


def _written(number: int) -> None:
    """Make the outbox have so many notices that wait, and no others."""
    with db.engine.begin() as connection:
        connection.execute(delete(NoticeRow))
        outbox().enqueue(connection, notices(number))


def _sent(app: Flask) -> None:
    """Send what waits, as a worker does."""
    sends = delivery(app)

    def run(_: int) -> None:
        with app.app_context():
            sends.run()

    with ThreadPoolExecutor(SENDERS) as senders:
        list(senders.map(run, range(SENDERS)))
    if sends.is_due():
        raise RuntimeError("notices are left")


def _sending(office: Office) -> list[Row]:
    """By turns, so that a slow moment of the machine affects both."""
    _written(NOTICES)
    bare = Bare(office.port, _finished(office.app))
    wall_s: tuple[list[float], list[float]] = [], []
    cpu_s: tuple[list[float], list[float]] = [], []
    for _ in range(TURNS):
        _written(NOTICES)
        for which, send in enumerate((lambda: _sent(office.app), bare.send)):
            cpu, began = office.cpu_s(), time.perf_counter()
            send()
            wall_s[which].append(time.perf_counter() - began)
            cpu_s[which].append(office.cpu_s() - cpu)
    told = "smtplib with the same mails, made before, over one connection"
    (ours, theirs), (ours_cpu, theirs_cpu) = map(statistics.median, wall_s), map(min, cpu_s)
    took = Row(f"send {NOTICES} notices", told, ours, theirs, at_most=1.3)
    return [took, Row("CPU of it and of the server", "the same", ours_cpu, theirs_cpu, at_most=1.3)]


def _enqueueing() -> Row:
    """What the notice of an entry of the audit log adds to it."""
    audit = Audit(audit_log(), ACCOUNT, "paula", "192.0.2.1", "Firefox", "0" * 16, "AIDAPAULA")
    keys = count()

    def watch(connection: Connection, row: ChainedRow) -> None:
        outbox().enqueue(connection, [Notice("key-age", ACCOUNT, "paula", f"entry:{next(keys)}", {"days": 7})])

    def entries(*watchers: Watcher) -> None:
        audit_log().watchers[:] = watchers
        for _ in range(ENTRIES):
            audit.note(Event.SIGN_OUT)

    without, with_notice = least_cpu(entries, lambda: entries(watch))
    added = (with_notice - without) / ENTRIES * 1000
    return Row("CPU of a notice with an entry", f"{AT_MOST_MS} ms", max(added, 0.0), AT_MOST_MS, at_most=1, unit="ms")


def measure() -> list[Row]:
    """Three rows, on SQLite."""
    with TemporaryDirectory() as folder, _office(Path(folder)) as office:
        return [*_sending(office), _enqueueing()]
