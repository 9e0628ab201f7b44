"""The store of sessions, in the database and in Redis, and a portal on each of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response
from sqlalchemy import text

from app.db import db
from app.sessions.session import Session
from tests.support.inside import cookie, get, portal_at, post, sessions_of
from tests.support.redis import RedisServer, contents


@dataclass
class Store:
    """One of the two."""

    settings: dict[str, str]

    def contents(self, portal: Flask) -> bytes:
        """All that a thief of it would have."""
        if url := self.settings.get("REDIS_URL"):
            return contents(url)
        with portal.app_context(), db.engine.connect() as connection:
            connection.execute(text("pragma wal_checkpoint(truncate)"))
            return Path(db.engine.url.database or "").read_bytes()


@pytest.fixture(params=["database", "redis"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "database":
        return Store({})
    running: RedisServer = request.getfixturevalue("redis")
    return Store({"REDIS_URL": running.database()})


@pytest.fixture
def portal(tmp_path: Path, store: Store) -> Iterator[Flask]:
    app = portal_at(tmp_path / "portal.db", **store.settings)
    yield app
    with app.app_context():
        db.engine.dispose()


def hashed(sid: str) -> bytes:
    return hashlib.sha256(sid.encode()).hexdigest().encode()


def stored(portal: Flask) -> int:
    with portal.app_context():
        return sessions_of(portal).store.count()


@contextmanager
def signed_in_somewhere(portal: Flask) -> Iterator[Callable[[], Session]]:
    """Inside a request of someone who is signed in; gives the session as further requests of theirs have it."""
    client = portal.test_client()
    post(client, "/test/enter")
    with portal.test_request_context("/", headers={"Cookie": f"latchkey-8000={cookie(client)}"}) as context:
        yield lambda: sessions_of(portal).open_session(portal, context.request)


def seen_with(portal: Flask, answer: Response) -> Any:
    """What a browser that took the answer's cookie has in its session."""
    sid = answer.headers["Set-Cookie"].partition("=")[2].partition(";")[0]
    return get(portal.test_client(use_cookies=False), "/test/see", sid).json
