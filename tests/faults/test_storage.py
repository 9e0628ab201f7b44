"""Database and Redis fail, stall or lose their data: pages say so, and no change goes unrecorded. All recovers."""

from __future__ import annotations

import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import NullPool, create_engine, text

from app.errors import NotRecorded
from app.web.error_pages import NOTHING_DONE
from tests.faults.people import Inside
from tests.support.clock import Clock
from tests.support.portal import Portal
from tests.support.replicas import Replicas
from tests.support.visitor import Visitor
from tests.support.waiting import wait_until


def ready(portal: Portal) -> tuple[int, dict[str, str]]:
    try:
        with urllib.request.urlopen(f"{portal.url}/readyz", timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@contextmanager
def while_making_a_key(inside: Inside, latency_ms: int = 1500) -> Iterator[Future[Visitor]]:
    """AWS creates an access key, slowly. The body of the `with` runs meanwhile."""
    sandbox = inside.employee.sandbox
    inside.page.open("/access-keys")
    sandbox.set_faults([{"action": "iam:CreateAccessKey", "fault": "latency", "latency_ms": latency_ms}])
    with ThreadPoolExecutor(1) as pool:
        making = pool.submit(inside.page.submit, "/access-keys/create")
        wait_until(lambda: sandbox.begun("iam:CreateAccessKey") > 0)
        yield making
        making.result()


def test_redis_goes_away_and_comes_back_empty(inside: Inside, many: Replicas) -> None:
    page = inside.page.open("/access-keys")
    many.redis.stop()
    assert ready(many.first) == (503, {"database": "ok", "schema": "ok", "sessions": "failing"})
    page.submit("/access-keys/create")
    assert (page.status, page.refused_as) == (503, "not-ready")
    assert NOTHING_DONE in page.text and page.headers["X-Request-Id"] in page.text
    assert "Set-Cookie" not in page.headers, "the session may be there again in a moment"
    assert len(inside.keys()) == 1
    assert page.open("/sign-in").status == 503
    many.redis.start()
    assert ready(many.first)[0] == 200
    assert page.open("/access-keys").path == "/sign-in" and page.refused_as == "session-ended"
    assert inside.enter().path == "/access-keys", "without a restart, and on the page the user wanted"


def test_redis_stalls(inside: Inside, many: Replicas) -> None:
    many.redis.pause()
    try:
        began = time.monotonic()
        assert inside.page.open("/").status == 503
        assert time.monotonic() - began < 15
    finally:
        many.redis.resume()
    assert inside.page.open("/access-keys").path == "/access-keys", "the session was there all along"


def test_redis_dies_while_a_key_is_made(inside: Inside, many: Replicas) -> None:
    with while_making_a_key(inside) as making:
        many.redis.stop()
        page = making.result()
    (orphan,) = set(inside.keys()) - {inside.employee.access_key_id}
    assert page.status == 503 and page.states == [f"secret-may-be-lost:{orphan}"]
    many.redis.start()
    assert inside.phases("access-key-created") == ["intended", "done"]
    inside.enter().open("/access-keys")
    assert f"secret-lost:{orphan}" in page.states
    page.submit(f"/access-keys/lost?id={orphan}")
    assert inside.keys() == [inside.employee.access_key_id], "with one click"


def test_the_database_goes_away_and_comes_back(inside: Inside, many: Replicas) -> None:
    page = inside.page.open("/access-keys")
    many.database.stop()
    assert ready(many.first) == (503, {"database": "failing", "schema": "unknown", "sessions": "ok"})
    page.submit("/access-keys/create")
    assert (page.status, page.refused_as) == (503, NotRecorded.code)
    assert page.open("/").status == 503 and page.refused_as == "not-ready"
    assert page.at("main a[href='/']"), "to try again"
    many.database.start()
    assert len(inside.keys()) == 1, "no entry, no change"
    assert ready(many.first)[0] == 200
    page.open("/access-keys")
    assert page.path == "/access-keys", "still signed in"
    page.submit("/access-keys/create")
    assert page.path == "/access-keys/new" and inside.phases("access-key-created") == ["intended", "done"]


def test_the_database_dies_while_a_key_is_made(inside: Inside, many: Replicas, clock: Clock) -> None:
    with while_making_a_key(inside) as making:
        many.database.stop()
        page = making.result()
    assert page.path == "/access-keys/new" and page.at("#secret-access-key"), (
        "the person has the secret that AWS made"
    )
    many.database.start()
    assert inside.phases("access-key-created") == ["intended"]
    clock.move(61)
    page.open("/access-keys")
    assert inside.phases("access-key-created") == ["intended", "found-done"], "AWS was asked, the outcome is recorded"


def test_the_database_is_slow(inside: Inside, many: Replicas) -> None:
    page = inside.page.open("/access-keys")
    engine = create_engine(many.first.environment["DATABASE_URL"], poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("lock table activity_heads in exclusive mode"))
        page.submit("/access-keys/create")
        assert (page.status, page.refused_as) == (503, NotRecorded.code)
    assert len(inside.keys()) == 1
    page.open("/access-keys")
    assert page.submit("/access-keys/create").path == "/access-keys/new"
    engine.dispose()


def test_a_replica_that_is_stopped_finishes_what_it_began(inside: Inside, many: Replicas) -> None:
    last = many.portals[-1]
    inside.page.urls = [last.url]
    with while_making_a_key(inside, 4000) as making:
        assert last.process
        inside.page.urls = many.urls[:-1]  # another replica answers the next request
        last.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)  # it has stopped listening by then
        with pytest.raises(OSError):  # refused, reset or kept waiting while it closes
            urllib.request.urlopen(f"{last.url}/healthz", timeout=1)
        assert not making.done()
        page = making.result()
    assert page.path == "/access-keys/new" and page.at("#secret-access-key")
    assert last.process.wait(20) == 0
    assert inside.phases("access-key-created") == ["intended", "done"]
    last.start()
