"""The task queue that workers run on: Huey.

A task only says that there is work. The tables say which, so losing a task, with a process or Redis, loses nothing.
With REDIS_URL, all workers share a queue in Redis, and a page can wake them. Without it, each worker has a queue in
memory, and checks the tables each second.
"""

from __future__ import annotations

import json
import logging
import uuid

from huey import Huey, MemoryHuey, RedisHuey
from huey.registry import Message
from huey.serializer import Serializer
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)
NAME = "latchkey"
SEND, SCHEDULES = "send", "run-schedules"
"""The tasks: send due notices, and run due jobs."""
_MODULE = "app.notices.worker"
_PATIENCE_S = 2.0
"""Seconds to wait for Redis."""


class NamesOnly(Serializer):
    """Tasks as JSON: an ID and a name, since ours have no arguments. Huey's own unpickles whatever is in Redis."""

    def _serialize(self, data: Message) -> bytes:
        return json.dumps([data.id, data.name]).encode()

    def _deserialize(self, data: bytes) -> Message:
        task_id, name = json.loads(data)
        return Message(str(task_id), str(name), retries=0, retry_delay=0, args=(), kwargs={})


def open_queue(redis_url: str) -> Huey:
    """Return the queue. redis_url: "" for one in the memory of this process."""
    settings = {"results": False, "serializer": NamesOnly()}
    if not redis_url:
        return MemoryHuey(NAME, **settings)
    pool = ConnectionPool.from_url(
        redis_url,
        socket_timeout=_PATIENCE_S,
        socket_connect_timeout=_PATIENCE_S,
        retry=Retry(NoBackoff(), 0),
    )
    return RedisHuey(NAME, connection_pool=pool, read_timeout=1, **settings)


class Bell:
    """Wakes a worker after notices were written."""

    def __init__(self, redis_url: str) -> None:
        """redis_url: "" for none. Then nothing is woken: workers check each second."""
        self._queue = open_queue(redis_url) if redis_url else None

    def ring(self) -> None:
        """Wake a worker. Without Redis, or if it doesn't answer, a worker notices within a second."""
        if not self._queue:
            return
        try:
            if self._queue.pending_count() == 0:
                task = Message(uuid.uuid4().hex, f"{_MODULE}.{SEND}")
                self._queue.storage.enqueue(self._queue.serializer.serialize(task))
        except RedisError as error:
            log.warning("no worker could be woken: %s", type(error).__name__)
