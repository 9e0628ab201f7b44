"""Sessions in Redis, for many replicas: a hash each, and two indexes by the time they end.

What must happen at once is a script, which Redis runs alone: so of many that compare and set, one succeeds. The
client repeats nothing: a lost answer is told as such. Times to live are counted by Redis, from now; the absolute
end beside them is looked at too, so that neither clock alone keeps a session open.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app.stores import Kept, OpenSession, Seen, StoreDown

PREFIX = "latchkey:"
EVERYONES = PREFIX + "sessions"
"""All sessions, by the time they end: for counting."""
PATIENCE = {"socket_connect_timeout": 2.0, "socket_timeout": 2.0}
"""Seconds: longer than an answer ever takes, shorter than a person waits."""

# KEYS: session, everyone's, owner's (everyone's again for nobody's); ARGV: id, ms to live, end, now, field, value...
_WRITE = """
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
for number = 2, 3 do
  redis.call('ZREMRANGEBYSCORE', KEYS[number], '-inf', ARGV[4] - 600)
  redis.call('ZADD', KEYS[number], ARGV[3], ARGV[1])
  if redis.call('PTTL', KEYS[number]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[number], ARGV[2]) end
end
return 1
"""
_CREATE = "redis.call('DEL', KEYS[1])" + _WRITE
_CHANGE = (
    """
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[#ARGV] then return 0 end
ARGV[#ARGV] = ARGV[#ARGV] + 1
"""
    + _WRITE
)
_TOUCH = "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end" + _WRITE
# KEYS: session, everyone's, owner's; ARGV: id, version or nothing
_FORGET = """
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'version') ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return redis.call('DEL', KEYS[1])
"""
# KEYS: session, everyone's, owner's; ARGV: id, owner, labels...
_END = """
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[2] then return 0 end
local label = redis.call('HGET', KEYS[1], 'label')
for number = 3, #ARGV do
  if ARGV[number] == label then
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('ZREM', KEYS[3], ARGV[1])
    return redis.call('DEL', KEYS[1])
  end
end
return 0
"""


def connect(url: str) -> Redis:
    """A pool of connections, made when first used: each worker has its own."""
    return Redis.from_url(url, retry=Retry(NoBackoff(), 0), health_check_interval=0, **PATIENCE)


class RedisStore:
    """Sessions in a Redis that is this portal's own (or a numbered database of one)."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._create, self._change, self._touch, self._forget, self._end = (
            redis.register_script(text) for text in (_CREATE, _CHANGE, _TOUCH, _FORGET, _END)
        )

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            raise StoreDown("Redis cannot be used") from error

    def load(self, id_hash: str) -> Kept | None:
        """As SessionStore says, and so below."""
        with self._answering():
            found: Any = self._redis.hmget(_key(id_hash), "data", "version", "last_used_at", "expires_at")
        data, version, last_used_at, expires_at = found
        if data is None or _time(expires_at) <= datetime.now(UTC):
            return None
        return Kept(data, int(version), _time(last_used_at))

    def create(self, id_hash: str, data: bytes, seen: Seen, began_at: datetime) -> None:
        """Nothing need be swept: Redis forgets what is over."""
        with self._answering():
            self._create(**_written(id_hash, seen, began_at=_text(began_at), data=data, version=0))

    def change(self, id_hash: str, version: int, data: bytes, seen: Seen) -> bool:
        """The script compares the version, its last value, before it writes."""
        with self._answering():
            return bool(self._change(**_written(id_hash, seen, data=data, version=version)))

    def touch(self, id_hash: str, seen: Seen) -> None:
        """Contents and version stay."""
        with self._answering():
            self._touch(**_written(id_hash, seen))

    def forget(self, id_hash: str, version: int | None = None) -> bool:
        """DEL tells one caller that it was there."""
        with self._answering():
            owner: Any = self._redis.hget(_key(id_hash), "owner")
            keys = [_key(id_hash), EVERYONES, _index((owner or b"").decode())]
            return bool(self._forget(keys=keys, args=[id_hash, "" if version is None else version]))

    def of(self, owner: str) -> Sequence[OpenSession]:
        """By the owner's index; what Redis has forgotten by now is left out."""
        fields = ("owner", "label", "began_at", "last_used_at", "address", "user_agent", "expires_at")
        with self._answering():
            ids: Any = self._redis.zrange(_index(owner), 0, -1)
            with self._redis.pipeline(transaction=False) as pipeline:
                for one in ids:
                    pipeline.hmget(_key(one.decode()), *fields)
                found = [dict(zip(fields, row, strict=True)) for row in pipeline.execute()]
        now = datetime.now(UTC)
        mine = [
            OpenSession(
                row["label"].decode(),
                _time(row["began_at"]),
                _time(row["last_used_at"]),
                row["address"].decode(),
                row["user_agent"].decode(),
            )
            for row in found
            if row["owner"] == owner.encode() and _time(row["expires_at"]) > now
        ]
        return sorted(mine, key=lambda one: one.last_used_at, reverse=True)

    def end(self, owner: str, labels: Collection[str]) -> int:
        """Theirs only, whatever labels are asked for."""
        with self._answering():
            ids: Any = self._redis.zrange(_index(owner), 0, -1)
            keys = [(_key(one.decode()), EVERYONES, _index(owner)) for one in ids]
            return sum(
                int(self._end(keys=key, args=[one, owner, *labels])) for key, one in zip(keys, ids, strict=True)
            )

    def count(self) -> int:
        """By the index of all."""
        with self._answering():
            counted: Any = self._redis.zcount(EVERYONES, datetime.now(UTC).timestamp(), "+inf")
            return int(counted)

    def check(self) -> None:
        """Does it answer, and to us?"""
        with self._answering():
            self._redis.ping()

    def disconnect(self) -> None:
        """All of the pool's."""
        self._redis.connection_pool.disconnect()


def _key(id_hash: str) -> str:
    return f"{PREFIX}session:{id_hash}"


def _index(owner: str) -> str:
    return f"{PREFIX}sessions-of:{hashlib.sha256(owner.encode()).hexdigest()}" if owner else EVERYONES


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()


def _time(text: bytes) -> datetime:
    return datetime.fromisoformat(text.decode())


def _written(id_hash: str, seen: Seen, **values: Any) -> dict[str, Any]:
    """Keys and arguments of a script that writes; `version`, where it is among `values`, is the last argument."""
    now = datetime.now(UTC)
    beside = {
        "owner": seen.owner,
        "label": seen.label,
        "address": seen.address,
        "user_agent": seen.user_agent,
        "last_used_at": _text(seen.last_used_at),
        "expires_at": _text(seen.expires_at),
    }
    lives_ms = max(1, int((seen.expires_at - now).total_seconds() * 1000))
    fields = [part for pair in {**beside, **values}.items() for part in pair]
    return {
        "keys": [_key(id_hash), EVERYONES, _index(seen.owner)],
        "args": [id_hash, lives_ms, int(seen.expires_at.timestamp()) + 1, int(now.timestamp()), *fields],
    }
