"""The tables of the compliance pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Utc


class ComplianceAccount(Base):
    """What is known of an account as a whole, and who is refreshing it."""

    __tablename__ = "compliance_accounts"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    roster: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Root, password policy, alias, counts (`app.compliance.rules.sources`); {} before the first refresh."""
    roster_at: Mapped[datetime | None] = mapped_column(Utc)
    """When the lists were read; everyone's roster columns are of then."""
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    """The root row of the credential report, and where its time is from; {} before the first."""
    report_at: Mapped[datetime | None] = mapped_column(Utc)
    """When AWS made the report; everyone's `report` is of then."""
    judged_with: Mapped[str] = mapped_column(String(64))
    """Fingerprint of rules and thresholds the verdicts were reached with."""
    stale: Mapped[bool]
    """A verdict changed since the day's summary was written."""
    running: Mapped[str] = mapped_column(String(32))
    """Id of the refresh under way, or "". Who changes it from "" has the account to itself."""
    beat_at: Mapped[datetime | None] = mapped_column(Utc)
    """When that refresh last said that it is alive."""


class CompliancePerson(Base):
    """What is known of an IAM user, each fact with its source, and what the rules say of it."""

    __tablename__ = "compliance_people"
    __table_args__ = (Index(None, "account_id", "changes_at"),)

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    user_name: Mapped[str] = mapped_column(String(128), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(128), server_default="")
    """AWS's unique id (AIDA...); empty until a refresh or the user's own visit tells it."""
    arn: Mapped[str] = mapped_column(String(1024))
    path: Mapped[str] = mapped_column(String(512))
    created_at: Mapped[datetime | None] = mapped_column(Utc)
    in_roster: Mapped[bool]
    """The roster lists them; then password_last_used and virtual_devices are what it says."""
    password_last_used: Mapped[datetime | None] = mapped_column(Utc)
    virtual_devices: Mapped[int]
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """Their row of the credential report (`app.compliance.rules.sources`)."""
    own: Mapped[dict[str, Any]] = mapped_column(JSON)
    """What they showed themselves in the portal, each with its time."""
    verdicts: Mapped[str] = mapped_column(Text)
    """Like " mfa=fail key-age=pass ": a word for each rule that is about them."""
    failed: Mapped[int]
    oldest_key_at: Mapped[datetime | None] = mapped_column(Utc)
    """When their oldest active access key was made, as far as known."""
    changes_at: Mapped[datetime | None] = mapped_column(Utc)
    """When time alone changes a verdict."""


class ComplianceChange(Base):
    """Somebody began to fail a rule, or stopped."""

    __tablename__ = "compliance_changes"
    __table_args__ = (Index(None, "account_id", "user_name", "at"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(12))
    user_name: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(Utc)
    rule: Mapped[str] = mapped_column(String(32))
    was: Mapped[str] = mapped_column(String(16))
    """`app.compliance.rules.verdicts.State`, "" where the rule was not about them."""
    became: Mapped[str] = mapped_column(String(16))


class ComplianceDay(Base):
    """The account at the end of a day (UTC), or so far today: what trends are made of."""

    __tablename__ = "compliance_days"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    """`app.compliance.data.daily.Figures`."""


class ComplianceRun(Base):
    """A refresh from AWS."""

    __tablename__ = "compliance_runs"
    __table_args__ = (Index(None, "account_id", "started_at"),)

    run_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(12))
    started_at: Mapped[datetime] = mapped_column(Utc)
    ended_at: Mapped[datetime | None] = mapped_column(Utc)
    begun_by: Mapped[str] = mapped_column(String(1024))
    """ARN."""
    state: Mapped[str] = mapped_column(String(16))
    """`app.compliance.data.refresh_runs.RunState`."""
    problem: Mapped[str] = mapped_column(String(1024))
    """Why it did not end well, as a sentence."""
    users_read: Mapped[int]
    devices_read: Mapped[int]
    expected: Mapped[int]
    """Users the account has, once known."""
    calls: Mapped[int]
    slowed: Mapped[int]
    """How often AWS asked to slow down."""


class ComplianceException(Base):
    """Somebody need not keep a rule for a while, and somebody answers for that."""

    __tablename__ = "compliance_exceptions"
    __table_args__ = (Index(None, "account_id", "user_name"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(12))
    rule: Mapped[str] = mapped_column(String(32))
    user_name: Mapped[str] = mapped_column(String(128))
    """Empty for a rule about the account."""
    reason: Mapped[str] = mapped_column(String(500))
    owner: Mapped[str] = mapped_column(String(128))
    """Who answers for it."""
    until: Mapped[datetime] = mapped_column(Utc)
    made_at: Mapped[datetime] = mapped_column(Utc)
    made_by: Mapped[str] = mapped_column(String(1024))
    """ARN."""
    ended_at: Mapped[datetime | None] = mapped_column(Utc)
    """Ended before its time."""
    ended_by: Mapped[str] = mapped_column(String(1024))
