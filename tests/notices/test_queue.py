"""The queue in Redis says that there's something to do, in JSON. What else is put there does nothing."""

from __future__ import annotations

import json
import pickle
from datetime import timedelta

import pytest
from huey import RedisHuey
from sqlalchemy import update

from app.notices.models import NoticeRow
from app.notices.pruning import prune
from app.notices.queue import SEND, Bell, open_queue
from tests.notices.conftest import Office, notice, now
from tests.support.redis import RedisServer


@pytest.fixture
def url(redis: RedisServer) -> str:
    return redis.database()


class Trap:
    """What a pickle can do to the program that reads it."""

    def __reduce__(self) -> tuple[object, ...]:
        return pytest.fail, ("the pickle was read",)


def test_a_page_wakes_a_worker_once(url: str) -> None:
    calls: list[str] = []
    queue = open_queue(url)
    queue.task(name=SEND)(lambda: calls.append(SEND))
    bell = Bell(url)
    bell.ring()
    bell.ring()
    assert queue.pending_count() == 1, "one message wakes a worker, and it sends all there is"
    (message,) = queue.storage.enqueued_items()
    assert json.loads(message)[1] == f"app.notices.worker.{SEND}"


def test_what_is_no_task_of_ours_is_not_read(url: str) -> None:
    queue = open_queue(url)
    assert isinstance(queue, RedisHuey)
    for planted in (pickle.dumps(Trap()), b'["id", "os.system"]', b"[]", b"\xff"):
        queue.storage.enqueue(planted)
        with pytest.raises(Exception, match=r"not found in TaskRegistry|not enough values|decode|Expecting value"):
            queue.dequeue()
    assert queue.dequeue() is None


def test_without_redis_or_if_it_is_away_nothing_breaks(url: str) -> None:
    Bell("").ring()
    Bell("redis://127.0.0.1:9/0").ring()


def test_old_notices_are_removed_unless_they_wait(office: Office) -> None:
    office.write(notice("old"), notice("new"), notice("waits"))
    year_ago = now() - timedelta(days=365)
    with office.engine.begin() as connection:
        old = NoticeRow.user_name.in_(("old", "waits"))
        connection.execute(update(NoticeRow).where(old).values(created_at=year_ago))
        connection.execute(update(NoticeRow).where(NoticeRow.user_name != "waits").values(state="sent"))
    assert prune(office.engine, now() - timedelta(days=30)) == 1
    assert office.states() == [("sent", ""), ("waiting", "")]
