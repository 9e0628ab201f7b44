"""The session of one request: what it reads and changes. How it is stored is in `app.sessions.interface`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import datetime
from functools import cached_property, partial
from typing import Any

from flask.sessions import SessionMixin
from werkzeug.datastructures import CallbackDict

ABSENT = object()


class Session(CallbackDict[str, Any], SessionMixin):
    """What a request sees as `flask.session`."""

    def __init__(
        self,
        data: dict[str, Any],
        sid: str | None = None,
        version: int = 0,
        again: Callable[[], dict[str, Any]] | None = None,
    ) -> None:
        """data: for this session alone. again: returns the same data once more, in other objects."""

        def touched(_: object) -> None:
            self.modified = True

        super().__init__(data, touched)
        self.sid = sid
        """Cookie value; None until a session is first stored, which is when a sign-in begins."""
        self.version = version
        self._again = again or partial(dict, deepcopy(data))
        self.last_used_at: datetime | None = None
        self.modified = False
        self.lost = False
        """The browser sent an id that is unknown or past its time."""
        self.unavailable = False
        """The store did not answer: nobody knows what the session holds."""
        self.replaced: str | None = None
        """Former id, to be deleted, when the session was given a new one."""
        self.follows = True
        """Is the session with the new id the same one? Then it ends with the former one."""
        self.takes_along: Mapping[str, str] = {}
        """Keys that go along to the new id even where another request stores them under the former one until then.

        Each with the field that identifies its record, "" where the value itself does.
        """

    @cached_property
    def before(self) -> dict[str, Any]:
        """What it held when the request began. Only a request that changes something asks for it."""
        return self._again()

    @property
    def of_visitor(self) -> bool:
        """Has no sign-in begun? Then what it has came from the browser, where an attacker may have put it."""
        return self.sid is None and self.replaced is None

    def renew(self, takes_along: Mapping[str, str] | None = None) -> None:
        """Continue under a new ID. Every change of privilege does, against fixation and stolen IDs.

        takes_along: as the attribute.
        """
        self.replaced = self.replaced or self.sid
        self.sid = None
        self.takes_along = takes_along or {}
        self.modified = True

    def start_over(self) -> None:
        """Start another session, which has nothing to do with this one. This one ends."""
        self.clear()
        self.renew()
        self.follows = False

    def changes(self) -> tuple[dict[str, Any], set[str]]:
        """Return the top-level keys that this request set, with their values, and the keys it removed."""
        changed = {key: value for key, value in self.items() if self.before.get(key, ABSENT) != value}
        return changed, set(self.before) - set(self)
