"""The tables of the compliance pages."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Date, Index, Integer, LargeBinary, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Utc


class ComplianceAccount(Base):
    """What is known of an account as a whole, and which refresh of it is running."""

    __tablename__ = "compliance_accounts"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    # The columns keep the names that earlier releases gave them.
    user_list: Mapped[dict[str, Any]] = mapped_column("roster", JSON, key="user_list")
    """RosterFacts (`app.compliance.rules.sources`), {} before the first refresh."""
    user_list_at: Mapped[datetime | None] = mapped_column("roster_at", Utc, key="user_list_at")
    """When the lists were read. So old are the columns of users that come from the lists."""
    report: Mapped[dict[str, Any]] = mapped_column(JSON)
    """RootFacts (`app.compliance.rules.sources`), {} before the first credential report."""
    report_at: Mapped[datetime | None] = mapped_column(Utc)
    """When AWS made the report. So old is the `report` of users."""
    judged_with: Mapped[str] = mapped_column(String(64))
    """The fingerprint of the rules and thresholds by which the verdicts were reached."""
    judged_up_to: Mapped[str | None] = mapped_column(String(128))
    """The last user, by name, whose verdicts were reached by them. None: all were."""
    stale: Mapped[bool]
    """The figures don't count what is stored, so they are counted from the start."""
    running: Mapped[str] = mapped_column(String(32))
    """Id of the running refresh, or "". The refresh that changes it from "" has the account to itself."""
    beat_at: Mapped[datetime | None] = mapped_column(Utc)
    """When that refresh last gave a sign of life."""
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """DetailsFacts (`app.compliance.rules.sources`), None before the first authorization details."""
    details_at: Mapped[datetime | None] = mapped_column(Utc)
    """When they were collected. So old is the `forced` of users."""
    history_since: Mapped[datetime | None] = mapped_column(Utc)
    """From when on the history has everything that a list of a past day needs. None: it has only turns to and from
    fail, as earlier releases wrote it. It starts again after one of them judged the account."""
    version: Mapped[int] = mapped_column(server_default="0")
    """How many transactions have locked the row. Those of earlier releases don't count."""


class CompliancePerson(Base):
    """What is known of an IAM user, by source, and what the rules say."""

    __tablename__ = "compliance_people"
    __table_args__ = (
        Index(None, "account_id", "changes_at"),
        Index(None, "account_id", "oldest_key_at"),
    )

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    user_name: Mapped[str] = mapped_column(String(128), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(128), server_default="")
    """AWS's unique id (AIDA...), empty until a refresh or the user's own visit tells it."""
    arn: Mapped[str] = mapped_column(String(1024))
    path: Mapped[str] = mapped_column(String(512))
    created_at: Mapped[datetime | None] = mapped_column(Utc)
    in_user_list: Mapped[bool] = mapped_column("in_roster", key="in_user_list")
    """The account's lists name them. Then password_last_used and virtual_devices come from the lists."""
    password_last_used: Mapped[datetime | None] = mapped_column(Utc)
    virtual_devices: Mapped[int]
    report: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """ReportFacts (`app.compliance.rules.sources`): their row of the credential report."""
    report_line: Mapped[str] = mapped_column(String(32), server_default="")
    """`rows.KEPT` where `report` is what `report_row` would set again. Earlier releases wrote other texts here."""
    report_row: Mapped[str] = mapped_column(Text, server_default="")
    """That row of the report as the file had it."""
    own: Mapped[dict[str, Any]] = mapped_column(JSON)
    """OwnFacts (`app.compliance.rules.sources`): what their own visits showed."""
    verdicts: Mapped[str] = mapped_column(Text)
    """As in " mfa=fail key-age=pass ", with a word for each rule that is about them."""
    failed: Mapped[int]
    oldest_key_at: Mapped[datetime | None] = mapped_column(Utc)
    """When their oldest active access key was created, as far as it is known."""
    changes_at: Mapped[datetime | None] = mapped_column(Utc)
    """When time alone changes a verdict."""
    forced: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """ForcedFacts (`app.compliance.rules.sources`), None where the details don't contain them."""
    known_since: Mapped[datetime | None] = mapped_column(Utc)
    """When this row was first stored. None: by an earlier release."""


class ComplianceFormer(Base):
    """A user who was deleted: their row as it ended, as far as lists of past days need it."""

    __tablename__ = "compliance_former_people"
    __table_args__ = (Index(None, "account_id", "deleted_at"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(12))
    user_name: Mapped[str] = mapped_column(String(128))
    user_id: Mapped[str] = mapped_column(String(128))
    arn: Mapped[str] = mapped_column(String(1024))
    known_since: Mapped[datetime | None] = mapped_column(Utc)
    deleted_at: Mapped[datetime] = mapped_column(Utc)
    """When a source showed it."""
    verdicts: Mapped[str] = mapped_column(Text)
    """The last ones."""


class ComplianceDetails(Base):
    """An account's authorization details, without the documents. Policies are no secrets: they aren't encrypted."""

    __tablename__ = "compliance_details"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    collected_at: Mapped[datetime] = mapped_column(Utc)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    """As `app.compliance.data.details_data` writes it."""


class CompliancePolicyDocument(Base):
    """A policy document of an account. Users and groups share many."""

    __tablename__ = "compliance_policy_documents"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """SHA-256, in hex."""
    document: Mapped[str] = mapped_column(Text)
    """JSON."""


class ComplianceChange(Base):
    """A verdict about a user turned. Before `history_since` only between fail and something else than unknown."""

    __tablename__ = "compliance_changes"
    __table_args__ = (Index(None, "account_id", "user_name", "at"), Index(None, "account_id", "at"))

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(12))
    user_name: Mapped[str] = mapped_column(String(128))
    at: Mapped[datetime] = mapped_column(Utc)
    rule: Mapped[str] = mapped_column(String(32))
    was: Mapped[str] = mapped_column(String(16))
    """`app.compliance.rules.verdicts.State`, "" where the rule wasn't about them."""
    became: Mapped[str] = mapped_column(String(16))


