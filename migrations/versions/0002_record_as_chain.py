"""The audit log becomes a chain; sessions know their owner.

Rows from before the chain carry no mac and cannot be given one that means anything: the audit log begins again.
Open sessions end: they do not say whose they are.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("activity")
    op.create_table(
        "activity",
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt_id", sa.String(length=32), nullable=False),
        sa.Column("user_name", sa.String(length=128), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=512), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=256), nullable=False),
        sa.Column("session", sa.String(length=16), nullable=False),
        sa.Column("key_id", sa.String(length=16), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "seq", name=op.f("pk_activity")),
    )
    op.create_index(op.f("ix_activity_account_id_user_name_seq"), "activity", ["account_id", "user_name", "seq"])
    op.create_index(op.f("ix_activity_attempt_id_seq"), "activity", ["attempt_id", "seq"])
    op.create_index(op.f("ix_activity_account_id_target_seq"), "activity", ["account_id", "target", "seq"])
    op.create_index(op.f("ix_activity_account_id_at"), "activity", ["account_id", "at"])
    op.create_table(
        "activity_heads",
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_activity_heads")),
    )
    op.execute("DELETE FROM sessions")
    with op.batch_alter_table("sessions") as sessions:
        sessions.add_column(sa.Column("began_at", sa.DateTime(timezone=True), nullable=False))
        sessions.add_column(sa.Column("owner", sa.String(length=640), nullable=False))
        sessions.add_column(sa.Column("label", sa.String(length=16), nullable=False))
        sessions.add_column(sa.Column("address", sa.String(length=64), nullable=False))
        sessions.add_column(sa.Column("user_agent", sa.String(length=256), nullable=False))
        sessions.create_index(op.f("ix_sessions_owner"), ["owner"])


def downgrade() -> None:
    """The audit log is lost: rows of a chain are not rows without one."""
    op.execute("DELETE FROM sessions")
    with op.batch_alter_table("sessions") as sessions:
        sessions.drop_index(op.f("ix_sessions_owner"))
        for column in ("began_at", "owner", "label", "address", "user_agent"):
            sessions.drop_column(column)
    op.drop_table("activity_heads")
    op.drop_table("activity")
    op.create_table(
        "activity",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempt_id", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.String(length=12), nullable=False),
        sa.Column("user_name", sa.String(length=128), nullable=False),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("target", sa.String(length=512), nullable=False),
        sa.Column("phase", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=128), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    op.create_index(op.f("ix_activity_account_id_user_name_id"), "activity", ["account_id", "user_name", "id"])
    op.create_index(op.f("ix_activity_attempt_id"), "activity", ["attempt_id"])
    op.create_index(op.f("ix_activity_target_id"), "activity", ["target", "id"])
