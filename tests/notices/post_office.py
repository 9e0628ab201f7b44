"""A mail server on loopback that counts what arrives, and workers of a portal that send to it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support import forks
from tests.support.databases import GOOD
from tests.support.sandbox import ROOT, free_port
from tests.support.waiting import wait_until


class PostOffice:
    """What arrived: message IDs by address."""

    def __init__(self) -> None:
        self.port = free_port()
        self.arrived: list[tuple[str, str]] = []
        self.takes_seconds = 0.0
        self._lock = threading.Lock()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a mail."""
        if self.takes_seconds:
            time.sleep(self.takes_seconds)  # every connection waits: it is a slow server
        assert isinstance(envelope.content, bytes)
        message_id = str(message_from_bytes(envelope.content)["Message-ID"])
        with self._lock:
            self.arrived += [(recipient, message_id) for recipient in envelope.rcpt_tos]
        return "250 OK"

    @property
    def copies(self) -> Counter[str]:
        """How often each address got its mail."""
        return Counter(recipient for recipient, _ in self.arrived)

    @contextmanager
    def open(self) -> Iterator[PostOffice]:
        """Receive."""
        controller = Controller(self, hostname="127.0.0.1", port=self.port)
        controller.start()
        try:
            yield self
        finally:
            controller.stop()

    @property
    def settings(self) -> dict[str, str]:
        """Of a portal that sends here."""
        return {
            "SMTP_SERVER": f"127.0.0.1:{self.port}",
            "SMTP_SECURITY": "plain",
            "SMTP_FROM": "Latchkey <latchkey@example.com>",
            "NOTICES_ADDRESS_PATTERN": "{user}@example.com",
        }


class WorkerProcess:
    """`flask worker`."""

    def __init__(self, log: Path, settings: dict[str, str], *options: str) -> None:
        self.log = log
        self._environment = {**os.environ, **GOOD, **settings}
        self._options = options
        self.process: forks.Runs | None = None

    def start(self) -> None:
        """Start it, without waiting until it works."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "worker", *self._options]
        with self.log.open("ab") as log:
            self.process = forks.start(command, ROOT, self._environment, log)

    def wait_until_started(self) -> None:
        """Wait until it says so."""
        wait_until(lambda: "worker started" in self.log.read_text(), 30, self.log.read_text, while_runs=self.process)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process:
            self.process.kill()
            self.process.wait(10)

    def stop(self) -> int:
        """As a supervisor stops it. Returns its exit status."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def pids_of_workers(parent: int) -> list[int]:
    """Process ids of the workers that a process has started."""
    children = Path(f"/proc/{parent}/task").glob("*/children")
    pids = [int(pid) for each in children for pid in each.read_text().split()]
    return [pid for pid in pids if b"worker\0--parent" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def over(pid: int) -> bool:
    """Has a process ended, whether or not its new parent has noticed?"""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
