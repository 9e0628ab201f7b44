"""Does the database answer, and does it have this version's schema? Commands ask it, so it imports no Alembic."""

from __future__ import annotations

import re
from functools import cache

from sqlalchemy import Connection, Engine, column, inspect, select, table
from sqlalchemy.exc import SQLAlchemyError

from app.places import LATCHKEY, MIGRATIONS

VERSIONS = MIGRATIONS / "versions"
UNANSWERED = (
    "The database does not answer. Check DATABASE_URL, and that the database is running. The folder of an SQLite "
    "file must exist, and this user must be able to write to it."
)
OUT_OF_DATE = f"The database doesn’t have this version’s schema. Run: {LATCHKEY} db upgrade"
_STEP = re.compile(r'^(down_revision|revision) = (?:None|"(\w+)")$', re.MULTILINE)
_version = table("alembic_version", column("version_num"))
"""Alembic's table, with one row."""
_support = table("schema_support", column("oldest"))
"""`app.db.models.SchemaSupport`, with one row."""
TOO_NEW = (
    "The database’s schema is from a later version, which this version can’t use. Start the later version. "
    "docs/operations.md says how to go back."
)

UNKNOWN = (
    "The database’s schema isn’t one of Latchkey. Check DATABASE_URL: the database may be that of another program."
)


def _steps() -> list[dict[str, str]]:
    return [dict(_STEP.findall(file.read_text())) for file in VERSIONS.glob("*.py")]


@cache
def behind() -> frozenset[str | None]:
    """The revisions before this version's. None: of an empty database."""
    return frozenset({step["down_revision"] for step in _steps() if step}) - {""} | {None}


@cache
def _known() -> frozenset[str | None]:
    return behind() | {step["revision"] for step in _steps() if "revision" in step}


def is_later(connection: Connection) -> bool:
    """Return whether a later version migrated the database. This one then has no migrations for it."""
    return revision_of(connection) not in _known()


def problem_of(connection: Connection) -> str:
    """Return what is wrong with the schema and what to do, "" if this version works with it."""
    revision = revision_of(connection)
    if revision in behind():
        return OUT_OF_DATE
    if revision in _known():
        return ""
    if not inspect(connection).has_table(_support.name):
        return UNKNOWN
    return "" if _works_with_this_version(connection) else TOO_NEW


def revision_of(connection: Connection) -> str | None:
    """Return the revision that the database has, None where it is empty."""
    if not inspect(connection).has_table(_version.name):
        return None
    revision: str | None = connection.execute(select(_version.c.version_num)).scalar()
    return revision


def newest() -> str | None:
    """Return the revision that this version migrates to."""
    return next(iter(_known() - behind()), None)


def _works_with_this_version(connection: Connection) -> bool:
    """A later version's schema says since which revision versions work with it."""
    return connection.execute(select(_support.c.oldest)).scalar() in _known()


def problems_of(engine: Engine) -> dict[str, str]:
    """What is wrong with "database" or "schema". Empty when all is well."""
    try:
        with engine.connect() as connection:
            problem = problem_of(connection)
    except SQLAlchemyError:
        return {"database": UNANSWERED}
    return {"schema": problem} if problem else {}
