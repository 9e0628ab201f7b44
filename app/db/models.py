"""The table that says which versions work with the schema."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class SchemaSupport(Base):
    """One row, which migrations change. Alembic's table says only which revision the schema has."""

    __tablename__ = "schema_support"

    oldest: Mapped[str] = mapped_column(String(32), primary_key=True)
    """The newest revision of the oldest release that works with this schema. Releases before it refuse to start."""
