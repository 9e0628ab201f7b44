"""Sessions in the portal's database."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, delete, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.models import StoredSession
from app.stores import Kept, OpenSession, Seen, StoreDown

_SWEEP_ONE_IN = 20
"""New sessions per removal of those that are over."""


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
            raise StoreDown("the table of sessions cannot be used") from error

    def load(self, id_hash: str) -> Kept | None:
        """As SessionStore says, and so below."""
        query = select(StoredSession.data, StoredSession.version, StoredSession.last_used_at).where(
            StoredSession.id_hash == id_hash, StoredSession.expires_at > datetime.now(UTC)
        )
        with self._connection() as connection:
            row = connection.execute(query).first()
        return Kept(*row) if row else None

    def create(self, id_hash: str, data: bytes, seen: Seen, began_at: datetime) -> None:
        """The sessions that are over are removed now and then."""
        new = insert(StoredSession).values(id_hash=id_hash, data=data, version=0, began_at=began_at, **asdict(seen))
        with self._connection() as connection:
            if secrets.randbelow(_SWEEP_ONE_IN) == 0:
                connection.execute(delete(StoredSession).where(StoredSession.expires_at < datetime.now(UTC)))
            connection.execute(new)

    def change(self, id_hash: str, version: int, data: bytes, seen: Seen) -> bool:
        """The database's own compare-and-set: an UPDATE that names the version it saw."""
        changed = (
            update(StoredSession)
            .where(StoredSession.id_hash == id_hash, StoredSession.version == version)
            .values(data=data, version=version + 1, **asdict(seen))
        )
        with self._connection() as connection:
            return bool(connection.execute(changed).rowcount)

    def touch(self, id_hash: str, seen: Seen) -> None:
        """Contents and version stay."""
        used = update(StoredSession).where(StoredSession.id_hash == id_hash).values(**asdict(seen))
        with self._connection() as connection:
            connection.execute(used)

    def forget(self, id_hash: str, version: int | None = None) -> bool:
        """A row less."""
        gone = delete(StoredSession).where(StoredSession.id_hash == id_hash)
        if version is not None:
            gone = gone.where(StoredSession.version == version)
        with self._connection() as connection:
            return bool(connection.execute(gone).rowcount)

    def of(self, owner: str) -> Sequence[OpenSession]:
        """By the index on `owner`."""
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
        """Theirs only, whatever labels are asked for."""
        gone = delete(StoredSession).where(StoredSession.owner == owner, StoredSession.label.in_(labels))
        with self._connection() as connection:
            return int(connection.execute(gone).rowcount)

    def count(self) -> int:
        """Those not yet over."""
        query = select(func.count()).where(StoredSession.expires_at > datetime.now(UTC))
        with self._connection() as connection:
            return int(connection.execute(query).scalar_one())

    def check(self) -> None:
        """Reads nothing of anyone."""
        with self._connection() as connection:
            connection.execute(select(StoredSession.version).limit(0))

    def disconnect(self) -> None:
        """All of the engine's."""
        self._engine.dispose()
