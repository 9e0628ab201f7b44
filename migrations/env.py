"""Alembic's entry: migrate the portal's own database, with its own models."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app

import app.audit.models
import app.compliance.data.models
import app.credentials.labels
import app.notices.models
import app.sessions.models  # noqa: F401 (the tables must be known)
from app.db import Utc, db


def _as_plain_type(kind: str, item: object, _: AutogenContext) -> str | Literal[False]:
    """Migrations outlive the models: they spell column types without importing ours."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Utc) else False


def _same_type(
    _context: Any, _inspected: Any, _metadata: Any, _found: sa.types.TypeEngine[Any], wanted: Any
) -> bool | None:
    return False if isinstance(wanted, Utc) else None


with current_app.app_context(), db.engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,  # SQLite alters tables only by copying them
        render_item=_as_plain_type,
        compare_type=_same_type,
    )
    with context.begin_transaction():
        context.run_migrations()
