"""The table of sessions."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, Utc


class StoredSession(Base):
    """A browser's session. A thief of this table gets neither cookies (hashed) nor contents (encrypted)."""

    __tablename__ = "sessions"

    id_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)
    version: Mapped[int]
    """Counts changes of `data`, so that two requests at once do not undo each other."""
    began_at: Mapped[datetime] = mapped_column(Utc)
    last_used_at: Mapped[datetime] = mapped_column(Utc)
    expires_at: Mapped[datetime] = mapped_column(Utc, index=True)
    owner: Mapped[str] = mapped_column(String(640), index=True)
    """`app.sessions.contents.owner_of` the user who is signed in: account and AWS's unique id. Empty before."""
    label: Mapped[str] = mapped_column(String(16))
    """The session's short id: names it to its owner and in the audit log, but can't be used to sign in."""
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(256))
