"""The tables of campaigns."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import JSON, BigInteger, Date, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Utc


class CampaignState(StrEnum):
    """The state of a campaign. The values are stored."""

    DRAFT = "draft"
    """No notices are sent until it is started."""
    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


class Outcome(StrEnum):
    """How a user left a campaign, so that they get no more notices. The values are stored."""

    DONE = "done"
    """AWS shows that they pass the rule."""
    EXCEPTED = "excepted"
    DELETED = "deleted"


class CampaignRow(Base):
    """A campaign in an account."""

    __tablename__ = "campaigns"
    __table_args__ = (Index(None, "account_id", "state"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(12))
    name: Mapped[str] = mapped_column(String(80))
    rule: Mapped[str] = mapped_column(String(32))
    search: Mapped[str] = mapped_column(String(128))
    """Part of the name or path of users, "" for all who fail the rule."""
    begins: Mapped[date] = mapped_column(Date)
    """Day of the announcement. All days here are in NOTICES_TIME_ZONE."""
    deadline: Mapped[date] = mapped_column(Date)
    ahead: Mapped[list[int]] = mapped_column(JSON)
    """Days before the deadline for reminders, the largest first."""
    to_managers: Mapped[bool]
    """Send managers the names of users who aren't done, the day after the deadline."""
    joins: Mapped[bool]
    """Also ask users who start failing the rule later."""
    own_subject: Mapped[str] = mapped_column(String(200))
    own_text: Mapped[str] = mapped_column(Text)
    """Both "" for the standard text."""
    state: Mapped[str] = mapped_column(String(16))
    """`CampaignState`."""
    created_by: Mapped[str] = mapped_column(String(2048))
    """ARN."""
    created_at: Mapped[datetime] = mapped_column(Utc)
    ended_at: Mapped[datetime | None] = mapped_column(Utc)


class CampaignUser(Base):
    """A user who is, or was, part of a campaign."""

    __tablename__ = "campaign_users"
    __table_args__ = (Index(None, "account_id", "user_name"),)

    campaign_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    user_name: Mapped[str] = mapped_column(String(128), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(12))
    user_id: Mapped[str] = mapped_column(String(128))
    joined_at: Mapped[datetime] = mapped_column(Utc)
    left_at: Mapped[datetime | None] = mapped_column(Utc)
    left: Mapped[str] = mapped_column(String(16))
    """`Outcome`, "" while they are asked."""
