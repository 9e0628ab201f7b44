"""Which releases work with the schema.

Revision ID: 0018
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Release 0.2.0 still works with it. Its schema is 0009."""
    support = op.create_table(
        "schema_support",
        sa.Column("oldest", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("oldest", name=op.f("pk_schema_support")),
    )
    op.bulk_insert(support, [{"oldest": "0009"}])
    # Where there is a history, no release judged that adds less to it (app.compliance.rules.table.WHOLE_HISTORY).
    op.execute(
        "UPDATE compliance_accounts SET judged_with = '1:' || substr(judged_with, 1, 62) "
        "WHERE history_since IS NOT NULL AND judged_with <> ''"
    )


def downgrade() -> None:
    op.drop_table("schema_support")
