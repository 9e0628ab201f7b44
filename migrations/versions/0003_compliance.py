"""What is known of whose credentials: people, accounts, refreshes, daily figures, exceptions.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "compliance_accounts",
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("roster", sa.JSON(), nullable=False),
        sa.Column("roster_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("report_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("judged_with", sa.String(length=64), nullable=False),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.Column("running", sa.String(length=32), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_compliance_accounts")),
    )
    op.create_table(
        "compliance_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("user_name", sa.String(length=128), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("was", sa.String(length=16), nullable=False),
        sa.Column("became", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compliance_changes")),
    )
    op.create_index(
        op.f("ix_compliance_changes_account_id_user_name_at"), "compliance_changes", ["account_id", "user_name", "at"]
    )
    op.create_table(
        "compliance_days",
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "day", name=op.f("pk_compliance_days")),
    )
    op.create_table(
        "compliance_exceptions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("user_name", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("owner", sa.String(length=128), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(length=1024), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.String(length=1024), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compliance_exceptions")),
    )
    op.create_index(
        op.f("ix_compliance_exceptions_account_id_user_name"), "compliance_exceptions", ["account_id", "user_name"]
    )
    op.create_table(
        "compliance_people",
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("user_name", sa.String(length=128), nullable=False),
        sa.Column("arn", sa.String(length=1024), nullable=False),
        sa.Column("path", sa.String(length=512), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("in_roster", sa.Boolean(), nullable=False),
        sa.Column("password_last_used", sa.DateTime(timezone=True), nullable=True),
        sa.Column("virtual_devices", sa.Integer(), nullable=False),
        sa.Column("report", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("own", sa.JSON(), nullable=False),
        sa.Column("verdicts", sa.Text(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("oldest_key_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changes_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "user_name", name=op.f("pk_compliance_people")),
    )
    op.create_index(
        op.f("ix_compliance_people_account_id_changes_at"), "compliance_people", ["account_id", "changes_at"]
    )
    op.create_table(
        "compliance_runs",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("begun_by", sa.String(length=1024), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("problem", sa.String(length=1024), nullable=False),
        sa.Column("users_read", sa.Integer(), nullable=False),
        sa.Column("devices_read", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("slowed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_compliance_runs")),
    )
    op.create_index(op.f("ix_compliance_runs_account_id_started_at"), "compliance_runs", ["account_id", "started_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_compliance_runs_account_id_started_at"), "compliance_runs")
    op.drop_table("compliance_runs")
    op.drop_index(op.f("ix_compliance_people_account_id_changes_at"), "compliance_people")
    op.drop_table("compliance_people")
    op.drop_index(op.f("ix_compliance_exceptions_account_id_user_name"), "compliance_exceptions")
    op.drop_table("compliance_exceptions")
    op.drop_table("compliance_days")
    op.drop_index(op.f("ix_compliance_changes_account_id_user_name_at"), "compliance_changes")
    op.drop_table("compliance_changes")
    op.drop_table("compliance_accounts")
