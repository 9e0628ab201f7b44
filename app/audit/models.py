"""The tables of the audit log."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Utc


class ActivityRow(Base):
    """An entry of the audit log. Entries are only added (`app.audit.log`), until retention removes the oldest."""

    __tablename__ = "activity"
    __table_args__ = (
        Index(None, "account_id", "user_name", "seq"),
        Index(None, "account_id", "user_id", "seq"),
        Index(None, "attempt_id", "seq"),
        Index(None, "account_id", "target", "seq"),
        Index(None, "account_id", "at"),
    )

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    """Empty until the account of the user is known."""
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """Position in the account's chain, from 1, without gaps."""
    at: Mapped[datetime] = mapped_column(Utc)
    attempt_id: Mapped[str] = mapped_column(String(32))
    """Ties outcome and finding to their intent."""
    user_name: Mapped[str] = mapped_column(String(128))
    event: Mapped[str] = mapped_column(String(64))
    target: Mapped[str] = mapped_column(String(512))
    phase: Mapped[str] = mapped_column(String(16))
    """`app.audit.log.Phase`."""
    reason: Mapped[str] = mapped_column(String(64))
    """`PortalError.code`, or in older rows the name of its class (`app.audit.reasons`); empty for none.

    Never AWS's text, which may repeat what was typed.
    """
    request_id: Mapped[str] = mapped_column(String(128))
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(256))
    session: Mapped[str] = mapped_column(String(16))
    """Short id of the portal session."""
    key_id: Mapped[str] = mapped_column(String(16))
    """Which of AUDIT_KEYS `mac` was made with."""
    mac: Mapped[str] = mapped_column(String(64))
    """Over this row and its predecessor's mac (`app.audit.chain`)."""
    user_id: Mapped[str] = mapped_column(String(128), server_default="")
    """AWS's unique id of the user (AIDA...). Renaming the user doesn't change it, and no later user gets it.

    Empty for commands, for users who weren't identified, and in rows of earlier releases.
    """


class ActivityHead(Base):
    """The end of an account's chain: who holds this row's lock may add the next."""

    __tablename__ = "activity_heads"

    account_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    mac: Mapped[str] = mapped_column(String(64))
