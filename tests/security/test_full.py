"""Redis and the disk are full: new visitors are refused, signed-in users continue or see why not, nothing is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from redis.exceptions import OutOfMemoryError
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from app.db import db
from app.errors import NotRecorded
from app.web.error_pages import NOTHING_DONE
from tests.security.conftest import Entering, Guest, portal_of
from tests.support.clock import Clock
from tests.support.inside import BASE
from tests.support.people import hire
from tests.support.redis import RedisServer, redis_server
from tests.support.sandbox import Sandbox
from tests.support.visitor import refused_as


@pytest.fixture
def small() -> Iterator[RedisServer]:
    with redis_server() as running:
        yield running


def ready(app: Flask) -> dict[str, str]:
    answer = app.test_client().get("/readyz", base_url=BASE)
    told: dict[str, str] = answer.json or {}
    assert (answer.status_code == 200) == (set(told.values()) == {"ok"})
    return told


ALL_WELL = {"database": "ok", "schema": "ok", "sessions": "ok"}


def fill(redis: Redis) -> None:
    """Fill Redis until it accepts no more data."""
    with pytest.raises(OutOfMemoryError):
        for number in range(1_000_000):
            redis.set(f"junk-{number}", "x" * 100_000)
    with pytest.raises(OutOfMemoryError):
        for number in range(1_000_000):
            redis.set(f"crumb-{number}", "x")


def test_with_a_full_redis_strangers_wait_and_people_go_on(
    sandbox: Sandbox, entering: Entering, tmp_path: Path, small: RedisServer, clock: Clock
) -> None:
    url = small.database()
    app = portal_of(sandbox, tmp_path, REDIS_URL=url)
    who = hire(sandbox, "nadia")
    guest, enrolling = entering(who, app=app), entering(mfa=False, app=app)
    with Redis.from_url(url) as redis:
        before = int(redis.info("memory")["used_memory"])
        redis.config_set("maxmemory", before + 2_000_000)
        fill(redis)
        redis.config_set("maxmemory", before + 1_000_000)  # full even once Redis has freed buffers of its clients
        assert ready(app) == {**ALL_WELL, "sessions": "failing"}

        stranger = Guest(app, "192.0.2.7")
        assert stranger.open("/sign-in").status == 200, "the page does not need Redis"
        stranger.submit("/sign-in/aws")
        assert stranger.status == 503 and stranger.refused_as == "no-room"
        assert NOTHING_DONE in stranger.text

        clock.move(40)  # the session's last use is also stored
        for path in ("/", "/activity", "/mfa", "/access-keys", "/activity/sessions"):
            assert guest.open(path).status == 200, path
        guest.open("/access-keys").submit("/access-keys/create")
        assert guest.path == "/access-keys/new" and guest.at("#secret-access-key"), "the secret is kept"
        secret = guest.at("#secret-access-key")
        enrolling.open("/mfa/enroll").submit("/mfa/enroll/begin")
        assert enrolling.seed() == enrolling.open("/mfa/enroll").seed() != ""
        colleague = Guest(app, "192.0.2.8")
        assert colleague.sign_in(hire(sandbox, "olga")).path == "/", "AWS accepted their key"

        redis.delete(*redis.keys("junk-*"))
        assert ready(app) == ALL_WELL
        token = {"csrf_token": stranger.token()}
        assert stranger.ask("POST", "/sign-in/aws", token).status_code == 303
    clock.move(15)
    guest.open("/access-keys/new").submit("/access-keys/new", last_characters=secret[-6:])
    assert guest.path == "/access-keys" and guest.notices == ["success"]


@contextmanager
def full(app: Flask) -> Iterator[None]:
    """The portal's database has no free page and can't grow."""
    with app.app_context():
        engine = db.engine

    def small(connection: object, _: object) -> None:
        connection.execute("PRAGMA max_page_count=1")  # type: ignore[attr-defined]  # sqlite3's

    with engine.begin() as connection:
        connection.execute(text("create table junk (it text)"))
    engine.dispose()
    event.listen(engine, "connect", small)
    for size in (100_000, 3_000, 10):
        with pytest.raises(OperationalError, match="full"):
            for _ in range(10_000):
                with engine.begin() as connection:
                    connection.execute(text("insert into junk values (:it)"), {"it": "x" * size})
    try:
        yield
    finally:
        event.remove(engine, "connect", small)
        engine.dispose()
        with engine.begin() as connection:
            connection.execute(text("drop table junk"))


def test_with_a_full_disk_nothing_changes_that_cannot_be_recorded(
    sandbox: Sandbox, entering: Entering, tmp_path: Path, clock: Clock
) -> None:
    app = portal_of(sandbox, tmp_path)
    who = hire(sandbox, "nadia")
    guest = entering(who, app=app)
    assert ready(app) == ALL_WELL
    guest.open("/access-keys")

    def keys() -> set[str]:
        listed = sandbox.as_administrator("iam").list_access_keys(UserName=who.name)["AccessKeyMetadata"]
        return {key["AccessKeyId"] for key in listed}

    with full(app):
        told = ready(app)
        assert told == {"database": "failing", "schema": "ok", "sessions": "failing"}
        clock.move(40)
        for path in ("/", "/activity", "/mfa", "/access-keys"):
            assert guest.open(path).status == 200, path
        for number in range(20):  # the pages of the audit log still have some room
            before = keys()
            if number % 2:
                guest.open(f"/access-keys/delete?id={guest.at('#access-key-id')}").submit("/access-keys/delete")
            else:
                guest.open("/access-keys").submit("/access-keys/create")
            if guest.status == 503:
                break
            assert keys() != before, guest.text
        assert (guest.status, guest.refused_as) == (503, NotRecorded.code), guest.text
        assert keys() == before
        answers = []
        for number in range(20):
            stranger = Guest(app, f"192.0.2.{number}")
            answers.append(stranger.ask("POST", "/sign-in/aws", {"csrf_token": stranger.token()}))
        assert answers[-1].status_code == 503
        assert refused_as(answers[-1].text) == "no-room"
    assert ready(app) == ALL_WELL
    clock.move(30)
    guest.open("/activity/sessions")
    assert guest.status == 200 and guest.path == "/activity/sessions", "still signed in"
    with app.app_context():
        db.engine.dispose()
