"""Where sessions lie: what a store must do. There are two, and the same tests hold both to it.

A store is given ids hashed and contents encrypted (`app.sessions.interface`), and never sees what is in them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class StoreDown(Exception):
    """The store does not answer, or not in time, or has no turn for us: what was to be written may have been."""


class StoreFull(StoreDown):
    """The store has no room for another session. Those it has continue."""


MOST_STRANGERS = 20_000
"""Sessions at once of people AWS has not vouched for: some 30 MB. Each lasts minutes, an address may begin few."""


@dataclass(frozen=True)
class Kept:
    """Contents of a session, as they lie there."""

    data: bytes
    version: int
    """Counts changes of `data`, so that two requests at once do not undo each other."""
    last_used_at: datetime
    """UTC, aware; like all times here."""


@dataclass(frozen=True)
class Seen:
    """What is written beside the contents, in clear: whose session it is, until when, and what its owner is shown."""

    owner: str
    """`app.sessions.contents.owner_of` the user who is signed in; empty before."""
    label: str
    """Short ID: names the session, but can't be used to sign in."""
    address: str
    user_agent: str
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class OpenSession:
    """A session as its owner is shown it."""

    label: str
    """Short ID: can't be used to sign in."""
    began_at: datetime
    last_used_at: datetime
    address: str
    user_agent: str


class SessionStore(Protocol):
    """Sessions by the hash of their ID. Every method raises StoreDown if the store doesn't answer."""

    def load(self, id_hash: str) -> Kept | None:
        """Return what is stored under this ID. None where nothing is, or its time is up."""

    def create(self, id_hash: str, data: bytes, seen: Seen, began_at: datetime, *, stranger: bool = False) -> None:
        """Store a new session, at version 0, under an ID that isn't used yet.

        data: encrypted. stranger: AWS hasn't identified the user; strangers get room only while the others have
        plenty. Raises StoreFull.
        """

    def change(self, id_hash: str, version: int, data: bytes, seen: Seen) -> bool:
        """Replace the contents and count the version up, if `version` is what is stored. Of many, one succeeds.

        data: encrypted. Return False if another request was faster, or the session was ended.
        """

    def touch(self, id_hash: str, seen: Seen) -> None:
        """Note that the session was used. It has no effect if the session was ended."""

    def forget(self, id_hash: str, version: int | None = None) -> bool:
        """End a session; with `version` only if it is still at that. Return True to one caller only."""

    def list_for(self, owner: str) -> Sequence[OpenSession]:
        """Return the open sessions of a user, latest used first."""

    def end(self, owner: str, labels: Collection[str]) -> int:
        """End sessions of a user by their short IDs, and return how many there were."""

    def count(self) -> int:
        """Return how many sessions are open, of all users."""

    def check(self) -> None:
        """Store a session and end it again. Raises StoreFull if there is no room."""

    def disconnect(self) -> None:
        """Close the connections of this process. The next call opens them again."""
