"""Sessions, held to the same in both stores: who opens them, how they end, what a thief of the store has."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from flask import Flask, Response, request, session
from sqlalchemy import text

from app.activity import queries
from app.audit.log import record
from app.aws.access_keys import AccessKey, AccessKeyGateway
from app.aws.clients import AwsCredentials
from app.db import db
from app.sessions import current, slots
from app.sessions.session import Session
from app.sessions.stores import Seen
from tests.support.clock import Clock
from tests.support.databases import GOOD
from tests.support.inside import SECRET, cookie, get, portal_at, post, sessions_of, token
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


def test_who_steals_the_store_has_neither_cookies_nor_contents(portal: Flask, store: Store) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    content = store.contents(portal)
    assert cookie(client) and hashed(cookie(client)) in content and b"123456789012/AIDAALICE" in content
    for secret in (SECRET, cookie(client), "AKIA", SECRET.split("/")[1]):
        assert secret.encode() not in content


def test_a_stolen_store_opens_nothing_with_another_key(tmp_path: Path, store: Store) -> None:
    client = portal_at(tmp_path / "portal.db", **store.settings).test_client()
    post(client, "/test/enter")
    thief = portal_at(tmp_path / "portal.db", **store.settings, SECRET_KEY="t" * 40).test_client(use_cookies=False)
    for taken in (cookie(client), hashed(cookie(client)).decode()):
        assert get(thief, "/test/see", taken).json["keys"] == []


def test_contents_are_of_no_use_under_another_id(portal: Flask) -> None:
    client, thief = portal.test_client(), portal.test_client(use_cookies=False)
    post(client, "/test/enter")
    with portal.app_context():
        kept = sessions_of(portal).store.load(hashed(cookie(client)).decode())
        assert kept
        now = datetime.now(UTC)
        seen = Seen("arn", "label", "", "", now, now + timedelta(minutes=5))
        sessions_of(portal).store.create(hashed("mine").decode(), kept.data, seen, now)
    assert get(thief, "/test/see", "mine").json["keys"] == []


def test_a_new_id_at_every_change_of_privilege(portal: Flask) -> None:
    client, thief = portal.test_client(), portal.test_client(use_cookies=False)
    post(client, "/sign-in/aws", csrf_token=token(get(client, "/sign-in").text))
    planted = cookie(client)
    assert planted, "AWS's answer is waited for"
    post(client, "/test/enter")
    before_mfa = cookie(client)
    post(client, "/test/upgrade")
    assert len({planted, before_mfa, cookie(client)}) == 3
    for old in (planted, before_mfa):
        assert get(thief, "/test/see", old).json == {"keys": [], "secret": None}
    assert get(client, "/test/see").json["secret"] == "temporary"


def test_a_slow_request_does_not_bring_back_what_was_ended(portal: Flask) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    sid = cookie(client)
    with portal.test_request_context("/test/see", headers={"Cookie": f"latchkey-8000={sid}"}):
        slow = sessions_of(portal).open_session(portal, request)
        get(client, "/sign-in")
        with client.session_transaction(base_url="http://127.0.0.1:8000") as mine:
            mine.clear()
        slow["flash"] = "late"
        answer = portal.response_class()
        sessions_of(portal).save_session(portal, slow, answer)
        assert "Set-Cookie" not in answer.headers
        slow.renew()
        sessions_of(portal).save_session(portal, slow, answer)
        assert "latchkey-8000=;" in answer.headers["Set-Cookie"]
    assert get(portal.test_client(use_cookies=False), "/test/see", sid).json["keys"] == []


def test_signing_out_ends_the_id_whatever_is_said_afterwards(portal: Flask) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    kept = cookie(client)
    post(client, "/test/leave")
    assert cookie(client) == "" and stored(portal) == 0, "the browser alone keeps the farewell"
    assert "You are signed out." in get(client, "/sign-in").text
    thief = portal.test_client(use_cookies=False)
    assert get(thief, "/test/see", kept).json["keys"] == []


def test_a_late_request_leaves_the_newer_cookie_alone(portal: Flask) -> None:
    client, late = portal.test_client(), portal.test_client(use_cookies=False)
    post(client, "/test/enter")
    old = cookie(client)
    post(client, "/test/upgrade")
    for path in ("/", "/mfa/enroll", "/sign-out", "/nothing-here"):
        assert "Set-Cookie" not in get(late, path, old).headers, path


class SlowKeys(AccessKeyGateway):
    """Makes a key, and lets something happen in the browser before the answer is there."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.meanwhile = meanwhile

    def of(self, user_name: str) -> list[AccessKey]:
        return []

    def create(self, user_name: str) -> AwsCredentials:
        self.meanwhile()
        return AwsCredentials("AKIANEW", f"new-{SECRET}")


