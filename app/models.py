"""Tables. Migrations live in migrations/; a test proves that both say the same."""

from __future__ import annotations

from datetime import UTC, datetime

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Dialect, Index, LargeBinary, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Utc(TypeDecorator[datetime]):
    """An aware UTC time, also on SQLite, which keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; a naive time is a mistake."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back aware UTC."""
        return value and (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


class Base(DeclarativeBase):
    """All tables; constraint names are fixed so that migrations can name them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


db = SQLAlchemy(model_class=Base)


class StoredSession(Base):
    """A browser's session. Who steals this table has neither cookies (hashed) nor contents (encrypted)."""

    __tablename__ = "sessions"

    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int]
    """Counts changes of `data`, so that two requests at once do not undo each other."""
    began_at: Mapped[datetime] = mapped_column(Utc)
    last_used_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc, index=True)
    owner: Mapped[str] = mapped_column(String(640), index=True)
    """ARN of the person signed in; empty before."""
    label: Mapped[str] = mapped_column(String(16))
    """The session's short id: names it to its owner and in the record, and opens nothing."""
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(256))


class ActivityRow(Base):
    """One line of the record of attempts and outcomes. Rows are only ever added (`app.audit`)."""

    __tablename__ = "activity"
    __table_args__ = (
        Index(None, "account_id", "user_name", "seq"),
        Index(None, "attempt_id", "seq"),
        Index(None, "account_id", "target", "seq"),
        Index(None, "account_id", "at"),
    )

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    """Empty where nobody knows yet who is trying."""
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Position in the account's chain, from 1, without gaps."""
    at: Mapped[datetime] = mapped_column(Utc)
    attempt_id: Mapped[str] = mapped_column(String(32))
    """Ties outcome and finding to their intent."""
    user_name: Mapped[str] = mapped_column(String(128))
    event: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(512))
    phase: Mapped[str] = mapped_column(String(16))
    """`app.audit.Phase`."""
    reason: Mapped[str] = mapped_column(String(64))
    """Kind of the refusal, empty otherwise; never AWS's text, which may repeat what was typed."""
    request_id: Mapped[str] = mapped_column(String(128))
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(256))
    session: Mapped[str] = mapped_column(String(16))
    """Short id of the portal session."""
    key_id: Mapped[str] = mapped_column(String(16))
    """Which of AUDIT_KEYS `mac` was made with."""
    mac: Mapped[str] = mapped_column(String(64))
    """Over this row and its predecessor's mac (`app.chain`)."""


class ActivityHead(Base):
    """The end of an account's chain: who holds this row's lock may add the next."""

    __tablename__ = "activity_heads"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    mac: Mapped[str] = mapped_column(String(64))
