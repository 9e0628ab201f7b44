"""Sessions in Redis, for many replicas: a hash each, and two indexes by the time they end.

What must happen at once is a script, which Redis runs alone: so of many that compare and set, one succeeds. The
client repeats nothing: a lost answer is reported as one. Times to live are counted by Redis, from now; the absolute
end beside them is looked at too, so that neither clock alone keeps a session open.

Where Redis has reached its `maxmemory`, visitors get no new session, and users AWS has vouched for continue: their
scripts may write all the same. They are as many as people, so it stays a little. This takes Redis 7 or newer.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from redis.retry import Retry

from app.sessions.stores import MOST_STRANGERS, Kept, OpenSession, Seen, StoreDown, StoreFull

log = logging.getLogger(__name__)

PREFIX = "latchkey:"
EVERYONES = PREFIX + "sessions"
"""All sessions, by the time they end: for counting."""
PATIENCE = {"socket_connect_timeout": 2.0, "socket_timeout": 2.0}
"""Seconds: longer than an answer ever takes, shorter than a person waits."""

# KEYS: session, everyone's, owner's; ARGV: id, ms to live, end, now, field, value...
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
# Redis 7 reads a script's first line: without the flag it is refused as a whole where memory is at its limit. Only a
# stranger's is. (A script without such a line is refused at its first write that needs memory, or not at all once it
# has written anything.)
_REFUSED_WHEN_FULL, _ALLOWED_WHEN_FULL = "#!lua\n", "#!lua flags=allow-oom\n"
_CREATE = _ALLOWED_WHEN_FULL + _WRITE
# As above, and the last of ARGV: how many strangers there may be
_CREATE_STRANGER = (
    _REFUSED_WHEN_FULL
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', ARGV[4])
if redis.call('ZCARD', KEYS[3]) >= tonumber(table.remove(ARGV)) then return 0 end
"""
    + _WRITE
)
_CHANGE = (
    _ALLOWED_WHEN_FULL
    + """
if redis.call('HGET', KEYS[1], 'version') ~= ARGV[#ARGV] then return 0 end
ARGV[#ARGV] = ARGV[#ARGV] + 1
"""
    + _WRITE
)
_TOUCH = _ALLOWED_WHEN_FULL + "if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end" + _WRITE
# KEYS: session, everyone's, owner's; ARGV: id, version or nothing
_FORGET = """
if ARGV[2] ~= '' and redis.call('HGET', KEYS[1], 'version') ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
return redis.call('DEL', KEYS[1])
"""
# KEYS: anything; ARGV: what is to be kept a moment
_CHECK = _REFUSED_WHEN_FULL + "redis.call('SET', KEYS[1], ARGV[1], 'PX', 1000) return redis.call('DEL', KEYS[1])"
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
        self._create, self._create_stranger, self._change, self._touch, self._forget, self._end, self._check = (
            redis.register_script(text)
            for text in (_CREATE, _CREATE_STRANGER, _CHANGE, _TOUCH, _FORGET, _END, _CHECK)
        )

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except OutOfMemoryError as error:
            raise StoreFull("Redis has reached its maxmemory") from error
        except ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                raise ValueError("this is no session") from error
            raise StoreDown("Redis cannot be used") from error
        except RedisError as error:
            raise StoreDown("Redis cannot be used") from error

    def load(self, id_hash: str) -> Kept | None:
        """As SessionStore says, and so below."""
        try:
            with self._answering():
                found: Any = self._redis.hmget(_key(id_hash), "data", "version", "last_used_at", "expires_at")
            data, version, last_used_at, expires_at = found
            if data is None or _time(expires_at) <= datetime.now(UTC):
                return None
            return Kept(data, _number(version), _time(last_used_at))
        except _NOT_OURS:
            log.warning("a session in Redis cannot be read")
            return None

    def create(self, id_hash: str, data: bytes, seen: Seen, began_at: datetime, *, stranger: bool = False) -> None:
        """Redis forgets ended sessions by itself. data: encrypted. Raises StoreFull."""
        written = _written(id_hash, seen, began_at=_text(began_at), data=data, version=0)
        with self._answering():
            if not stranger:
                self._create(**written)
                return
            kept = self._create_stranger(keys=written["keys"], args=[*written["args"], MOST_STRANGERS])
        if not kept:
            raise StoreFull("there are as many strangers as there may be")

    def change(self, id_hash: str, version: int, data: bytes, seen: Seen) -> bool:
        """The script compares `version` before it writes. data: encrypted."""
        with self._answering():
            return bool(self._change(**_written(id_hash, seen, data=data, version=version)))

    def touch(self, id_hash: str, seen: Seen) -> None:
        """Leaves contents and version as they are."""
        with self._answering():
            self._touch(**_written(id_hash, seen))

    def forget(self, id_hash: str, version: int | None = None) -> bool:
        """DEL tells one caller that the session was there. version: None for any."""
        with self._answering():
            owner: Any = self._redis.hget(_key(id_hash), "owner")
            keys = [_key(id_hash), EVERYONES, _index((owner or b"").decode())]
            return bool(self._forget(keys=keys, args=[id_hash, "" if version is None else version]))

    def list_for(self, owner: str) -> Sequence[OpenSession]:
        """Uses the owner's index, and leaves out what Redis has forgotten by now."""
        with self._answering():
            ids: Any = self._redis.zrange(_index(owner), 0, -1)
            with self._redis.pipeline(transaction=False) as pipeline:
                for one in ids:
                    pipeline.hmget(_key(one.decode()), *_SHOWN)
                rows: Any = pipeline.execute(raise_on_error=False)
        mine = [shown for row in rows if (shown := _shown(row, owner))]
        return sorted(mine, key=lambda one: one.last_used_at, reverse=True)

    def end(self, owner: str, labels: Collection[str]) -> int:
        """Ends only sessions of this owner, whatever labels are asked for."""
        with self._answering():
            ids: Any = self._redis.zrange(_index(owner), 0, -1)
            keys = [(_key(one.decode()), EVERYONES, _index(owner)) for one in ids]
            return sum(
                int(self._end(keys=key, args=[one, owner, *labels])) for key, one in zip(keys, ids, strict=True)
            )

    def count(self) -> int:
        """Uses the index of all sessions."""
        with self._answering():
            counted: Any = self._redis.zcount(EVERYONES, datetime.now(UTC).timestamp(), "+inf")
            return int(counted)

    def check(self) -> None:
        """Uses a name that exists for this moment only."""
        with self._answering():
            self._check(keys=[f"{PREFIX}check:{secrets.token_hex(16)}"], args=["x" * 2048])

    def disconnect(self) -> None:
        """Closes all connections of the pool."""
        self._redis.connection_pool.disconnect()


def _key(id_hash: str) -> str:
    return f"{PREFIX}session:{id_hash}"


def _index(owner: str) -> str:
    return f"{PREFIX}sessions-of:{hashlib.sha256(owner.encode()).hexdigest()}"


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()


def _time(text: bytes) -> datetime:
    return datetime.fromisoformat(text.decode()).astimezone(UTC)


def _number(text: bytes) -> int:
    if not text.isdigit():
        raise ValueError("no version of ours")
    return int(text)


_NOT_OURS = (AttributeError, TypeError, ValueError)
"""What reading raises where another program has written. That isn't a session."""
_SHOWN = ("owner", "label", "began_at", "last_used_at", "address", "user_agent", "expires_at")


def _shown(row: Any, owner: str) -> OpenSession | None:
    """A session as its owner sees it. None if it is over, not theirs, or not a session."""
    try:
        found = dict(zip(_SHOWN, row, strict=True))
        if found["owner"] != owner.encode() or _time(found["expires_at"]) <= datetime.now(UTC):
            return None
        label, address, user_agent = (found[name].decode() for name in ("label", "address", "user_agent"))
        return OpenSession(label, _time(found["began_at"]), _time(found["last_used_at"]), address, user_agent)
    except _NOT_OURS:
        return None


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