@pytest.mark.parametrize("meanwhile", ["/test/enter", "/test/leave", "/test/see"])
def test_a_secret_that_no_session_holds_any_more_is_said_to_be_lost(portal: Flask, meanwhile: str) -> None:
    client, other_tab = portal.test_client(), portal.test_client()
    post(client, "/test/enter")
    form = get(client, "/test/form").text
    post(client, "/test/upgrade")
    other_tab.set_cookie("latchkey-8000", cookie(client), domain="127.0.0.1")
    act = partial(get if meanwhile == "/test/see" else post, other_tab, meanwhile)
    doors = portal.extensions["gateways"]
    portal.extensions["gateways"] = replace(doors, keys=SlowKeys(act))
    answer = post(client, "/access-keys/create", csrf_token=form)
    with portal.app_context():
        entries = queries.entries(record().engine, "123456789012", queries.Filter(), datetime.now(UTC)).entries
    told = [(entry.event, entry.target) for entry in entries]
    assert ("access-key-created", "AKIANEW") in told
    if meanwhile == "/test/see":
        assert answer.status_code == 303 and "new_key" in get(client, "/test/see").json["keys"]
        return
    assert answer.status_code == 409 and "AKIANEW" in answer.text and "Delete that key" in answer.text
    assert SECRET not in answer.text and ("access-key-unsaved", "AKIANEW") in told
    assert "Set-Cookie" not in answer.headers, "the newer session stays the browser's"
    newer = get(other_tab, "/test/see").json["keys"]
    assert ("credentials" in newer) == (meanwhile == "/test/enter") and "new_key" not in newer


def a_new_key() -> dict[str, object]:
    return {"access_key_id": "AKIANEW", "until": datetime.now(UTC) + timedelta(minutes=15)}


def test_who_signs_in_once_more_finds_what_came_while_they_did(portal: Flask) -> None:
    with signed_in_somewhere(portal) as another:
        interface, other, slow = sessions_of(portal), current.current_session(), another()
        me = current.load_person(session["owner"])
        assert me
        current.sign_in(me, AwsCredentials("ASIA", "temporary", "token"), timedelta(minutes=15))
        slow["new_key"], slow["credentials"] = a_new_key(), {"access_key_id": "old"}
        assert interface.commit(slow), "the former session is there until the sign-in is done"
        answer = portal.response_class()
        interface.save_session(portal, other, answer)
    found = seen_with(portal, answer)
    assert "new_key" in found["keys"] and found["secret"] == "temporary"


def test_who_signs_in_once_more_does_not_find_what_went_while_they_did(portal: Flask) -> None:
    with signed_in_somewhere(portal) as another:
        interface, earlier = sessions_of(portal), another()
        earlier["new_key"] = a_new_key()
        assert interface.commit(earlier)
        other = another()
        other.renew({"new_key": "access_key_id"})
        slow = another()
        del slow["new_key"]
        assert interface.commit(slow), "the secret was saved in another tab"
        assert not interface.store.forget(hashed(slow.sid or "").decode(), slow.version - 1), (
            "that is not how it is any more"
        )
        answer = portal.response_class()
        interface.save_session(portal, other, answer)
    assert "new_key" not in seen_with(portal, answer)["keys"]


@pytest.mark.parametrize("another_key", [False, True])
def test_a_saved_secret_does_not_come_back_because_aws_knows_its_key(portal: Flask, another_key: bool) -> None:
    with signed_in_somewhere(portal) as again:
        interface, saving = sessions_of(portal), current.current_session()
        saving["new_key"] = a_new_key()
        assert interface.commit(saving)
        me = current.load_person(session["owner"])
        assert me
        current.sign_in(me, AwsCredentials("ASIA", "temporary", "token"), timedelta(minutes=15))
        assert slots.forget_new_key()
        with portal.test_request_context("/", headers={"Cookie": request.headers["Cookie"]}):
            if another_key:
                session["new_key"] = {**a_new_key(), "access_key_id": "AKIAANOTHER"}
                assert interface.commit(current.current_session())
            else:
                slots.mark_proven("AKIANEW")
                assert again()["new_key"]["proven"], "before the first request was done"
        answer = portal.response_class()
        interface.save_session(portal, saving, answer)
    assert ("new_key" in seen_with(portal, answer)["keys"]) == another_key


