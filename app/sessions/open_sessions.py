"""The open sessions of a user, in all browsers: to list and to end them. Owners are as `owner_of` returns them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from app.sessions.current import stored_sessions
from app.sessions.stores import OpenSession


def open_sessions(*owners: str) -> Sequence[OpenSession]:
    """Return the open sessions of these owners, latest used first. Raises StoreDown."""
    found = [session for owner in owners for session in stored_sessions().list_for(owner)]
    return sorted(found, key=lambda session: session.last_used_at, reverse=True)


def end_sessions(owner: str, labels: Collection[str]) -> int:
    """End these sessions of a user, by their short IDs, and return how many there were. Raises StoreDown."""
    return stored_sessions().end(owner, labels)


def end_sessions_begun(owner: str, until: datetime, label: str = "") -> int:
    """End an owner's sessions that began until then (UTC), and return how many there were. Raises StoreDown.

    label: only those with this short ID, "" for any. Sessions with the same short ID end together, also those that
    began later: all sessions that began with one session of the company's provider have the same.
    """
    begun = [session for session in stored_sessions().list_for(owner) if session.began_at <= until]
    return end_sessions(owner, {session.label for session in begun if label in ("", session.label)})


def end_all_sessions(*owners: str) -> int:
    """End every session of these owners, and return how many there were. Raises StoreDown."""
    return sum(
        stored_sessions().end(owner, [session.label for session in stored_sessions().list_for(owner)])
        for owner in owners
    )
