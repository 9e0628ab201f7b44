"""An index with which a worker finds the notices to send next, however many wait.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Only notices that wait are in it."""
    to_be_sent = sa.text("state IN ('waiting', 'failed')")
    columns = ["channel", "unsure", "urgent", "not_before", "id"]
    op.create_index("ix_notices_due", "notices", columns, sqlite_where=to_be_sent, postgresql_where=to_be_sent)


def downgrade() -> None:
    op.drop_index("ix_notices_due", "notices")
