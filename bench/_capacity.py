"""`python -m bench._capacity`: what the table of capacity in docs/operations.md is made of.

One worker serves with PostgreSQL and Redis, as in production. AWS is 80 ms away. CPU is that of the worker.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine, create_engine, insert, text

from app.audit.models import ActivityRow
from app.db import Base
from app.notices.notice import MAIL
from app.notices.outbox import Outbox
from bench import enroll
from bench._accounts import report, users
from bench._portal import WITHOUT_CRT, cookies, cpu_s, gunicorn, load, portal, running, upstream, workers
from bench.importing import take_in
from bench.notices import notices
from bench.record import ROWS, chain
from bench.serving import _private_mib
from config import engine_options
from tests.support.postgres import Postgres, postgres
from tests.support.redis import redis_server
from tests.support.sandbox import free_port

PEOPLE, PAGES, ROUNDS, NEWCOMERS = 32, 8, 5, 3
USERS, DAYS = 5000, 8
NOTICES = 5000


def tell(what: str, figure: float, unit: str) -> None:
    """Print a line of the result."""
    print(f"{what:<66} {figure:>9.1f} {unit}", flush=True)


def serving(server: Postgres) -> None:
    """CPU of a page and of setting up MFA, memory of what runs, and entries of the audit log for it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        aws, port, office = free_port(), free_port(), free_port()
        redis = stack.enter_context(redis_server()).database()
        mail = {"SMTP_SERVER": f"127.0.0.1:{office}", "SMTP_SECURITY": "plain", "SMTP_FROM": "latchkey@example.com"}
        settings = {"PUBLIC_URL": "http://127.0.0.1:8000", "REDIS_URL": redis, "NOTICES_WORKERS": "1"}
        url = server.database("serving")
        env = portal(folder, f"http://127.0.0.1:{aws}", DATABASE_URL=url, **settings, **mail, **WITHOUT_CRT)
        everyone = cookies(env, PEOPLE)
        stack.enter_context(running(upstream(aws), env, aws))
        pid = stack.enter_context(running(gunicorn("wsgi:app", port, 1), env, port))
        load(port, everyone, 3)
        a_page = []
        for _ in range(ROUNDS):
            before = cpu_s(pid)
            load(port, everyone, PAGES)
            a_page.append((cpu_s(pid) - before) / (PEOPLE * PAGES))
        tell("CPU of a page (the overview)", min(a_page) * 1000, "ms")
        before = cpu_s(pid)
        for number in range(1, NEWCOMERS + 1):  # the one user that the upstream has
            enroll._enroll(f"http://127.0.0.1:{port}", number)
        tell("CPU of signing in and setting up MFA", (cpu_s(pid) - before) / NEWCOMERS * 1000, "ms")
        engine = create_engine(url)
        with engine.connect() as connection:
            entries = connection.execute(text("select count(*) from activity")).scalar() or 0
        engine.dispose()
        tell("entries of the audit log for that", entries / NEWCOMERS, "")
        tell("memory of gunicorn's master (PSS)", _private_mib(pid), "MiB")
        for child in workers(pid):
            tell("memory of a worker (PSS)", _private_mib(child), "MiB")
        for child in started_by_threads(pid):
            tell("memory of a worker of notices (PSS)", _private_mib(child), "MiB")


def started_by_threads(pid: int) -> list[int]:
    """Processes that a server's other threads started: workers of notices."""
    lists = [
        file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children") if file.parent.name != str(pid)
    ]
    return [int(child) for text in lists for child in text.split()]


@contextmanager
def measured(server: Postgres, name: str) -> Iterator[Engine]:
    """A database with all tables."""
    url = server.database(name)
    engine = create_engine(url, **engine_options(url))
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def kib(engine: Engine, *tables: str) -> float:
    """Size of tables with their indexes, as PostgreSQL has them on disk after what was deleted is reused."""
    size = 0
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in tables:
            connection.execute(text(f"vacuum full {table}"))
            size += connection.execute(text(f"select pg_total_relation_size('{table}')")).scalar() or 0
    return size / 1024


def growing(server: Postgres) -> None:
    """Bytes of what is stored."""
    with measured(server, "growth") as engine:
        with engine.begin() as connection:
            connection.execute(
                insert(ActivityRow),
                [{**row._asdict(), "mac": mac, "user_id": f"AIDA{'A' * 17}"} for row, mac in chain()],
            )
        tell("an entry of the audit log", kib(engine, "activity") / ROWS * 1024, "bytes")
        outbox = Outbox([MAIL])
        with engine.begin() as connection:
            outbox.enqueue(connection, notices(NOTICES))
        tell("a notice", kib(engine, "notices") / NOTICES * 1024, "bytes")
        tables = [name for name in Base.metadata.tables if name.startswith("compliance_")]
        empty = kib(engine, *tables)
        sizes = []
        for days_ago in range(DAYS, -1, -1):
            content = report(users(USERS), days_ago=days_ago, worked=0.5)
            take_in(engine, content)
            sizes.append(kib(engine, *tables) - empty)
        tell(f"compliance data of a user, of {USERS}", sizes[0] / USERS * 1024, "bytes")
        tell("what the report of another day adds to that", (sizes[-1] - sizes[0]) / DAYS / USERS * 1024, "bytes")
        tell("a kept source (a credential report), for a user", len(zlib.compress(content)) * 4 / 3 / USERS, "bytes")


if __name__ == "__main__":
    os.environ.update(WITHOUT_CRT)
    with postgres() as running_server:
        serving(running_server)
        growing(running_server)
