"""The tables of notices."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Utc


class NoticeRow(Base):
    """A notice in one channel. Its text isn't kept."""

    __tablename__ = "notices"
    __table_args__ = (
        UniqueConstraint("idempotency_key", "channel"),
        Index(None, "state", "not_before"),
        # Only of those that wait (migration 0019). Said here, it would load the dialect of PostgreSQL at each start.
        Index("ix_notices_due", "channel", "unsure", "urgent", "not_before", "id"),
        Index(None, "account_id", "user_id", "created_at"),
        Index(None, "campaign_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    message_id: Mapped[str] = mapped_column(String(32))
    """Random hexadecimal digits, the same for each try."""
    idempotency_key: Mapped[str] = mapped_column(String(160))
    channel: Mapped[str] = mapped_column(String(16))
    account_id: Mapped[str] = mapped_column(String(12))
    """"" if it isn't about an account."""
    user_name: Mapped[str] = mapped_column(String(254))
    """The user it is about. For `Audience.ADDRESS`, the mail address it is sent to."""
    user_id: Mapped[str] = mapped_column(String(128))
    """AWS's unique ID (AIDA...), "" if it isn't known."""
    audience: Mapped[str] = mapped_column(String(16))
    """`app.notices.notice.Audience`."""
    kind: Mapped[str] = mapped_column(String(64))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Values for the text. Not encrypted, because it contains no secrets."""
    urgent: Mapped[bool]
    state: Mapped[str] = mapped_column(String(16))
    """`app.notices.notice.State`."""
    attempts: Mapped[int]
    """How often a worker claimed it."""
    unsure: Mapped[int]
    """How often a worker claimed it and ended without storing a result."""
    not_before: Mapped[datetime] = mapped_column(Utc)
    lease_by: Mapped[str] = mapped_column(String(32))
    """The worker that is sending it, else ""."""
    lease_until: Mapped[datetime | None] = mapped_column(Utc)
    created_at: Mapped[datetime] = mapped_column(Utc)
    sent_at: Mapped[datetime | None] = mapped_column(Utc)
    sent_to: Mapped[str] = mapped_column(String(254))
    """The address it was sent to. "" before, and for channels with only one address."""
    last_error: Mapped[str] = mapped_column(String(64))
    """Code of the last failure, "" for none."""
    refused_since: Mapped[datetime | None] = mapped_column(Utc)
    """Since when the receiver has answered each try with an error that doesn't count. None if the last got none."""
    campaign_id: Mapped[int | None] = mapped_column(BigInteger)


class ScheduleRow(Base):
    """A scheduled job, which one worker runs."""

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    done_for: Mapped[datetime | None] = mapped_column(Utc)
    """The scheduled time for which it was last done."""
    beat_at: Mapped[datetime | None] = mapped_column(Utc)
    """The last sign of life of the worker that is doing it. For "worker": of any worker."""
    lease_by: Mapped[str] = mapped_column(String(32))
    """The worker that is doing it, else ""."""
    used: Mapped[int]
    """For "rate": how many notices were sent in the minute `done_for`."""
