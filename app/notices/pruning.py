"""Removes notices as old as the entries that are removed from the audit log."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from flask import Flask
from huey import crontab
from sqlalchemy import Engine, delete

from app.db import db
from app.notices.models import NoticeRow
from app.notices.notice import State
from app.notices.schedules import Schedule, plan

log = logging.getLogger(__name__)
OVER = (State.SENT, State.DEAD, State.CANCELLED)


def prune(engine: Engine, before: datetime) -> int:
    """Remove finished notices from before a time. Return how many. Raises SQLAlchemyError."""
    old = NoticeRow.state.in_(OVER), NoticeRow.created_at < before
    with engine.begin() as connection:
        return int(connection.execute(delete(NoticeRow).where(*old)).rowcount)


def plan_pruning(app: Flask) -> None:
    """Schedule this for each night, if AUDIT_RETENTION_DAYS is set."""
    age = app.config["AUDIT_RETENTION"]
    if age is None:
        return

    def job(_moment: datetime) -> None:
        log.info("%s old notices removed", prune(db.engine, datetime.now(UTC) - age))

    plan(app, Schedule("prune-notices", crontab(minute="17", hour="3"), job))
