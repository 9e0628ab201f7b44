"""Names that users give their MFA devices, and notes about their keys.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credential_labels",
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("credential_type", sa.String(length=16), nullable=False),
        sa.Column("credential_id", sa.String(length=256), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "user_id", "credential_type", "credential_id", name=op.f("pk_credential_labels")
        ),
    )


def downgrade() -> None:
    """The names are lost: AWS has no place for them."""
    op.drop_table("credential_labels")
