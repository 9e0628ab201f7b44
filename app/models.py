"""Tables. Migrations live in migrations/; a test proves that both say the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    BigInteger,
    Date,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine


def _in_utc(value: datetime | None) -> datetime | None:
    """A naive time is a mistake."""
    if value is None or value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value.astimezone(UTC)


class _SqliteUtc(sqlite.DATETIME):
    """Text without a zone, as SQLAlchemy keeps it; read and written in one step, for they come by the thousand."""

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], str | None]:
        """To text."""

        def process(value: datetime | None) -> str | None:
            moment = _in_utc(value)
            return moment.isoformat(" ", "microseconds").removesuffix("+00:00") if moment else None

        return process

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], datetime | None]:
        """From text."""

        def process(stored: str | None) -> datetime | None:
            return datetime.fromisoformat(stored + "+00:00") if stored else None

        return process


class _AnyUtc(DateTime):
    """PostgreSQL answers in the zone of its session."""

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], datetime | None]:
        """To UTC."""
        return _in_utc

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[datetime | None], datetime | None]:
        """To UTC."""
        return _in_utc


class Utc(TypeDecorator[datetime]):
    """An aware UTC time, also on SQLite, which keeps no zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """How this database keeps it."""
        if dialect.name == "sqlite":
            return _SqliteUtc()  # type: ignore[no-untyped-call] # SQLAlchemy's constructor has no types
        return _AnyUtc(timezone=True)


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
    """`app.records.owner_of` the user who is signed in: account and AWS's unique id. Empty before."""
    label: Mapped[str] = mapped_column(String(16))
    """The session's short id: names it to its owner and in the record, and opens nothing."""
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(256))


class ActivityRow(Base):
    """One line of the record of attempts and outcomes. Rows are only ever added (`app.audit`)."""

    __tablename__ = "activity"
    __table_args__ = (
        Index(None, "account_id", "user_name", "seq"),
        Index(None, "account_id", "user_id", "seq"),
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
    user_id: Mapped[str] = mapped_column(String(128), server_default="")
    """AWS's unique id of the user (AIDA...), which a rename keeps and a namesake never gets.

    Empty for commands, for users who weren't identified, and in rows of earlier releases.
    """


class ActivityHead(Base):
    """The end of an account's chain: who holds this row's lock may add the next."""

    __tablename__ = "activity_heads"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    mac: Mapped[str] = mapped_column(String(64))


class ComplianceAccount(Base):
    """What is known of an account as a whole, and who is refreshing it."""

    __tablename__ = "compliance_accounts"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    roster: Mapped[dict[str, Any]] = mapped_column(JSON)
    """Root, password policy, alias, counts (`app.compliance.facts`); {} before the first refresh."""
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
    """Their row of the credential report (`app.compliance.facts`)."""
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
    """`app.compliance.rules.State`, "" where the rule was not about them."""
    became: Mapped[str] = mapped_column(String(16))


class ComplianceDay(Base):
    """The account at the end of a day (UTC), or so far today: what trends are made of."""

    __tablename__ = "compliance_days"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    """`app.compliance.summary.Figures`."""


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
    """`app.compliance.runs.RunState`."""
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