def test_signing_out_ends_what_a_sign_in_has_just_made_of_the_session(portal: Flask) -> None:
    with signed_in_somewhere(portal) as another:
        interface, leaving, signing_in = sessions_of(portal), current.current_session(), another()
        signing_in.renew()
        answer = portal.response_class()
        interface.save_session(portal, signing_in, answer)  # after the sign-out has read the former session
        current.sign_out()
        interface.save_session(portal, leaving, portal.response_class())
    assert seen_with(portal, answer)["secret"] is None
    assert stored(portal) == 0


def test_twenty_requests_at_once_all_keep_what_they_did(portal: Flask) -> None:
    with signed_in_somewhere(portal) as another:
        interface, together = sessions_of(portal), Barrier(20)
        cookie_sent = {"Cookie": request.headers["Cookie"]}

        def work(number: int) -> None:
            with portal.test_request_context("/", headers=cookie_sent) as context:
                mine = interface.open_session(portal, context.request)
                together.wait()
                mine[f"done-{number}"] = True
                interface.save_session(portal, mine, portal.response_class())

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(work, range(20)))  # raises what any of them raised
        assert {f"done-{number}" for number in range(20)} <= set(another())


def test_two_requests_at_once_keep_each_others_changes(portal: Flask) -> None:
    with signed_in_somewhere(portal) as another:
        interface = sessions_of(portal)
        one, two = another(), another()
        one["first"], two["second"] = "1", "2"
        for changed in (one, two):
            interface.save_session(portal, changed, portal.response_class())
        assert {"first", "second", "credentials"} <= set(another())


def test_limits_idle_and_absolute(portal: Flask, clock: Clock) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    clock.move(14 * 60)
    assert get(client, "/test/see").json["secret"] == SECRET
    clock.move(61)
    assert get(client, "/test/see").json["secret"] is None, "before MFA fifteen minutes, used or not"
    post(client, "/test/enter")
    post(client, "/test/upgrade")
    for _ in range(3):
        clock.move(14 * 60)
        assert get(client, "/test/see").json["secret"] == "temporary"
    clock.move(15 * 60 + 1)
    assert get(client, "/test/see").json["secret"] is None


def test_a_session_is_kept_by_asking_for_it(portal: Flask, clock: Clock) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    post(client, "/test/upgrade")
    mine = get(client, "/test/form").text
    for _ in range(3):
        clock.move(14 * 60)
        answer = post(client, "/sign-in/stay", csrf_token=mine)
        assert answer.status_code == 200, answer.text
        left = answer.json
        assert left["idle"] == 15 * 60 and left["ends"] <= 60 * 60
    assert get(client, "/test/see").json["secret"] == "temporary"
    clock.move(16 * 60)
    assert post(client, "/sign-in/stay", csrf_token=mine).status_code == 303, "over is over"


def test_a_form_sent_too_late_leads_back_to_its_page(portal: Flask, clock: Clock) -> None:
    client = portal.test_client()
    for path, back in (
        ("/ssh-keys/new", "/ssh-keys/new"),
        ("/access-keys/delete?key=AKIA", "/access-keys/delete?key%3DAKIA"),
        ("/certificates/new/upload", "/certificates/new"),
        ("/mfa/enroll/begin", "/mfa/enroll"),
    ):
        post(client, "/test/enter")
        mine = get(client, "/test/form").text
        clock.move(15 * 60 + 1)
        told = post(client, path, csrf_token=mine)
        assert told.status_code == 303 and told.headers["Location"].endswith("&ended=yes"), path
        assert f"next={back}&" in told.headers["Location"].replace("%2F", "/").replace("%3F", "?"), path


