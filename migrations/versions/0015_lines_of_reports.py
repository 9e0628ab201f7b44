"""The lines of credential reports, so that a newer report's can be compared cell by cell.

Revision ID: 0015
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Earlier releases keep hashes in report_line. This one reads such a line anew, and they read its.
    op.add_column("compliance_accounts", sa.Column("version", sa.Integer(), server_default="0", nullable=False))
    op.add_column("compliance_people", sa.Column("report_row", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("compliance_people") as people:
        people.drop_column("report_row")
    with op.batch_alter_table("compliance_accounts") as accounts:
        accounts.drop_column("version")
