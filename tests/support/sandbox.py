"""A sandbox of its own for a test: a process on a free port, asked over HTTP like AWS."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
import pyotp
from botocore.config import Config

from app.sandbox.call_log import BUG
from tests.support import forks
from tests.support.clock import Clock
from tests.support.marks import MARKER
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
_BOTO = boto3.Session()
"""Loads botocore's models once."""


def free_port() -> int:
    """A port nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@lru_cache(maxsize=256)
def _client(service: str, url: str, region: str, **credentials: str) -> Any:
    """Kept, because making one takes longer than what is asked with it; threads may share it."""
    made: Callable[..., Any] = _BOTO.client  # its overloads know services by literal names only
    return made(
        service,
        endpoint_url=url,
        region_name=region,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, parameter_validation=False),
        **credentials,
    )


class Sandbox:
    """A running `flask --app wsgi sandbox`; use as a context manager."""

    def __init__(self, folder: Path, clock: Clock, *options: str, port: int | None = None) -> None:
        self.folder = folder
        self.clock = clock
        self.port = port or free_port()
        self.options = options
        self.process: forks.Runs | None = None
        self._marked = 0

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it wrote its file; raises with its output when it dies instead."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "sandbox", "--port", str(self.port)]
        command += ["--instance", str(self.folder), "--marker", MARKER, *self.options]
        with (self.folder / "sandbox.log").open("a") as log:
            self.process = forks.start(command, ROOT, os.environ, log, "sandbox")
        written = (self.folder / "sandbox.json").exists
        wait_until(written, 30, (self.folder / "sandbox.log").read_text, while_runs=self.process)
        self.facts: dict[str, Any] = json.loads((self.folder / "sandbox.json").read_text())
        self._marked = 0

    def stop(self) -> None:
        """Stop it as Ctrl-C would. Raises AssertionError if it answered a request with a bug of its own."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
            log = (self.folder / "sandbox.log").read_text()
            assert BUG not in log, log[log.index(BUG) :][:6000]

    @property
    def url(self) -> str:
        return str(self.facts["endpoint_url"])

    @property
    def account_id(self) -> str:
        return str(self.facts["account_id"])

    def user(self, name: str) -> dict[str, Any]:
        """The cast's entry of sandbox.json."""
        return dict(self.facts["users"][name])

    def client(self, service: str, **credentials: str) -> Any:
        """A plain boto3 client of this sandbox: aws_access_key_id=..., aws_secret_access_key=..., ..."""
        return _client(service, self.url, self.facts["region"], **credentials)

    def as_user(self, service: str, name: str) -> Any:
        """A client signing with the long-term key of one of the cast."""
        user = self.user(name)
        return self.client(
            service,
            aws_access_key_id=user["access_key_id"],
            aws_secret_access_key=user["secret_access_key"],
        )

    def as_administrator(self, service: str) -> Any:
        """A client of Administrator: sees and may do everything."""
        return self.as_user(service, "Administrator")

    def credential_report(self) -> bytes:
        """The account's credential report as CSV, made now."""
        iam = self.as_administrator("iam")
        while iam.generate_credential_report()["State"] != "COMPLETE":
            time.sleep(0.1)
        return bytes(iam.get_credential_report()["Content"])

    def with_mfa(self, service: str, name: str, serial_number: str, code: str) -> Any:
        """A client signing with an MFA session of one of the cast."""
        answer = self.as_user("sts", name).get_session_token(SerialNumber=serial_number, TokenCode=code)
        return self.session_client(service, answer["Credentials"])

    def session_client(self, service: str, credentials: dict[str, Any]) -> Any:
        """A client signing with what GetSessionToken answered."""
        return self.client(
            service,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )

    def code(self, seed: str, steps: int = 0) -> str:
        """What a phone with this seed shows now, or so many steps of 30 s later."""
        return str(pyotp.TOTP(seed).at(int(self.clock.time()), counter_offset=steps))

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """The call log after sequence number `since`."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/calls?since={since}") as answer:
            return list(json.load(answer)["calls"])

    def mark(self) -> int:
        """The sequence number of the last call. Asks for no call twice: the whole log takes a second to send."""
        for call in self.calls(self._marked)[-1:]:
            self._marked = int(call["seq"])
        return self._marked

    def begun(self, action: str) -> int:
        """Calls of an action since the faults were set, those still running included."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/begun") as answer:
            return int(json.load(answer)["begun"].get(action, 0))

    def set_faults(self, faults: list[dict[str, Any]]) -> None:
        """What goes wrong from now on; [] for nothing. Occurrences count from this call."""
        body = json.dumps(faults).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/_sandbox/faults", body, method="PUT")).close()
