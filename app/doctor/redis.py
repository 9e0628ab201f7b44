"""Does Redis answer, is it new enough, and does it keep what it's given?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from app.doctor.clocks import far_apart
from app.doctor.database import is_local
from app.doctor.finding import Finding
from app.doctor.packages import unloadable
from app.doctor.settings import Settings
from app.sessions.stores import StoreDown, StoreFull

OLDEST = 7
_KEEPS = "noeviction"


def check(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with the Redis that REDIS_URL names."""
    url = settings.of("REDIS_URL")
    if not url:
        if url is not None:
            yield Finding("redis-none", "REDIS_URL isn’t set: sessions are in the database.")
        return
    try:
        from redis.exceptions import RedisError  # noqa: PLC0415 # its client is slow to load

        from app.sessions.stores.redis import RedisStore, connect  # noqa: PLC0415 # as above
    except ImportError as error:
        yield unloadable(error, "REDIS_URL")
        return
    parts = urlsplit(url)
    if parts.scheme == "redis" and not is_local(parts.hostname):
        message = "The connection to Redis isn’t encrypted."
        yield Finding("redis-unencrypted", message, "Use rediss:// in REDIS_URL.")
    client = connect(url)
    try:
        RedisStore(client).check()
        theirs = datetime.fromtimestamp(client.time()[0], UTC)
    except StoreFull:
        yield Finding("redis-full", "Redis has no room left.", "Raise its maxmemory, or remove what else is in it.")
        return
    except (StoreDown, RedisError) as error:
        name = type(error.__cause__ or error).__name__
        fix = "Check REDIS_URL, that Redis runs, and that this machine may connect to it."
        yield Finding("redis-unreachable", f"Redis doesn’t answer, or refuses us ({name}).", fix, {"error": name})
        return
    try:
        yield from judged(client.info())
    except RedisError:
        yield Finding("redis-not-told", "Redis works, but doesn’t tell its version: the command INFO isn’t allowed.")
    finally:
        client.close()
    if seconds := far_apart(theirs, datetime.now(UTC)):
        message = f"The clock of Redis’s machine differs from this machine’s by {abs(seconds)} seconds."
        yield Finding("clock-redis", message, "Set both clocks by the same time service.", {"seconds": seconds})


def judged(info: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the answer to INFO shows."""
    version, policy = str(info.get("redis_version", "")), str(info.get("maxmemory_policy", ""))
    facts = {"version": version, "maxmemory_policy": policy}
    major = version.partition(".")[0]
    if not major.isdigit() or int(major) < OLDEST:
        yield Finding("redis-old", f"This Redis is too old ({version}).", f"Use Redis {OLDEST} or newer.", facts)
    if policy not in ("", _KEEPS):
        message = f"A full Redis would remove sessions (maxmemory-policy {policy}), so users would be signed out."
        yield Finding("redis-evicts", message, f"Set maxmemory-policy {_KEEPS} in Redis.", facts)
    yield Finding("redis-works", f"Redis {version} answers and accepts writes.", facts=facts)
