"""Conditions of a machine and of its services, each asked for by its own check."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
from redis import Redis
from sqlalchemy import create_engine, text

from app.doctor import bundle, database, keys, machine, notices, packages, redis
from app.doctor.settings import Settings, read
from tests.support.databases import GOOD, make_database
from tests.support.postgres import Postgres
from tests.support.redis import RedisServer

MAIL = {"SMTP_SERVER": "127.0.0.1:2525", "SMTP_SECURITY": "plain-on-network", "SMTP_FROM": "latchkey@example.com"}


def settings(**more: str) -> Settings:
    return read({**GOOD, **more})


def codes(found: Iterator[object]) -> set[str]:
    return {str(getattr(finding, "code", "")) for finding in found}


class Usage(NamedTuple):
    """As `shutil.disk_usage` answers."""

    total: int
    used: int
    free: int


@pytest.mark.parametrize(
    ("total", "free", "code"),
    [
        (100 * 2**30, 50 * 2**30, "disk-enough"),
        (100 * 2**30, 2**29, "disk-low"),
        (2**30, 2**29, "disk-enough"),  # a small disk that is half empty
        (100 * 2**30, 2**20, "disk-full"),
    ],
)
def test_room_on_a_disk(monkeypatch: pytest.MonkeyPatch, total: int, free: int, code: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(total, total - free, free))
    found = codes(machine.check(settings(DATABASE_URL="sqlite://")))
    assert code in found and found.isdisjoint({"disk-enough", "disk-low", "disk-full"} - {code})


def test_packages_are_compared_with_the_lock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lock = tmp_path / "requirements-serve.lock"
    monkeypatch.setattr(packages, "LOCK", lock)
    assert codes(packages.check()) == {"versions-unknown"}
    here = version("flask")
    lock.write_text(
        f"flask==0.1 ; python_full_version < '3.0' \\\n    --hash=sha256:00\nflask=={here} \\\n"
        "for-another-system==1.0 ; sys_platform == 'no-such'\n"
    )
    assert codes(packages.check()) == {"versions-locked"}
    lock.write_text("flask==0.1 \\\n    --hash=sha256:00\nno-such-package==1.0\n")
    missing, differ = packages.check()
    assert (missing.code, missing.facts["packages"]) == ("package-missing", ["no-such-package"])
    assert (differ.code, differ.facts["packages"]) == ("versions-differ", [f"flask {here}"])
    assert all("-r " in each.fix and lock.name in each.fix for each in (missing, differ))


def test_a_secret_in_a_file_that_was_written_long_ago(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t" * 40)
    file.chmod(0o400)
    more = {"METRICS_TOKEN_FILE": str(file)}
    now = datetime.now(UTC)
    assert "secret-file-old" not in codes(keys.check(settings(**more), None, now))
    long_ago = (now - timedelta(days=400)).timestamp()
    os.utime(file, (long_ago, long_ago))
    [found] = [each for each in keys.check(settings(**more), None, now) if each.code == "secret-file-old"]
    assert found.facts["setting"] == "METRICS_TOKEN_FILE" and str(file) not in found.says


def test_notices_that_are_not_sent(tmp_path: Path) -> None:
    make_database(tmp_path / "portal.db")
    engine, now = create_engine(f"sqlite:///{tmp_path / 'portal.db'}"), datetime.now(UTC)
    add = (
        "insert into notices (message_id, idempotency_key, channel, account_id, user_name, user_id, audience, kind, "
        "data, urgent, state, attempts, unsure, not_before, lease_by, created_at, sent_to, last_error) values "
        "(:id, :id, 'mail', '', '', '', 'user', 'x', '{}', 0, :state, 0, 0, :at, '', :at, '', '')"
    )
    with engine.begin() as connection:
        for state, minutes in (("dead", 1), ("waiting", 20)):
            at = (now - timedelta(minutes=minutes)).strftime("%Y-%m-%d %H:%M:%S.%f")
            connection.execute(text(add), {"id": state, "state": state, "at": at})
    found = codes(notices.check(settings(**MAIL), engine, now))
    engine.dispose()
    assert found == {"notices-no-worker", "notices-failed", "notices-late", "mail-unencrypted"}


def test_redis_that_is_full_or_would_remove_sessions(redis_server_of_ours: RedisServer) -> None:
    url = redis_server_of_ours.database()
    with Redis.from_url(url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        client.config_set("maxmemory", "100mb")
        try:
            assert "redis-evicts" in codes(redis.check(settings(REDIS_URL=url)))
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", "1")
            assert codes(redis.check(settings(REDIS_URL=url))) == {"redis-full"}
        finally:
            client.config_set("maxmemory", "0")
            client.config_set("maxmemory-policy", "noeviction")


@pytest.fixture
def redis_server_of_ours(redis: RedisServer) -> RedisServer:
    """Under another name: a module here is called `redis` as well."""
    return redis


def test_postgresql(postgresql: Postgres) -> None:
    """Its clock is the real one here, while ours was moved by earlier tests, so both outcomes are right."""
    given = settings(DATABASE_URL=postgresql.database("doctor"))
    with database.opened(given) as engine:
        assert engine
        found = codes(database.check(given, engine))
        assert found - {"clock-database"} == {"schema-missing"}
        about = bundle.Bundle()
        about.collect(given, engine)
        elsewhere = engine.url.set(host="db.example.com")
        with engine.connect() as connection:
            [told] = database._encryption(connection, elsewhere)
    assert told.code == "database-unverified" and told.facts == {"encrypted": False}
    assert about._database["kind"] == "postgresql" and about._database["rows"] == {}
