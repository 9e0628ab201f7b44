"""Strangers fill nothing: looking is stored nowhere, what they begin is bounded, what they plant is of no use."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis
from sqlalchemy import text

from app.activity import queries
from app.audit.log import audit_log
from app.aws.clients import AwsCredentials
from app.aws.iam import MfaDevice
from app.aws.signin import AuthorizationRequest, SignInGateway, SignInTokens
from app.db import db
from app.sessions import stores
from app.sessions.stores import Seen, StoreFull, database
from app.sessions.stores import redis as in_redis
from app.web.error_pages import NOTHING_DONE
from tests.support.clock import Clock
from tests.support.gateways import Caller, NoIam
from tests.support.inside import BASE, SECRET, cookie, get, portal_at, post, sessions_of, token, visitors_cookie
from tests.support.redis import RedisServer, contents

NEXT = "/activity?page=2"
OWNER = "123456789012/AIDAALICE"


@pytest.fixture(params=["database", "redis"])
def settings(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "database":
        return {}
    running: RedisServer = request.getfixturevalue("redis")
    return {"REDIS_URL": running.database()}


@pytest.fixture
def portal(tmp_path: Path, settings: dict[str, str]) -> Iterator[Flask]:
    app = portal_at(tmp_path / "portal.db", **settings)
    yield app
    with app.app_context():
        db.engine.dispose()


def everything(portal: Flask) -> int:
    """Rows, of whatever age, and keys in Redis."""
    with portal.app_context(), db.engine.connect() as connection:
        rows = int(connection.execute(text("select count(*) from sessions")).scalar_one())
    url = portal.config["REDIS_URL"]
    return rows + (len(contents(url).splitlines()) if url else 0)


def test_looking_stores_nothing_whatever_is_looked_at(portal: Flask) -> None:
    looked_at = 0
    for rule in portal.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.rule.startswith("/test/"):
            address = re.sub("<any.*?>", "no-code", rule.rule)
            address = re.sub("<.*?>", "1", address)
            for query in (
                "",
                "?next=" + "%F0%9F%94%91" * 60,
                "?next=/mfa&ended=yes&why=late",
                "?error=access_denied",
            ):
                answer = get(portal.test_client(), address + query)
                assert not answer.headers.get("Set-Cookie", "").startswith("latchkey-8000="), address
                looked_at += 1
    assert looked_at > 100 and everything(portal) == 0


def test_forms_that_lead_nowhere_store_nothing(portal: Flask) -> None:
    client = portal.test_client()
    for path, typed in (
        ("/sign-in", {"access_key_id": "x" * 100_000, "next": "/" + "y" * 100_000}),
        ("/sign-in/code", {"code": "123456"}),
        ("/sign-in/cancel", {}),
        ("/sign-in/aws/code", {"verification_code": "z" * 100_000}),
        ("/sign-out", {}),
        ("/mfa/resync", {"first_code": "1"}),
        ("/access-keys/create", {}),
        ("/nothing-here", {"q": "x" * 100_000}),
    ):
        sent = {"csrf_token": token(get(client, "/sign-in").text), **typed}
        post(client, path, **sent)
        assert cookie(client) == "" and len(visitors_cookie(client)) < 3800, path
    with portal.app_context():
        assert sessions_of(portal).store.count() == 0


def test_a_stranger_who_goes_to_aws_keeps_little(portal: Flask) -> None:
    client = portal.test_client()
    page = get(client, "/sign-in?next=/" + "a" * 199).text
    agent = {"User-Agent": "\u00e4" * 3000}
    data = {"csrf_token": token(page), "next": "/" + "a" * 199, "sign_out_first": "x" * 50_000}
    client.post("/sign-in/aws", base_url=BASE, data=data, headers=agent)
    with portal.app_context():
        store = sessions_of(portal).store
        assert store.count() == 1
        kept = store.load(hashlib.sha256(cookie(client).encode()).hexdigest())
    assert kept and len(kept.data) < 3000 and visitors_cookie(client) == ""


def test_so_many_strangers_and_no_more(portal: Flask, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    for module in (stores, database, in_redis):
        monkeypatch.setattr(module, "MOST_STRANGERS", 3)
    inside = portal.test_client()
    post(inside, "/test/enter")
    answers = []
    for _ in range(5):
        client = portal.test_client()
        answers.append(post(client, "/sign-in/aws", csrf_token=token(get(client, "/sign-in").text)))
    assert [answer.status_code for answer in answers] == [303] * 3 + [503] * 2
    assert 'data-refused="no-room"' in answers[-1].text and NOTHING_DONE in answers[-1].text
    post(inside, "/test/upgrade")
    assert get(inside, "/test/see").json["secret"] == "temporary"
    post(portal.test_client(), "/test/enter")  # and who is known to AWS may come
    clock.move(15 * 60 + 1)
    with portal.app_context():
        now = datetime.now(UTC)
        seen = Seen("", "", "", "", now, now + timedelta(minutes=5))
        sessions_of(portal).store.create("f" * 64, b"", seen, now, stranger=True)
        for number in range(2):
            sessions_of(portal).store.create(f"{number}" * 64, b"", seen, now, stranger=True)
        with pytest.raises(StoreFull):
            sessions_of(portal).store.create("3" * 64, b"", seen, now, stranger=True)


def test_what_is_planted_decides_nothing(portal: Flask) -> None:
    mallory, nadia = portal.test_client(), portal.test_client()
    mine = token(get(mallory, f"/sign-in?next={NEXT}").text)
    post(mallory, "/sign-in", csrf_token=mine, access_key_id="AKIA", next=NEXT)
    planted = visitors_cookie(mallory)
    nadia.set_cookie("latchkey-8000-visitor", planted, domain="127.0.0.1")
    page = get(nadia, "/sign-in").text
    assert NEXT not in page and 'name="next"' not in page
    post(nadia, "/test/enter")
    kept = get(nadia, "/test/see").json["keys"]
    assert "wanted" not in kept and visitors_cookie(nadia) == "", "gone with the first session"
    assert post(nadia, "/test/form", csrf_token=mine).status_code == 400, "nor does its token go along"


PLANTED = {"label": "deadbeef", "_flashes": [("danger", "Call Mallory.")], "refused": {}}


class NoDevices(NoIam):
    """Nadia has no MFA yet."""

    def mfa_devices(self, user_name: str) -> list[MfaDevice]:
        return []


class AnyCode(SignInGateway):
    """Answers any code."""

    def __init__(self) -> None:
        """Without clients."""
        self.url = "https://us-east-1.signin.aws.amazon.com"

    def exchange(self, asked: AuthorizationRequest, code: str) -> SignInTokens:
        until = datetime.now(UTC) + timedelta(minutes=15)
        return SignInTokens(AwsCredentials("ASIA", SECRET, "token", until), asked.client_id, "refresh", "pem")


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("way", ["aws", "key"])
def test_nothing_planted_goes_along_whichever_way_somebody_signs_in(portal: Flask, way: str, begun: bool) -> None:
    mallory, nadia = portal.test_client(), portal.test_client()
    mine = token(get(mallory, "/sign-in").text)
    if begun:
        post(mallory, "/sign-in/aws", csrf_token=mine)
    with mallory.session_transaction(base_url=BASE) as session:
        session.update(PLANTED)
    planted = cookie(mallory) if begun else visitors_cookie(mallory)
    assert planted
    nadia.set_cookie("latchkey-8000" if begun else "latchkey-8000-visitor", planted, domain="127.0.0.1")
    gateways = portal.extensions["gateways"]
    caller = Caller("arn:aws:iam::123456789012:user/nadia", "123456789012")
    portal.extensions["gateways"] = replace(gateways, sts=caller, iam=NoDevices(), signin=AnyCode())
    hers = token(get(nadia, "/sign-in").text)
    with nadia.session_transaction(base_url=BASE) as session:
        known = session["csrf_token"]
        session.update(PLANTED)  # what there is to say was said on that page
    if way == "aws":
        post(nadia, "/sign-in/aws", csrf_token=hers, next=NEXT)
        with nadia.session_transaction(base_url=BASE) as session:
            assert not set(PLANTED) & set(session) and visitors_cookie(nadia) == ""
            assert begun or session.get("csrf_token") != known, "forms of a visitor end here"
            state = session["pending_aws_sign_in"]["state"]
        arrived = get(nadia, f"/oauth/callback?state={state}&code=c")
    else:
        key = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "x" * 40}
        arrived = post(nadia, "/sign-in", csrf_token=hers, next=NEXT, **key)
    assert arrived.status_code == 303 and arrived.headers["Location"] == NEXT
    with nadia.session_transaction(base_url=BASE) as session:
        assert session["owner"] == "123456789012/AIDANADIA" and "refused" not in session
        assert session["label"] != PLANTED["label"] and "Mallory" not in str(session.get("_flashes"))
        assert session.get("csrf_token") != known
    with portal.app_context():
        entries = queries.entries(audit_log().engine, "123456789012", queries.Filter(), datetime.now(UTC)).entries
    assert [entry.event for entry in entries] == ["sign-in"] and "deadbeef" not in str(entries)


def test_a_visitors_form_wants_the_cookie_it_was_made_with(portal: Flask) -> None:
    one, other, none = (portal.test_client() for _ in range(3))
    mine = token(get(one, "/sign-in").text)
    get(other, "/sign-in")
    assert post(other, "/sign-out", csrf_token=mine).status_code == 400
    assert post(none, "/sign-out", csrf_token=mine).status_code == 400
    for bad in ("x", visitors_cookie(one)[:-4], "gAAAA" + "\u00e9" * 40, "a" * 3000):
        none.set_cookie("latchkey-8000-visitor", bad, domain="127.0.0.1")
        assert get(none, "/sign-in").status_code == 200
        assert post(none, "/sign-out", csrf_token=mine).status_code == 400
    assert post(one, "/sign-out", csrf_token=mine).status_code == 303


def test_a_form_that_stood_open_for_hours_can_be_sent(portal: Flask, clock: Clock) -> None:
    client = portal.test_client()
    mine = token(get(client, "/sign-in").text)
    clock.move(7 * 3600)
    get(client, "/sign-in")
    clock.move(7 * 3600)
    assert post(client, "/sign-out", csrf_token=mine).status_code == 303, "looking again made it last"
    clock.move(13 * 3600)
    assert post(client, "/sign-out", csrf_token=mine).status_code == 400


def test_what_is_not_ours_in_the_store_is_no_session(portal: Flask, settings: dict[str, str]) -> None:
    for field, value in (
        ("version", "x"),
        ("version", ""),
        ("expires_at", "soon"),
        ("last_used_at", "\u00e9"),
        ("", ""),
    ):
        client = portal.test_client()
        post(client, "/test/enter")
        if url := settings.get("REDIS_URL"):
            with Redis.from_url(url) as redis:
                for key in redis.scan_iter("latchkey:session:*"):
                    if field:
                        redis.hset(key, field, value)
                    else:
                        redis.delete(key)
                        redis.set(key, "no hash at all")
        elif field and field != "last_used_at":
            with portal.app_context(), db.engine.begin() as connection:
                connection.execute(text(f"update sessions set {field} = :value"), {"value": value})
        else:
            continue
        seen = get(client, "/test/see")
        assert seen.status_code == 200 and seen.json == {"keys": [], "secret": None}, (field, value)
        post(client, "/test/enter")
        assert get(client, "/test/see").json["secret"] == SECRET
        with portal.app_context():
            assert len(sessions_of(portal).store.list_for(OWNER)) >= 1
            sessions_of(portal).store.disconnect()
