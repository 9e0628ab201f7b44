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
    """Sessions by the hash of their id. Every method raises StoreDown where the store does not answer."""

    def load(self, id_hash: str) -> Kept | None:
        """What is kept under this id; None where nothing is, or its time is up."""

    def create(self, id_hash: str, data: bytes, seen: Seen, began_at: datetime, *, stranger: bool = False) -> None:
        """Keep a new session, at version 0. The id is new: nothing is there.

        stranger: AWS has not vouched for them; they get room only while the others have plenty. Raises StoreFull.
        """

    def change(self, id_hash: str, version: int, data: bytes, seen: Seen) -> bool:
        """Keep other contents where `version` is what is there, and count it up: one of many at once succeeds.

        False where others were faster, or where the session was ended.
        """

    def touch(self, id_hash: str, seen: Seen) -> None:
        """Note that the session was used; of no effect where it was ended."""

    def forget(self, id_hash: str, version: int | None = None) -> bool:
        """End a session; with `version` only as it was then. True where that was done, for one caller only."""

    def list_for(self, owner: str) -> Sequence[OpenSession]:
        """Open sessions of a person, latest used first."""

    def end(self, owner: str, labels: Collection[str]) -> int:
        """End sessions of a person by their short ids; how many there were."""

    def count(self) -> int:
        """Open sessions, everyone's."""

    def check(self) -> None:
        """Does it keep a session, and end it? Raises StoreFull where it has no room."""

    def disconnect(self) -> None:
        """Close what this process holds open; the next call opens it again."""
