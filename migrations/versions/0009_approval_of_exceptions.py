"""Exceptions that a second person approves.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Exceptions of earlier releases are in force, as they were: they wait for nobody."""
    op.add_column(
        "compliance_exceptions",
        sa.Column("made_by_id", sa.String(length=128), nullable=False, server_default=""),
    )
    op.add_column(
        "compliance_exceptions", sa.Column("waits", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.add_column("compliance_exceptions", sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "compliance_exceptions",
        sa.Column("approved_by", sa.String(length=1024), nullable=False, server_default=""),
    )


def downgrade() -> None:
    """Exceptions that wait for approval end: an earlier release would take them to be in force."""
    op.execute("UPDATE compliance_exceptions SET ended_at = made_at WHERE waits AND ended_at IS NULL")
    with op.batch_alter_table("compliance_exceptions") as changed:
        for name in ("approved_by", "approved_at", "waits", "made_by_id"):
            changed.drop_column(name)
