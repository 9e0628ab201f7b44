"""Does the database answer, and does it have this version's schema? Commands ask it, so it imports no Alembic."""

from __future__ import annotations

import re
from functools import cache

from sqlalchemy import Engine, column, inspect, select, table
from sqlalchemy.exc import SQLAlchemyError

from app.places import MIGRATIONS

VERSIONS = MIGRATIONS / "versions"
UNANSWERED = "The database does not answer. Check DATABASE_URL, and that the database is running."
OUT_OF_DATE = "The database doesn’t have this version’s schema. Run: .venv/bin/flask --app wsgi db upgrade"
_STEP = re.compile(r'^(down_revision|revision) = (?:None|"(\w+)")$', re.MULTILINE)
_version = table("alembic_version", column("version_num"))
"""Alembic's table, with one row."""


@cache
def behind() -> frozenset[str | None]:
    """The revisions before this version's. None: of an empty database.

    One that isn't known is of a later release, which is made to suit the one before it.
    """
    return frozenset(
        {told["down_revision"] for file in VERSIONS.glob("*.py") if (told := dict(_STEP.findall(file.read_text())))}
    ) - {""} | {None}


def problems_of(engine: Engine) -> dict[str, str]:
    """What is wrong with "database" or "schema". Empty when all is well."""
    try:
        with engine.connect() as connection:
            migrated = inspect(connection).has_table(_version.name)
            current = connection.execute(select(_version.c.version_num)).scalar() if migrated else None
    except SQLAlchemyError:
        return {"database": UNANSWERED}
    return {"schema": OUT_OF_DATE} if current in behind() else {}
