"""Alembic's entry: migrate the portal's own database, with its own models."""

from typing import Any, Literal

import click
import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from alembic.util import CommandError
from flask import current_app

import app.audit.models
import app.compliance.data.models
import app.credentials.labels
import app.db.models
import app.notices.models
import app.sessions.models  # noqa: F401 (the tables must be known)
from app.db import Utc, db, upgrading
from app.monitoring import schema

LATER = "The database’s schema is of a later version. This version works with it. Nothing was changed."
NOT_BY_THIS = "A later version migrated the database, so only that version can migrate it back. Nothing was changed."


def _as_plain_type(kind: str, item: object, _: AutogenContext) -> str | Literal[False]:
    """Migrations outlive the models: they spell column types without importing ours."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Utc) else False


def _same_type(
    _context: Any, _inspected: Any, _metadata: Any, _found: sa.types.TypeEngine[Any], wanted: Any
) -> bool | None:
    return False if isinstance(wanted, Utc) else None


def _migrate(connection: sa.Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,  # SQLite alters tables only by copying them
        render_item=_as_plain_type,
        compare_type=_same_type,
        transaction_per_migration=connection.dialect.name != "sqlite",
        transactional_ddl=True,
    )
    if "destination_rev" in context.get_context().opts and schema.is_later(connection):
        _leave_as_it_is(connection)
        return
    with context.begin_transaction():
        context.run_migrations()


def _leave_as_it_is(connection: sa.Connection) -> None:
    """Let `db upgrade` of an earlier version succeed: it also runs where one returns to that version."""
    if context.get_context().opts["destination_rev"] not in ("head", "heads"):
        raise CommandError(NOT_BY_THIS)
    if problem := schema.problem_of(connection):
        raise CommandError(problem)
    click.echo(LATER, err=True)


with current_app.app_context():
    upgrading.run(db.engine, _migrate, schema.UNANSWERED)