def test_rotating_the_secret_key_keeps_people_signed_in(tmp_path: Path, store: Store) -> None:
    file = tmp_path / "portal.db"
    client = portal_at(file, **store.settings).test_client()
    post(client, "/test/enter")
    form = get(client, "/test/form").text
    rotated = portal_at(file, **store.settings, SECRET_KEY="n" * 40, SECRET_KEY_FALLBACKS=GOOD["SECRET_KEY"])
    assert get(rotated.test_client(use_cookies=False), "/test/see", cookie(client)).json["secret"] == SECRET
    unrelated = portal_at(file, **store.settings, SECRET_KEY="u" * 40)
    assert get(unrelated.test_client(use_cookies=False), "/test/see", cookie(client)).json["keys"] == []

    here = rotated.test_client()
    here.set_cookie("latchkey-8000", cookie(client), domain="127.0.0.1")
    assert post(here, "/test/form", csrf_token=form).status_code == 200, "a form opened before is sent afterwards"
    fresh = rotated.test_client()
    post(fresh, "/test/enter")
    finished = portal_at(file, **store.settings, SECRET_KEY="n" * 40)
    kept = get(finished.test_client(use_cookies=False), "/test/see", cookie(fresh)).json
    assert kept["secret"] == SECRET, "what began since is under the new key: the old one can go"


def test_one_of_many_at_once_changes_what_all_have_read(portal: Flask) -> None:
    now = datetime.now(UTC)
    seen = Seen("arn", "label", "192.0.2.1", "Mozilla", now, now + timedelta(minutes=5))
    with portal.app_context():
        store = sessions_of(portal).store
        store.create("a" * 64, b"begun", seen, now)

        def change(number: int) -> int:
            return store.change("a" * 64, 0, f"by {number}".encode(), seen)

        with ThreadPoolExecutor(16) as pool:
            done = list(pool.map(change, range(64)))
        assert sum(done) == 1
        kept = store.load("a" * 64)
        assert kept and kept.data == f"by {done.index(True)}".encode()
        assert kept.version == 1
        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(lambda _: store.forget("a" * 64), range(64))) == 1, "and one ends it"
        assert not store.change("a" * 64, 1, b"late", seen)
        store.touch("a" * 64, seen)
        assert store.load("a" * 64) is None and store.count() == 0, "nothing brings it back"


def test_what_a_person_is_shown_of_their_sessions_and_ends(portal: Flask, clock: Clock) -> None:
    with portal.app_context():
        store = sessions_of(portal).store

        def begin(number: int, owner: str, label: str) -> None:
            now = datetime.now(UTC)
            lasts = timedelta(minutes=5 * number)
            store.create(f"{number}" * 64, b"", Seen(owner, label, "192.0.2.1", f"B{number}", now, now + lasts), now)
            clock.move(1)

        for number, owner, label in (
            (1, "me", "l1"),
            (2, "me", "l2"),
            (3, "me", "l3"),
            (4, "you", "l4"),
            (5, "", ""),
        ):
            begin(number, owner, label)
        assert [(one.label, one.user_agent) for one in store.of("me")] == [("l3", "B3"), ("l2", "B2"), ("l1", "B1")]
        assert [one.label for one in store.of("you")] == ["l4"]
        assert store.end("me", ["l4", "", "l3"]) == 1, "nobody ends anybody else's"
        assert store.count() == 4
        clock.move(5 * 60)
        assert [one.label for one in store.of("me")] == ["l2"]
        assert store.count() == 3
        clock.move(5 * 60)
        assert list(store.of("me")) == []
        assert store.end("me", ["l2"]) in (0, 1), "over, whether removed yet or not"


def test_redis_forgets_by_itself(tmp_path: Path, redis: RedisServer) -> None:
    url = redis.database()
    client = portal_at(tmp_path / "portal.db", REDIS_URL=url).test_client()
    post(client, "/test/enter")
    for _ in range(2):
        left = redis.times_to_live(url)
        assert len(left) >= 3 and all(14 * 60 < seconds <= 15 * 60 + 1 for seconds in left)
        post(client, "/test/upgrade")


def test_a_session_of_a_release_that_knew_users_by_arn_ends(portal: Flask) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    interface, sid = sessions_of(portal), cookie(client)
    for name in ("owner", "kept_for"):
        with portal.test_request_context(headers={"Cookie": f"latchkey-8000={sid}"}) as context:
            held = interface.open_session(portal, context.request)
            held[name] = "arn:aws:iam::123456789012:user/alice"
            assert interface.commit(held) or held.lost
        assert get(client, "/test/see").json == {"keys": [], "secret": None}, (
            "nobody is signed in, and nothing breaks"
        )
