"""Exceptions for several users, added at once.

Revision ID: 0011
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Exceptions of earlier releases were added one at a time."""
    op.add_column(
        "compliance_exceptions", sa.Column("batch", sa.String(length=32), nullable=False, server_default="")
    )
    op.create_index(op.f("ix_compliance_exceptions_batch"), "compliance_exceptions", ["batch"])


def downgrade() -> None:
    """They stay, one at a time."""
    op.drop_index(op.f("ix_compliance_exceptions_batch"), "compliance_exceptions")
    with op.batch_alter_table("compliance_exceptions") as changed:
        changed.drop_column("batch")
