"""An outbox on either database, a clock of the test's own, and a channel that does what a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, delete, select

from app.db import db
from app.factory import create_app
from app.notices import claims
from app.notices.claims import Pace
from app.notices.delivery import Delivery
from app.notices.messages import Channel, Message, Outcome, Parts, Sent
from app.notices.models import NoticeRow, ScheduleRow
from app.notices.notice import Notice
from app.notices.outbox import Outbox
from config import engine_options, from_env
from tests.support import postgres
from tests.support.databases import GOOD, make_database
from tests.support.postgres import Postgres

postgresql = postgres.postgresql

ACCOUNT = "123456789012"


@pytest.fixture(scope="package")
def migrated(postgresql: Postgres) -> Iterator[Engine]:
    """A portal's database on PostgreSQL, for one test after another."""
    url = postgresql.migrated("notices")
    with create_app(from_env({**GOOD, "DATABASE_URL": url})).app_context():
        yield db.engine
        db.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A portal's database, migrated, without notices."""
    if request.param == "sqlite":
        make_database(tmp_path / "portal.db")
        url = f"sqlite:///{tmp_path / 'portal.db'}"
        made = create_engine(url, **engine_options(url))
        yield made
        made.dispose()
        return
    made = request.getfixturevalue("migrated")
    with made.begin() as connection:
        connection.execute(delete(NoticeRow))
        connection.execute(delete(ScheduleRow))
    yield made


@dataclass
class Script(Channel):
    """A channel. answer: what becomes of a message. taken: every message that came."""

    answer: Callable[[Message], Outcome] = lambda message: Sent()
    taken: list[Message] = field(default_factory=list)
    runs: int = 0

    def send_many(self, messages: Iterable[Message]) -> Iterator[Outcome]:
        self.runs += 1
        for message in messages:
            self.taken.append(message)
            yield self.answer(message)

    @property
    def received(self) -> list[str]:
        return [message.to for message in self.taken]


@dataclass
class Office:
    """An outbox with a channel "mail", and its workers."""

    engine: Engine
    channel: Script = field(default_factory=Script)
    recorded: list[str] = field(default_factory=list)

    def write(self, *notices: Notice) -> int:
        with self.engine.begin() as connection:
            return Outbox(["mail"]).enqueue(connection, notices)

    def worker(self, pace: Pace | None = None) -> Delivery:
        return Delivery(
            self.engine,
            {"mail": self.channel},
            pace or Pace(),
            lambda _: lambda row: f"{row.user_name}@example.com" if row.user_name else None,
            lambda row: Parts(row.kind, f"To {row.user_name}"),
            self._record,
        )

    def claim(self, worker: str) -> Sequence[NoticeRow]:
        """Claim what is due, as a worker of this name does."""
        with self.engine.begin() as connection:
            return claims.claim(connection, worker, "mail", 50, now(), Pace())

    def sent(self) -> list[str]:
        """Let a worker send what is due. Return what the channel got."""
        self.worker().run()
        return self.channel.received

    def _record(self, connection: Connection, sent: Iterable[NoticeRow], at: datetime) -> Callable[[], None]:
        found = [row.user_name for row in sent]
        return lambda: self.recorded.extend(found)

    def states(self) -> list[tuple[str, str]]:
        """State and last error of every row, in the order they were written."""
        with self.engine.connect() as connection:
            found = connection.execute(select(NoticeRow.state, NoticeRow.last_error).order_by(NoticeRow.id))
            return [(row.state, row.last_error) for row in found]

    def row(self) -> NoticeRow:
        """The only one."""
        with self.engine.connect() as connection:
            return NoticeRow(**connection.execute(select(*NoticeRow.__table__.c)).one()._mapping)


@pytest.fixture
def office(engine: Engine) -> Office:
    return Office(engine)


def notice(user: str = "paula", key: str = "", *, urgent: bool = False, at: datetime | None = None) -> Notice:
    """A notice to a user. key: two with the same are one."""
    return Notice("key-due", ACCOUNT, user, key or f"due:{user}", {"days": 7}, not_before=at, urgent=urgent)


def now() -> datetime:
    return datetime.now(UTC)


def claimed_by_a_worker_that_ends(office: Office) -> None:
    """Every notice that waits is claimed by a worker that is gone, and never ends its work."""
    assert office.claim("ended")
