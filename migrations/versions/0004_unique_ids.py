"""Users are known by AWS's unique id, in the audit log and on the compliance pages.

Rows of earlier releases keep an empty id, and their hashes: what was hashed of them doesn't include it.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("activity", "compliance_people"):
        op.add_column(table, sa.Column("user_id", sa.String(length=128), nullable=False, server_default=""))
    op.create_index(op.f("ix_activity_account_id_user_id_seq"), "activity", ["account_id", "user_id", "seq"])


def downgrade() -> None:
    """Rows that have an id don't verify without it: their hashes cover it."""
    op.drop_index(op.f("ix_activity_account_id_user_id_seq"), "activity")
    for table in ("activity", "compliance_people"):
        with op.batch_alter_table(table) as changed:
            changed.drop_column("user_id")
