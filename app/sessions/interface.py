"""Server-side sessions: an opaque id in the cookie, everything else encrypted in a store (`app.sessions.stores`).

Nothing is stored before a sign-in has begun: until then, only the browser has something (`app.sessions.visitors`).

Two requests of one browser may run at once. So a change is stored as the keys it changed, on top of what
is there. A session that was ended meanwhile is never restored. The cookie is sent only when the
id is new, so that a slow answer cannot put an old id back into the browser. A request that holds
something nobody can get again, like a new secret, commits it at once, and learns whether the session has ended.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from cryptography.fernet import InvalidToken
from flask import Flask, Request, Response, request
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SessionInterface, SessionMixin

from app.sessions.encryption import cipher
from app.sessions.session import ABSENT, Session
from app.sessions.stores import OpenSession, Seen, SessionStore, StoreDown
from app.sessions.visitors import KEPT, VisitorCookies

log = logging.getLogger(__name__)

TOUCH_EVERY = timedelta(seconds=30)
PARTS_OF_PAGES = ("static", "branding.logo", "security_txt.security_txt")
"""Endpoints that browsers and programs ask by themselves. That isn't a use of the session, so it can still end."""
_TRIES = 100
"""Tries to store a change. When many requests try at once, one succeeds each time."""
_PAUSE_MS = 20
_BUSY = "the session is being changed by too many requests at once"


