"""Sessions, held to the same in both stores: who opens them, how they end, what a thief of the store has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask

from app.sessions.stores import Seen
from tests.sessions.conftest import Store, hashed
from tests.support.clock import Clock
from tests.support.databases import GOOD
from tests.support.inside import SECRET, cookie, get, portal_at, post, sessions_of, token
from tests.support.redis import RedisServer


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


def test_a_session_ends_with_the_account_in_the_settings(portal: Flask) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    assert get(client, "/").status_code == 503, "she is signed in, and no AWS answers here"
    portal.config["ACCOUNTS"] = frozenset({"999988887777"})
    assert get(client, "/").status_code == 303, "its users can't sign in any more"


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
        ("/access-keys/delete?id=AKIA", "/access-keys/delete?id%3DAKIA"),
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
        assert [(one.label, one.user_agent) for one in store.list_for("me")] == [
            ("l3", "B3"),
            ("l2", "B2"),
            ("l1", "B1"),
        ]
        assert [one.label for one in store.list_for("you")] == ["l4"]
        assert store.end("me", ["l4", "", "l3"]) == 1, "nobody ends anybody else's"
        assert store.count() == 4
        clock.move(5 * 60)
        assert [one.label for one in store.list_for("me")] == ["l2"]
        assert store.count() == 3
        clock.move(5 * 60)
        assert list(store.list_for("me")) == []
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
