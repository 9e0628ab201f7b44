"""A portal of its own for a test: gunicorn as in production, against a sandbox."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.support.sandbox import ROOT, Sandbox, free_port

SECRET_KEY = "a-secret-key-of-the-tests-and-of-nothing-else"


class Portal:
    """A running portal; use as a context manager."""

    def __init__(self, folder: Path, sandbox: Sandbox, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = folder / "latchkey.db"
        self.log = folder / "portal.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "PORT": str(self.port),
            "ACCOUNTS": sandbox.account_id,
            "SECRET_KEY": SECRET_KEY,
            "DATABASE_URL": f"sqlite:///{self.database}",
            "AWS_ENDPOINT_URL_IAM": sandbox.url,
            "AWS_ENDPOINT_URL_STS": sandbox.url,
            # Dozens of stories come from one address within minutes.
            "SIGN_IN_LIMIT_PER_ADDRESS": "10000 per hour",
            **settings,
        }

    def __enter__(self) -> Portal:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._run("-m", "flask", "--app", "wsgi", "db", "upgrade")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "wsgi:app"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/static/latchkey.svg").close()
            except urllib.error.URLError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(self.log.read_text()) from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop it as a supervisor would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(35)

    def kill(self) -> None:
        """SIGKILL, workers too: nothing gets to clean up."""
        if self.process:
            subprocess.run(["pkill", "-KILL", "-P", str(self.process.pid)], check=False)
            self.process.kill()
            self.process.wait(10)

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """What the database holds."""
        with sqlite3.connect(self.database) as connection:
            return connection.execute(query, values).fetchall()

    def activity(self, user_name: str) -> list[tuple[object, ...]]:
        """(event, phase, reason) of a user's rows, oldest first."""
        return self.rows("select event, phase, reason from activity where user_name = ? order by id", user_name)
