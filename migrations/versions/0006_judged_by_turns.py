"""How far an account was judged, the hash of each user's line of the report, and an index of key ages.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY_AGES = "ix_compliance_people_account_id_oldest_key_at"


def upgrade() -> None:
    op.add_column("compliance_accounts", sa.Column("judged_up_to", sa.String(length=128), nullable=True))
    op.add_column(
        "compliance_people", sa.Column("report_line", sa.String(length=32), server_default="", nullable=False)
    )
    op.create_index(op.f(KEY_AGES), "compliance_people", ["account_id", "oldest_key_at"])


def downgrade() -> None:
    """Earlier releases judge an account at once, and read each line of a report."""
    op.drop_index(op.f(KEY_AGES), "compliance_people")
    with op.batch_alter_table("compliance_people") as people:
        people.drop_column("report_line")
    with op.batch_alter_table("compliance_accounts") as accounts:
        accounts.drop_column("judged_up_to")
