"""Replicas of one portal: the same PostgreSQL, the same Redis, ports of their own."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.portal import Portal
from tests.support.postgres import Postgres, postgres
from tests.support.redis import RedisServer
from tests.support.sandbox import Sandbox


@dataclass
class Replicas:
    """What is running."""

    portals: list[Portal]
    database: Postgres
    redis: RedisServer

    @property
    def urls(self) -> list[str]:
        """Where each listens; people know one address only, the first."""
        return [portal.url for portal in self.portals]

    @property
    def first(self) -> Portal:
        return self.portals[0]


def workers(portal: Portal) -> list[int]:
    """Process ids of a running portal's workers."""
    assert portal.process
    children = Path(f"/proc/{portal.process.pid}/task/{portal.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def kill_a_worker(portal: Portal) -> None:
    """SIGKILL: it gets to clean up nothing. Its master makes another."""
    with contextlib.suppress(IndexError, ProcessLookupError):
        os.kill(workers(portal)[0], signal.SIGKILL)


@contextmanager
def replicas(folder: Path, sandbox: Sandbox, redis: RedisServer, number: int, **settings: str) -> Iterator[Replicas]:
    """Start so many."""
    with ExitStack() as stack:
        database = stack.enter_context(postgres())
        shared = {"DATABASE_URL": database.migrated("portal"), "REDIS_URL": redis.database(), **settings}
        portals = [Portal(folder / f"replica-{n}", sandbox, **shared) for n in range(number)]
        for portal in portals:
            portal.folder.mkdir(parents=True, exist_ok=True)
            portal.environment["PUBLIC_URL"] = portals[0].url
            stack.callback(portal.stop)
        portals[0].migrate()
        with ThreadPoolExecutor(number) as pool:
            list(pool.map(lambda portal: portal.start(), portals))
            yield Replicas(portals, database, redis)
            list(pool.map(lambda portal: portal.stop(), portals))
            for portal in portals:
                portal.keeps_no_secret()
