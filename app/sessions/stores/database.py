"""Sessions in the portal's database."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, Insert, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.sessions.models import StoredSession
from app.sessions.stores import MOST_STRANGERS, Kept, OpenSession, Seen, StoreDown, StoreFull

log = logging.getLogger(__name__)

_SWEEP_ONE_IN = 20
"""New sessions per removal of those that are over."""


def is_full(error: SQLAlchemyError) -> bool:
    """Did the database have no room? SQLite's result code, PostgreSQL's class 53 (insufficient resources)."""
    cause = getattr(error, "orig", None)
    code = getattr(cause, "sqlstate", "") or ""
    return getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL" or code in ("53000", "53100")


class DatabaseStore:
    """The table `sessions`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            error_class = StoreFull if is_full(error) else StoreDown
            raise error_class("the table of sessions cannot be used") from error

    def load(self, id_hash: str) -> Kept | None:
        """As SessionStore says, and so below."""
        mine = StoredSession
        query = select(mine.data, mine.version, mine.last_used_at, mine.expires_at).where(
            mine.id_hash == id_hash, mine.expires_at > datetime.now(UTC)
        )
        try:
            with self._connection() as connection:
                row = connection.execute(query).first()
            return Kept(bytes(row.data), int(row.version), row.last_used_at) if row else None
        except (TypeError, ValueError):  # SQLite accepts anything: a row of another program isn't a session
            log.warning("a session in the database cannot be read")
            return None

    def create(self, id_hash: str, data: bytes, seen: Seen, began_at: datetime, *, stranger: bool = False) -> None:
        """Sweeps out ended sessions now and then, and at once if there is no room for a new one. data: encrypted."""
        new = insert(StoredSession).values(id_hash=id_hash, data=data, version=0, began_at=began_at, **asdict(seen))
        if secrets.randbelow(_SWEEP_ONE_IN) == 0:
            self._sweep()
        try:
            self._insert(new, stranger)
        except StoreFull:
            self._sweep()
            self._insert(new, stranger)

    def _sweep(self) -> None:
        with self._connection() as connection:
            connection.execute(delete(StoredSession).where(StoredSession.expires_at < datetime.now(UTC)))

    def _insert(self, new: Insert, stranger: bool) -> None:
        others = select(func.count()).where(StoredSession.owner == "")
        with self._connection() as connection:
            if stranger and connection.execute(others).scalar_one() >= MOST_STRANGERS:
                raise StoreFull("there are as many strangers as there may be")
            connection.execute(new)

    def change(self, id_hash: str, version: int, data: bytes, seen: Seen) -> bool:
        """Uses the database's own compare-and-set: an UPDATE that names the version it saw."""
        changed = (
            update(StoredSession)
            .where(StoredSession.id_hash == id_hash, StoredSession.version == version)
            .values(data=data, version=version + 1, **asdict(seen))
        )
        with self._connection() as connection:
            return bool(connection.execute(changed).rowcount)

    def touch(self, id_hash: str, seen: Seen) -> None:
        """Leaves contents and version as they are."""
        used = update(StoredSession).where(StoredSession.id_hash == id_hash).values(**asdict(seen))
        with self._connection() as connection:
            connection.execute(used)

    def forget(self, id_hash: str, version: int | None = None) -> bool:
        """Deletes the row."""
        gone = delete(StoredSession).where(StoredSession.id_hash == id_hash)
        if version is not None:
            gone = gone.where(StoredSession.version == version)
        with self._connection() as connection:
            return bool(connection.execute(gone).rowcount)

    def list_for(self, owner: str) -> Sequence[OpenSession]:
        """Uses the index on `owner`."""
        query = (
            select(
                StoredSession.label,
                StoredSession.began_at,
                StoredSession.last_used_at,
                StoredSession.address,
                StoredSession.user_agent,
            )
            .where(StoredSession.owner == owner, StoredSession.expires_at > datetime.now(UTC))
            .order_by(StoredSession.last_used_at.desc())
        )
        with self._connection() as connection:
            return [OpenSession(*row) for row in connection.execute(query)]

    def end(self, owner: str, labels: Collection[str]) -> int:
        """Deletes only rows of this owner, whatever labels are asked for."""
        gone = delete(StoredSession).where(StoredSession.owner == owner, StoredSession.label.in_(labels))
        with self._connection() as connection:
            return int(connection.execute(gone).rowcount)

    def count(self) -> int:
        """Counts those that haven't ended."""
        query = select(func.count()).where(StoredSession.expires_at > datetime.now(UTC))
        with self._connection() as connection:
            return int(connection.execute(query).scalar_one())

    def check(self) -> None:
        """Stores a row that has ended already, and that is longer than most."""
        long_ago, name = datetime(2000, 1, 1, tzinfo=UTC), "check-" + secrets.token_hex(16)
        over = Seen("", "", "", "", long_ago, long_ago)
        values = {"data": bytes(16_384), "version": 0, "began_at": long_ago, **asdict(over)}
        with self._connection() as connection:
            connection.execute(insert(StoredSession).values(id_hash=name, **values))
        with self._connection() as connection:
            connection.execute(delete(StoredSession).where(StoredSession.id_hash == name))

    def disconnect(self) -> None:
        """Closes all connections of the engine."""
        self._engine.dispose()
