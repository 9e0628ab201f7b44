"""The base of all tables, and the column types they share. Migrations live in migrations/."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    DateTime,
    Dialect,
    MetaData,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine


def _in_utc(value: datetime | None) -> datetime | None:
    """A naive time is a mistake."""
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value.astimezone(UTC)


class _SqliteUtc(sqlite.DATETIME):
    """Text without a zone, as SQLAlchemy keeps it. Read and written in one step, because there are thousands."""

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:
        """To text."""

        def process(value: datetime | None) -> str | None:
            moment = _in_utc(value)
            return moment.isoformat(" ", "microseconds").removesuffix("+00:00") if moment else None

        return process

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], datetime | None]:
        """From text."""

        def process(stored: str | None) -> datetime | None:
            return datetime.fromisoformat(stored + "+00:00") if stored else None

        return process


class _AnyUtc(DateTime):
    """PostgreSQL answers in the zone of its session."""

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], datetime | None]:
        """To UTC."""
        return _in_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[datetime | None], datetime | None]:
        """To UTC."""
        return _in_utc


class Utc(TypeDecorator[datetime]):
    """A UTC time with its zone, also on SQLite, which stores no zone. A time without a zone is an error."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """How this database keeps it."""
        if dialect.name == "sqlite":
            return _SqliteUtc()  # type: ignore[no-untyped-call] # SQLAlchemy's constructor has no types
        return _AnyUtc(timezone=True)


class Base(DeclarativeBase):
    """The base of all tables. Constraint names are fixed, so that migrations can name them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)
