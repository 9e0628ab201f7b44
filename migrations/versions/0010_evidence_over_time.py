"""Whole lists of past days, and the sources behind results, encrypted.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing says since when earlier releases knew a user, or whom they dropped: both stay unknown."""
    # First, since nobody can read a table that was altered until the transaction ends, and this takes seconds.
    op.create_index(op.f("ix_compliance_changes_account_id_at"), "compliance_changes", ["account_id", "at"])
    op.add_column("compliance_accounts", sa.Column("history_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("compliance_people", sa.Column("known_since", sa.DateTime(timezone=True), nullable=True))
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "compliance_former_people",
        sa.Column("id", number, nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("user_name", sa.String(length=128), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("arn", sa.String(length=1024), nullable=False),
        sa.Column("known_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdicts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compliance_former_people")),
    )
    op.create_index(
        op.f("ix_compliance_former_people_account_id_deleted_at"),
        "compliance_former_people",
        ["account_id", "deleted_at"],
    )
    op.create_table(
        "compliance_sources",
        sa.Column("id", number, nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("how", sa.String(length=16), nullable=False),
        sa.Column("by", sa.String(length=1024), nullable=False),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compliance_sources")),
    )
    op.create_index(
        op.f("ix_compliance_sources_account_id_stored_at"), "compliance_sources", ["account_id", "stored_at"]
    )
    op.create_table(
        "compliance_source_parts",
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "number", name=op.f("pk_compliance_source_parts")),
    )


def downgrade() -> None:
    """The history keeps only what an earlier release has: turns to fail and from it."""
    op.drop_table("compliance_source_parts")
    op.drop_index(op.f("ix_compliance_sources_account_id_stored_at"), "compliance_sources")
    op.drop_table("compliance_sources")
    op.drop_index(op.f("ix_compliance_former_people_account_id_deleted_at"), "compliance_former_people")
    op.drop_table("compliance_former_people")
    op.execute(
        "DELETE FROM compliance_changes WHERE was = 'unknown' OR became = 'unknown' "
        "OR (was <> 'fail' AND became <> 'fail')"
    )
    op.drop_index(op.f("ix_compliance_changes_account_id_at"), "compliance_changes")
    with op.batch_alter_table("compliance_people") as changed:
        changed.drop_column("known_since")
    with op.batch_alter_table("compliance_accounts") as changed:
        changed.drop_column("history_since")