class StoredSessions(SessionInterface):
    """Flask's session interface over a store.

    If the store doesn't answer, a request gets an empty session that is `unavailable`, or StoreDown when the session
    is to be saved. Either way a page says so (`app.web.error_pages`), and the cookie stays.
    """

    def __init__(self, app: Flask, store: SessionStore) -> None:
        self.store = store
        keys = app.config["SECRET_KEY"], app.config["SECRET_KEY_FALLBACKS"]
        self._cipher = cipher(*keys)
        self._visitors = VisitorCookies(app, cipher(*keys, "visitors"))
        self._serializer = TaggedJSONSerializer()
        self._idle: timedelta = app.config["SESSION_IDLE"]

    def open_session(self, app: Flask, request: Request) -> Session:
        """Return the browser's session, or a new empty one (`lost` if its ID isn't valid any more)."""
        sid = request.cookies.get(self.get_cookie_name(app))
        if not sid:
            return self._visitor(request)
        try:
            stored = self._load(sid)
        except StoreDown:
            log.exception("a session could not be read")
            unknown = Session({})
            unknown.unavailable = True
            return unknown
        if stored is None:
            gone = self._visitor(request)
            gone.lost = True
            return gone
        return stored

    def _visitor(self, request: Request) -> Session:
        data, old = self._visitors.read(request)
        session = Session(data)
        session.modified = old
        return session

    def _load(self, sid: str) -> Session | None:
        kept = self.store.load(_hash(sid))
        if kept is None:
            return None
        try:
            written = self._cipher.decrypt(kept.data)
        except InvalidToken:  # written under a SECRET_KEY that is gone: as good as no session
            return None
        whose, data = self._read(written)
        if any(str(data.get(name, "")).startswith("arn:") for name in ("owner", "kept_for")):
            return None  # by ARN, as earlier releases named users: who that is now, nobody can tell
        ends_at = data.get("ends_at")
        if whose != _hash(sid) or (ends_at and ends_at <= datetime.now(UTC)):
            return None  # another session's contents, put under this id by someone with access to the store
        session = Session(data, sid, kept.version, lambda: self._read(written)[1])
        session.last_used_at = kept.last_used_at
        return session

    def _read(self, written: bytes) -> tuple[str, dict[str, Any]]:
        """Whose it is, and the contents. As the serializer reads, but the parser itself looks at each object."""
        whose, data = json.loads(written, object_hook=self._serializer.untag)
        return whose, data

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Store what the request changed. Set or delete the cookie if the ID changed. Raises StoreDown once."""
        session = cast("Session", session)
        response.vary.add("Cookie")
        if session.unavailable:
            return
        try:
            self._save(app, session, response)
        except StoreDown:
            session.unavailable = True  # a message about it need not be saved
            raise

    def _save(self, app: Flask, session: Session, response: Response) -> None:
        renewed = self._follow(session)
        goes = session.sid is None and not renewed and self._stays_a_visitor(session)
        if not session or goes:
            self._end(app, session, response)
            if goes and session and session.modified:
                self._visitors.write(response, session, self._cookie(app))
        elif session.sid is None:
            sid = renewed or self._create(session)
            response.set_cookie(self.get_cookie_name(app), sid, **self._cookie(app))
            self._visitors.delete(request, response, self._cookie(app))
        elif session.modified:
            self._change_at_the_end(session, session.sid)
        elif request.endpoint not in PARTS_OF_PAGES and self._is_due(session):
            self._touch(session, session.sid)

    @staticmethod
    def _is_due(session: Session) -> bool:
        """Is it time to note again that the session is used?"""
        return session.last_used_at is not None and datetime.now(UTC) - session.last_used_at > TOUCH_EVERY

    def _follow(self, session: Session) -> str:
        """Continue or end the session that this one replaces. Return its new id, "" where it was not continued."""
        if not session.replaced:
            return ""
        if not (session and session.follows):
            self._forget(session.replaced)
            return ""
        renewed = self._renewed(session, session.replaced)
        if not renewed:
            session.clear()  # ended meanwhile, by signing out elsewhere: a renewal does not restore it
        return renewed

    def _end(self, app: Flask, session: Session, response: Response) -> None:
        if session.sid:
            self._forget(session.sid)
        # An id that is not good any more may be an old one, sent late: the browser's newer cookie stays.
        if (session.sid or session.replaced) and not session.lost:
            response.delete_cookie(self.get_cookie_name(app), **self._cookie(app))

    @staticmethod
    def _stays_a_visitor(session: Session) -> bool:
        """Nothing is stored for looking at pages, nor for what the browser itself can keep."""
        looking = session.of_visitor and request.method in ("GET", "HEAD", "OPTIONS")
        return looking or set(session) <= set(KEPT)

    def _change_at_the_end(self, session: Session, sid: str) -> None:
        try:
            self._change(session, sid)
        except StoreDown:
            changed, removed = session.changes()
            if changed or removed - {"_flashes"}:
                raise
            log.exception("a message may be shown twice")

    def _touch(self, session: Session, sid: str) -> None:
        """Note that the session was used: no page fails because that could not be written."""
        try:
            self.store.touch(_hash(sid), self._seen(session))
        except StoreDown:
            log.exception("that a session was used could not be noted")

    def _renewed(self, session: Session, former: str) -> str:
        """Store it under a new id and end the former one; "" where that was ended meanwhile.

        In this order, so that ending sessions finds at least one of them. Of what is taken along the latest counts.
        What this request removed stays removed, whatever another request notes about the same thing until then.
        """
        _, removed = session.changes()
        for number in range(_TRIES):
            _pause(number)
            stored = self._load(former)
            if stored is None:
                return ""
            for key, field in session.takes_along.items():
                before, now = session.before.get(key, ABSENT), stored.get(key, ABSENT)
                if now != before and not (key in removed and _same(before, now, field)):  # another request changed it
                    session.pop(key, None)
                    if now is not ABSENT:
                        session[key] = now
            sid = self._create(session)
            if self.store.forget(_hash(former), stored.version):
                return sid
            self._forget(sid)
        raise StoreDown(_BUSY)

    def commit(self, session: Session, *, if_unchanged: bool = False) -> bool:
        """Store the changes now, not at the end of the request, for what others must see before this one continues.

        if_unchanged: only if nothing else was stored since this request read the session. Return False if it was, or
        if the session was ended. The session then holds what is stored now, if anything. Raises StoreDown.
        """
        if session.sid is None:
            return True  # nobody else has it
        stored = self._change(session, session.sid, tries=1 if if_unchanged else _TRIES)
        self.reload(session)  # others may have changed other keys meanwhile
        return stored

    def stored(self, session: Session, key: str) -> Mapping[str, Any]:
        """Return what is stored now under a key of the session, {} for nothing, and leave the session as it is.

        Raises StoreDown.
        """
        found = self._load(session.sid) if session.sid else None
        return (found.get(key) if found else None) or {}

    def reload(self, session: Session) -> None:
        """Read what is stored now, and drop the changes of this request. Raises StoreDown."""
        stored = self._load(session.sid) if session.sid else None
        session.clear()
        if stored is None:
            session.lost = True
            return
        session.update(stored)
        session.before, session.version, session.modified = stored.before, stored.version, False

    def _cookie(self, app: Flask) -> dict[str, Any]:
        return {
            "path": "/",
            "secure": self.get_cookie_secure(app),
            "httponly": True,
            "samesite": self.get_cookie_samesite(app),
        }

    def _seen(self, data: Mapping[str, Any]) -> Seen:
        """Whose session it is, from where it was last used, and until when it is good."""
        now = datetime.now(UTC)
        ends, idle_end = data.get("ends_at"), now + self._idle
        return Seen(
            owner=data.get("owner", ""),
            label=data.get("label", ""),
            address=(request.remote_addr or "")[:64],
            user_agent=request.user_agent.string[:256],
            last_used_at=now,
            expires_at=min(idle_end, ends) if ends else idle_end,
        )

    def _encrypted(self, sid: str, data: Mapping[str, Any]) -> bytes:
        """The contents, bound to their id: of no use under another."""
        return self._cipher.encrypt(self._serializer.dumps([_hash(sid), dict(data)]).encode())

    def _create(self, session: Session) -> str:
        sid = secrets.token_urlsafe(32)
        began_at = session.get("began_at") or datetime.now(UTC)
        proven = bool(session.get("owner") or session.get("kept_for"))
        seen = self._seen(session)
        self.store.create(_hash(sid), self._encrypted(sid, session), seen, began_at, stranger=not proven)
        return sid

    def _change(self, session: Session, sid: str, tries: int = _TRIES) -> bool:
        """Write the changed keys over what is stored now; False where the session was ended meanwhile."""
        changed, removed = session.changes()
        current: Session | None = session
        for number in range(tries):
            _pause(number)
            if number:
                current = self._load(sid)
            if current is None:
                return False
            data = {key: value for key, value in current.items() if key not in removed} | changed
            if self.store.change(_hash(sid), current.version, self._encrypted(sid, data), self._seen(data)):
                return True
        if tries == 1:
            return False
        raise StoreDown(_BUSY)

    def list_for(self, owner: str) -> Sequence[OpenSession]:
        """Return the open sessions of an owner (`owner_of`), latest used first. Raises StoreDown."""
        return self.store.list_for(owner)

    def end(self, owner: str, labels: Collection[str]) -> int:
        """Delete sessions of a user by their short IDs, and return how many there were. Raises StoreDown."""
        return self.store.end(owner, labels)

    def _forget(self, sid: str) -> bool:
        """True if there was something to forget."""
        return self.store.forget(_hash(sid))


def _same(one: object, other: object, field: str) -> bool:
    """Are they about the same thing, as this field of both says?"""
    if not field or not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one == other
    return bool(one.get(field) == other.get(field))


def _pause(number: int) -> None:
    """Wait a random time before another try, so that requests that arrived together don't meet again."""
    if number:
        time.sleep(secrets.randbelow(_PAUSE_MS) / 1000)


def _hash(sid: str) -> str:
    return hashlib.sha256(sid.encode()).hexdigest()
