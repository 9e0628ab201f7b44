"""Inserting a row, or changing it where it is there already."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Dialect
from sqlalchemy.dialects import sqlite

from app.db import Base


def insert_into(table: type[Base], dialect: Dialect) -> sqlite.Insert:
    """Return an INSERT that can have an ON CONFLICT clause, which SQLAlchemy has for each database by itself."""
    if dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 # many modules, which SQLite does without

        return cast("sqlite.Insert", postgresql.insert(table))
    return sqlite.insert(table)
