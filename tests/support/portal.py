"""A portal of its own for a test: gunicorn as in production, against a sandbox."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from sqlalchemy import NullPool, create_engine, inspect, text

from app.monitoring import schema
from tests.support import forks
from tests.support.databases import make_database
from tests.support.marks import AUDIT_KEY, SECRET_KEY, kept_secrets
from tests.support.redis import contents
from tests.support.sandbox import ROOT, free_port
from tests.support.waiting import wait_until

AUDIT_KEYS = f"k1:{AUDIT_KEY}"


class Cloud(Protocol):
    """What a portal needs to know about its AWS: a sandbox, or a replacement for one."""

    @property
    def account_id(self) -> str: ...

    @property
    def url(self) -> str: ...

    @property
    def facts(self) -> Mapping[str, Any]: ...

    def user(self, name: str) -> Mapping[str, Any]: ...


class Portal:
    """A running portal; use as a context manager."""

    def __init__(self, folder: Path, sandbox: Cloud, host: str = "", **settings: str) -> None:
        """host: serve TLS under this name, with a self-made certificate."""
        self.folder, self.here = folder, ROOT
        self.port = free_port()
        self.host = host
        self.url = f"https://{host}:{self.port}" if host else f"http://127.0.0.1:{self.port}"
        self.database = folder / "latchkey.db"
        self.log = folder / "portal.log"
        self.process: forks.Runs | None = None
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "PORT": str(self.port),
            "TMPDIR": str(folder),  # what a killed portal leaves goes with the test's folder
            "ACCOUNTS": sandbox.account_id,
            "SECRET_KEY": SECRET_KEY,
            "AUDIT_KEYS": AUDIT_KEYS,
            "DATABASE_URL": f"sqlite:///{self.database}",
            "ADMINS": sandbox.user("Administrator")["arn"],
            "AWS_ENDPOINT_URL_IAM": sandbox.url,
            "AWS_ENDPOINT_URL_STS": sandbox.url,
            "AWS_ENDPOINT_URL_SIGNIN": sandbox.facts["signin_url"],
            # Dozens of stories come from one address within minutes.
            "SIGN_IN_LIMIT_PER_ADDRESS": "10000 per hour",
            **({"PUBLIC_URL": self.url} if host else {}),
            **settings,
        }

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.migrate()
        self.start()
        return self

    def migrate(self) -> None:
        """`flask db upgrade`, unless PostgreSQL's database is a copy of one after it. SQLite's is made here."""
        url = self.environment["DATABASE_URL"]
        if url == f"sqlite:///{self.database}" and not self.database.exists():
            make_database(self.database)
            return
        if url.startswith("postgresql"):
            with create_engine(url, poolclass=NullPool).connect() as connection:
                if schema.revision_of(connection) == schema.newest():
                    return
        migrated = self.flask("db", "upgrade")
        if migrated.returncode:
            raise RuntimeError(migrated.stdout + migrated.stderr)

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.keeps_no_secret()

    def keeps_no_secret(self) -> None:
        """What it wrote is searched for everything that people typed or were shown."""
        kept = self.stored() + self.log.read_text()
        assert kept_secrets(kept) == []
        if "TESTS_SEEN" in os.environ:
            (Path(os.environ["TESTS_SEEN"]) / f"{os.getpid()}-{self.port}.searched").write_text(str(len(kept)))

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = forks.start(self.command(), self.here, self.environment, log)
        wait_until(self._answers, 30, self.log.read_text, while_runs=self.process)

    def command(self) -> list[str]:
        """What starts it."""
        return [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "wsgi:app", *self._tls()]

    def _tls(self) -> list[str]:
        if not self.host:
            return []
        pem = self.make_certificate(self.host)
        # A browser's connection that has had its handshake and no request would keep it from ending for 30 s.
        return ["--certfile", str(pem), "--keyfile", str(pem), "--graceful-timeout", "3"]

    def make_certificate(self, host: str) -> Path:
        """A certificate for this name and its key, in one file."""
        key, number = ec.generate_private_key(ec.SECP256R1()), x509.random_serial_number()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        yesterday = datetime.now(UTC) - timedelta(days=1)
        plan = x509.CertificateBuilder(
            name, name, key.public_key(), number, yesterday, yesterday + timedelta(days=30)
        )
        made = plan.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False).sign(key, SHA256())
        pem = self.folder / "tls.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        pem.write_bytes(private + made.public_bytes(Encoding.PEM))
        return pem

    def stop(self) -> None:
        """Stop it as a supervisor would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(35)

    def kill(self) -> None:
        """SIGKILL, workers too: nothing gets to clean up."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
            wait_until(lambda: not self._answers())  # its workers die a moment after it

    def _answers(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def rows(self, query: str, **values: object) -> list[tuple[object, ...]]:
        """What the database holds, or a change of it; `:name` in the query for values."""
        engine = create_engine(self.environment["DATABASE_URL"], poolclass=NullPool)
        with engine.begin() as connection:
            found = connection.execute(text(query), values)
            return [tuple(row) for row in found] if found.returns_rows else []

    def activity(self, user_name: str) -> list[tuple[object, ...]]:
        """(event, phase, reason) of a user's rows, oldest first."""
        query = "select event, phase, reason from activity where user_name = :name order by account_id, seq"
        return self.rows(query, name=user_name)

    def stored(self) -> str:
        """Everything in the database, in what its files still have of deleted rows, and in Redis."""
        engine, parts = create_engine(self.environment["DATABASE_URL"], poolclass=NullPool), []
        with engine.connect() as connection:
            for table in inspect(engine).get_table_names():
                parts += [str(tuple(row)) for row in connection.execute(text(f'select * from "{table}"'))]
        parts += [file.read_text("latin-1") for file in self.folder.glob(f"{self.database.name}*")]
        if url := self.environment.get("REDIS_URL"):
            parts.append(contents(url).decode("latin-1"))
        return "\n".join(parts)

    def flask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """`flask --app wsgi ...` with the portal's settings."""
        return forks.run([sys.executable, "-m", "flask", "--app", "wsgi", *command], self.here, self.environment)
