"""Authorization details of accounts: whether MFA is forced on users, and by which policies.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("compliance_accounts", sa.Column("details", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("compliance_accounts", sa.Column("details_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("compliance_people", sa.Column("forced", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "compliance_details",
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_compliance_details")),
    )
    op.create_table(
        "compliance_policy_documents",
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "digest", name=op.f("pk_compliance_policy_documents")),
    )


def downgrade() -> None:
    """The details are lost: import them again after an upgrade."""
    op.drop_table("compliance_policy_documents")
    op.drop_table("compliance_details")
    with op.batch_alter_table("compliance_people") as changed:
        changed.drop_column("forced")
    with op.batch_alter_table("compliance_accounts") as changed:
        changed.drop_column("details_at")
        changed.drop_column("details")
