"""The portal's database in SQLite, as `flask db upgrade` leaves it: migrated once per process and copied."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from inspect import isfunction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.hooks
import botocore.loaders
import botocore.session
import flask_migrate
import pytest
import werkzeug.routing.rules
from flask import Flask
from sqlalchemy import Engine, create_engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from app.db import Base, db
from app.factory import create_app
from config import engine_options, from_env

GOOD = {"ACCOUNTS": "123456789012", "SECRET_KEY": "k" * 40, "AUDIT_KEYS": "k1:" + "a" * 40}
"""Settings without which no portal starts."""

# A process of the portal reads AWS's descriptions of its services once. Here many portals are made in one process.
botocore.session.create_loader = cache(botocore.loaders.create_loader)
# Nor does it compile the code that builds addresses twice for the same rule.
_compile, _compiled = Rule._compile_builder, dict[Any, Any]()


def _compile_once(rule: Rule, append_unknown: bool = True) -> Any:
    if rule.defaults:
        return _compile(rule, append_unknown)
    parts = (*rule._trace, append_unknown)
    return _compiled.get(parts) or _compiled.setdefault(parts, _compile(rule, append_unknown))


Rule._compile_builder = _compile_once  # type: ignore[assignment, method-assign] # see above
# Nor does it read a rule twice, or look twice what a handler of botocore takes.
werkzeug.routing.rules._part_re = SimpleNamespace(match=cache(werkzeug.routing.rules._part_re.match))  # type: ignore[assignment] # see above
_takes, _takes_once = botocore.hooks.accepts_kwargs, cache(botocore.hooks.accepts_kwargs)
botocore.hooks.accepts_kwargs = lambda func: (_takes_once if isfunction(func) else _takes)(func)


# Nor does it compile a statement twice: engines of one kind share what they compiled.
def _kind(dialect: Any) -> tuple[object, ...]:
    return type(dialect), dialect._json_serializer, dialect._json_deserializer, dialect.server_version_info


for _dialect in (PGDialect_psycopg, SQLiteDialect_pysqlite):
    _dialect.__eq__ = lambda it, other: isinstance(other, type(it)) and _kind(it) == _kind(other)  # type: ignore[method-assign]
    _dialect.__hash__ = lambda it: hash(type(it))  # type: ignore[assignment, method-assign]
_statements = LRUCache[Any, Any](4000)
Engine._compiled_cache = property(lambda _: _statements, lambda *_: None)  # type: ignore[assignment] # see above


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory(prefix="latchkey-empty-") as folder:
        file = Path(folder) / "portal.db"
        app = create_app(from_env({**GOOD, "DATABASE_URL": f"sqlite:///{file}"}))
        with app.app_context():
            flask_migrate.upgrade()
            db.engine.dispose()
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("pragma wal_checkpoint(truncate)")
        return file.read_bytes()


def make_database(file: Path) -> None:
    """An empty one, migrated, for the owner only as the portal makes it. Raises FileExistsError."""
    file.touch(0o600, exist_ok=False)
    file.write_bytes(_empty())


def in_memory() -> Engine:
    """Return an engine on a database of SQLite that has the tables of our models, and goes with the engine."""
    engine = create_engine("sqlite://", **engine_options("sqlite://"))
    with engine.connect() as connection:
        of_sqlite: Any = connection.connection.driver_connection
        of_sqlite.deserialize(_tables())
    return engine


@cache
def _tables() -> bytes:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        Base.metadata.create_all(connection)
        of_sqlite: Any = connection.connection.driver_connection
        return bytes(of_sqlite.serialize())


@contextmanager
def empty_portal(request: pytest.FixtureRequest, folder: Path) -> Iterator[Flask]:
    """For a fixture with the parameter "sqlite" or "postgresql": an application on an empty database.

    It is not migrated yet. PostgreSQL needs the fixture `postgresql` (`tests/support/postgres.py`).
    """
    url = f"sqlite:///{folder / 'portal.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql").database(f"portal-{os.urandom(4).hex()}")
    app = create_app(from_env({**GOOD, "DATABASE_URL": url}))
    with app.app_context():
        yield app
        db.engine.dispose()
