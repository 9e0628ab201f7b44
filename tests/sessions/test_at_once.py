"""Requests of one session at the same time, and late ones: none undoes what another did."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Barrier

import pytest
from flask import Flask, request, session

from app.activity import queries
from app.audit.log import audit_log
from app.aws.access_keys import AccessKey, AccessKeyGateway
from app.aws.clients import AwsCredentials
from app.sessions import current, slots
from app.sessions.stores import Seen
from tests.sessions.conftest import hashed, seen_with, signed_in_somewhere, stored
from tests.support.inside import FAREWELL, SECRET, cookie, get, post, sessions_of


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
    assert FAREWELL in get(client, "/sign-in").text
    thief = portal.test_client(use_cookies=False)
    assert get(thief, "/test/see", kept).json["keys"] == []


def test_a_late_request_leaves_the_newer_cookie_alone(portal: Flask) -> None:
    client, late = portal.test_client(), portal.test_client(use_cookies=False)
    post(client, "/test/enter")
    old = cookie(client)
    post(client, "/test/upgrade")
    for path in ("/", "/mfa/enroll", "/sign-out", "/nothing-here"):
        given = get(late, path, old).headers.getlist("Set-Cookie")
        assert not [each for each in given if each.startswith("latchkey-8000=")], path


class SlowKeys(AccessKeyGateway):
    """Makes a key, and lets something happen in the browser before the answer is there."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.meanwhile = meanwhile

    def list_for(self, user_name: str) -> list[AccessKey]:
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
    gateways = portal.extensions["gateways"]
    portal.extensions["gateways"] = replace(gateways, keys=SlowKeys(act))
    answer = post(client, "/access-keys/create", csrf_token=form)
    with portal.app_context():
        entries = queries.entries(audit_log().engine, "123456789012", queries.Filter(), datetime.now(UTC)).entries
    told = [(entry.event, entry.target) for entry in entries]
    assert ("access-key-created", "AKIANEW") in told
    if meanwhile == "/test/see":
        assert answer.status_code == 303 and "new_key" in get(client, "/test/see").json["keys"]
        return
    assert answer.status_code == 409 and "/access-keys/delete?id=AKIANEW" in answer.text
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
