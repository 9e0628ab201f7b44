"""Limits hold in every window of time, for a person in all their sessions, and keep nothing of what was typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask

from app.audit.models import ActivityRow
from app.db import db
from app.sessions.models import StoredSession
from tests.security.conftest import Entering, Guest, portal_of
from tests.support.clock import Clock
from tests.support.inside import BASE, SECRET
from tests.support.people import hire
from tests.support.redis import RedisServer, contents
from tests.support.sandbox import Sandbox

WHOLE = "aB3" * 13 + "x"
"""As long as a secret access key."""


def try_key(app: Flask, address: str, key_id: str = "AKIA" + "Y" * 16) -> int:
    guest = Guest(app, address)
    guest.open("/sign-in").submit("/sign-in", access_key_id=key_id, secret_access_key="s" * 40)
    return guest.status


@pytest.mark.parametrize("shared", [False, True])
def test_a_limit_holds_in_every_five_minutes(
    sandbox: Sandbox, tmp_path: Path, clock: Clock, redis: RedisServer, shared: bool
) -> None:
    app = portal_of(sandbox, tmp_path, **({"REDIS_URL": redis.database()} if shared else {}))
    answers = []
    for minute in range(12):  # whenever five minutes of the clock begin, it is between two of these
        answers += [try_key(app, f"192.0.2.{minute}") for _ in range(3)]
        clock.move(60)
    for first in range(8):
        window = answers[first * 3 : first * 3 + 15]
        assert window.count(422) <= 10, (first, answers)
    assert answers.count(422) > 10, "and after five minutes the next may be tried"


def test_one_person_is_counted_once_in_all_their_sessions(
    sandbox: Sandbox, entering: Entering, tmp_path: Path, clock: Clock
) -> None:
    app = portal_of(sandbox, tmp_path)
    who = hire(sandbox, "nadia")
    clock.move(10)
    browsers = [entering(who, mfa=False, app=app) for _ in range(3)]
    colleague = entering(mfa=False, app=app)
    answers = []
    for number in range(123):
        guest = browsers[number % 3]
        answers.append(guest.ask("POST", "/mfa/enroll/cancel", {"csrf_token": guest.token()}).status_code)
    assert answers == [303] * 120 + [429] * 3, "not three times as many from three sessions"
    assert colleague.ask("POST", "/mfa/enroll/cancel", {"csrf_token": colleague.token()}).status_code == 303


def test_what_is_typed_into_the_wrong_field_is_kept_nowhere(
    sandbox: Sandbox, tmp_path: Path, redis: RedisServer
) -> None:
    url = redis.database()
    app = portal_of(sandbox, tmp_path, REDIS_URL=url)
    answers = [try_key(app, "192.0.2.1", f"{number}{SECRET}") for number in range(11)]
    assert answers == [422] * 10 + [429], "these count as one"
    assert try_key(app, "192.0.2.2", SECRET) == 422, "of one address"
    try_key(app, "192.0.2.2", "AKIA" + "Z" * 16)
    kept = contents(url).decode("latin-1").upper()
    assert "LATCHKEY" in kept and SECRET.upper() not in kept and "ZZZZZZZZ" not in kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (WHOLE, ""),
        (WHOLE[:39], ""),
        (f"{WHOLE}=", ""),
        (WHOLE[:25], ""),
        (WHOLE[:20], ""),
        ("\u200b " + WHOLE[:39], ""),
        ("A" * 25, ""),
        ("AKIA/" + "Z" * 15, ""),
        ("AKIAWRONG", "AKIAWRONG"),
        (" AKIA" + "Z" * 17, "AKIA" + "Z" * 17),
        ("nadia", "nadia"),
    ],
)
def test_only_what_may_be_an_id_stays_in_its_field(portal: Flask, typed: str, kept: str) -> None:
    guest = Guest(portal).open("/sign-in").submit("/sign-in", access_key_id=typed)
    assert guest.status == 422 and guest.wrong["access_key_id"] in ("shape", "secret-key", "user-name")
    assert guest.soup.select("[name=access_key_id]")[0].get("value", "") == kept


def test_a_form_without_its_fields_is_an_empty_form(portal: Flask) -> None:
    guest = Guest(portal)
    token = guest.token()
    guest.ask("POST", "/sign-in/aws", {"csrf_token": token})
    for path in ("/sign-in/aws/code", "/sign-in"):
        answer = guest.ask("POST", path, {"csrf_token": guest.token()}, follow_redirects=True)
        assert answer.status_code in (200, 422), path


def test_an_address_that_is_none_is_cut_wherever_it_is_kept(tmp_path: Path, sandbox: Sandbox) -> None:
    app = portal_of(sandbox, tmp_path, TRUSTED_PROXIES="1")
    who = hire(sandbox, "nadia")
    guest = Guest(app)
    long = {"headers": {"X-Forwarded-For": "x" * 5000, "X-Forwarded-Host": BASE.removeprefix("http://")}}
    page = guest.ask("GET", "/sign-in", **long).text
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    key = {"access_key_id": who.access_key_id, "secret_access_key": who.secret_access_key}
    assert guest.ask("POST", "/sign-in", {"csrf_token": token, **key}, **long).status_code == 303
    assert guest.ask("GET", "/", **long).status_code == 200
    with app.app_context():
        columns = (ActivityRow.address, StoredSession.address)
        kept = [address for column in columns for address in db.session.scalars(db.select(column))]
    assert set(kept) == {"x" * 64}, "PostgreSQL refuses longer ones"


def test_a_method_that_is_not_there_is_told_with_those_that_are(portal: Flask) -> None:
    answer = Guest(portal).ask("GET", "/sign-in/cancel")
    assert answer.status_code == 405 and set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