class ComplianceDay(Base):
    """The account's figures at the end of a day (UTC), or today's so far. Trends are made of these."""

    __tablename__ = "compliance_days"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    """`app.compliance.data.daily.Figures`."""


class ComplianceSource(Base):
    """A source that was stored, and is kept for EVIDENCE_RETENTION_DAYS."""

    __tablename__ = "compliance_sources"
    __table_args__ = (Index(None, "account_id", "stored_at"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(12))
    kind: Mapped[str] = mapped_column(String(16))
    """`app.compliance.rules.subjects.Source`."""
    how: Mapped[str] = mapped_column(String(16))
    """`app.compliance.data.kept_sources.How`."""
    by: Mapped[str] = mapped_column(String(1024))
    """ARN, or the login that ran a command."""
    collected_at: Mapped[datetime] = mapped_column(Utc)
    stored_at: Mapped[datetime] = mapped_column(Utc)
    sha256: Mapped[str] = mapped_column(String(64))
    """Of the content, in hex."""
    size: Mapped[int] = mapped_column(BigInteger)
    """Of the content, in bytes."""
    key_id: Mapped[str] = mapped_column(String(16))
    """Which SECRET_KEY the content is encrypted with."""


class ComplianceSourcePart(Base):
    """A part of a source's content, compressed and encrypted."""

    __tablename__ = "compliance_source_parts"

    source_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class ComplianceSync(Base):
    """What `compliance sync` knows of an account: who it is in the organization, and how its last sync ended."""

    __tablename__ = "compliance_syncs"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(256))
    """As the list or the organization has it, "" where neither does."""
    unit: Mapped[str] = mapped_column(String(1024))
    """Path of the organizational unit, "Workloads/Production". "" for the root, and where it isn't known."""
    tried_at: Mapped[datetime | None] = mapped_column(Utc)
    """When the last sync of the account ended, one way or the other."""
    problem: Mapped[str] = mapped_column(String(1024))
    """Why that one failed, "" if it didn't."""
    done_at: Mapped[datetime | None] = mapped_column(Utc)
    """When a sync last succeeded."""
    parts: Mapped[str] = mapped_column(String(64))
    """What that one stored: "lists report details"."""


class ComplianceObject(Base):
    """An object of an S3 bucket that `compliance sync --bucket` has read."""

    __tablename__ = "compliance_objects"

    bucket: Mapped[str] = mapped_column(String(255), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Of its key (`app.compliance.data.objects.digest_of`)."""
    etag: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16))
    """`app.compliance.data.objects.ObjectState`."""
    problem: Mapped[str] = mapped_column(String(1024))
    """Why it was refused, "" if it wasn't."""
    read_at: Mapped[datetime] = mapped_column(Utc)


class ComplianceRun(Base):
    """A refresh of an account from AWS."""

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
    """Why it failed, as a sentence. Empty otherwise."""
    users_read: Mapped[int]
    devices_read: Mapped[int]
    expected: Mapped[int]
    """How many users the account has, 0 while it isn't known."""
    calls: Mapped[int]
    slowed: Mapped[int]
    """How often AWS throttled it."""


class ComplianceException(Base):
    """A user, or the account, doesn't have to pass a rule until a date. An owner is responsible for that."""

    __tablename__ = "compliance_exceptions"
    __table_args__ = (Index(None, "account_id", "user_name"),)

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    account_id: Mapped[str] = mapped_column(String(12))
    rule: Mapped[str] = mapped_column(String(32))
    user_name: Mapped[str] = mapped_column(String(128))
    """Empty for a rule about the account."""
    reason: Mapped[str] = mapped_column(String(500))
    owner: Mapped[str] = mapped_column(String(128))
    """Who is responsible for it."""
    until: Mapped[datetime] = mapped_column(Utc)
    made_at: Mapped[datetime] = mapped_column(Utc)
    made_by: Mapped[str] = mapped_column(String(1024))
    """ARN."""
    ended_at: Mapped[datetime | None] = mapped_column(Utc)
    """When an administrator ended it early."""
    ended_by: Mapped[str] = mapped_column(String(1024))
    made_by_id: Mapped[str] = mapped_column(String(128), server_default="")
    """Unique id of the administrator, "" where an earlier release stored none."""
    waits: Mapped[bool] = mapped_column(server_default=false())
    """It isn't in force until another administrator approves it."""
    approved_at: Mapped[datetime | None] = mapped_column(Utc)
    approved_by: Mapped[str] = mapped_column(String(1024), server_default="")
    """ARN, "" where none was needed."""
    batch: Mapped[str] = mapped_column(String(32), index=True, server_default="")
    """What exceptions that were added at once for several users have in common, "" for one alone."""
