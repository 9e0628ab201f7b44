"""Tags of IAM users, from the authorization details of their accounts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Engine, select

from app.compliance.data.models import ComplianceDetails

LOOK_AGAIN_S = 30.0
"""Seconds after which it is looked for newer details."""


class _Known(NamedTuple):
    collected_at: datetime | None
    looked_at: float
    tags: Mapping[str, Mapping[str, str]]


class UserTags:
    """The tags. They are kept in memory until there are newer details."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, _Known] = {}

    def of(self, account_id: str, user_name: str, key: str) -> str:
        """Return the value of a user's tag, "" if it isn't known. Raises SQLAlchemyError."""
        return self._of_account(account_id).get(user_name, {}).get(key, "")

    def _of_account(self, account_id: str) -> Mapping[str, Mapping[str, str]]:
        now, known = time.monotonic(), self._known.get(account_id)
        if known and now - known.looked_at < LOOK_AGAIN_S:
            return known.tags
        with self._engine.connect() as connection:
            found = connection.execute(
                select(ComplianceDetails.collected_at).where(ComplianceDetails.account_id == account_id)
            ).scalar()
            same = known is not None and known.collected_at == found
            tags = known.tags if known and same else _read(connection, account_id)
        self._known[account_id] = _Known(found, now, tags)
        return tags


def _read(connection: Connection, account_id: str) -> Mapping[str, Mapping[str, str]]:
    query = select(ComplianceDetails.content).where(ComplianceDetails.account_id == account_id)
    content = connection.execute(query).scalar() or {"users": []}
    return {user[0]: user[-1] for user in content["users"]}
