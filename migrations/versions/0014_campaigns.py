"""Campaigns, and who is part of them.

Revision ID: 0014
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two tables."""
    op.create_table(
        "campaigns",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("rule", sa.String(length=32), nullable=False),
        sa.Column("search", sa.String(length=128), nullable=False),
        sa.Column("begins", sa.Date(), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=False),
        sa.Column("ahead", sa.JSON(), nullable=False),
        sa.Column("to_managers", sa.Boolean(), nullable=False),
        sa.Column("joins", sa.Boolean(), nullable=False),
        sa.Column("own_subject", sa.String(length=200), nullable=False),
        sa.Column("own_text", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("created_by", sa.String(length=2048), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
    )
    op.create_index(op.f("ix_campaigns_account_id_state"), "campaigns", ["account_id", "state"])
    op.create_table(
        "campaign_users",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("user_name", sa.String(length=128), nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("user_id", sa.String(length=128), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", "user_name", name=op.f("pk_campaign_users")),
    )
    op.create_index(op.f("ix_campaign_users_account_id_user_name"), "campaign_users", ["account_id", "user_name"])


def downgrade() -> None:
    """Campaigns are lost."""
    op.drop_table("campaign_users")
    op.drop_table("campaigns")
