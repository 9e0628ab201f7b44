"""Attacks on people and their browsers, one by one."""

from __future__ import annotations

import io
import itertools
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask_login import login_user
from sqlalchemy import text

from app.db import db
from app.public_keys import private
from app.public_keys.pasted import LARGEST
from app.sessions.contents import Person
from app.web.rate_limits import whose_codes
from tests.faults.people import with_device
from tests.security.conftest import Entering, Guest, portal_of
from tests.security.test_who_may import address, changes_since, marked, method, rules
from tests.support.clock import Clock
from tests.support.inside import cookie
from tests.support.marks import BETTER_PASSWORD, PASSWORD
from tests.support.people import hire
from tests.support.public_keys import openssh
from tests.support.sandbox import Sandbox


def test_a_planted_session_is_not_the_one_that_is_signed_in(portal: Flask, sandbox: Sandbox, clock: Clock) -> None:
    mallory, nadia = Guest(portal), Guest(portal)
    mallory.token()
    for planted in (cookie(mallory.client), "chosen-by-mallory"):
        nadia.client.set_cookie("latchkey-8000", planted, domain="127.0.0.1")
        who = hire(sandbox, "nadia")
        clock.move(10)
        nadia.sign_in(who)
        assert nadia.is_inside(who.name) and cookie(nadia.client) != planted
        mallory.client.set_cookie("latchkey-8000", planted, domain="127.0.0.1")
        assert mallory.open("/").path == "/sign-in"
        nadia.go("POST", "/sign-out", {"csrf_token": nadia.token()})


SIGNED = "company_signin.backchannel_logout"
"""No form: a provider sends it without a session, and its signature counts (`test_company_sign_out`)."""


def test_every_form_wants_the_token_of_its_own_session(portal: Flask, sandbox: Sandbox, entering: Entering) -> None:
    guest, other = entering(), entering()
    mine, theirs, before = guest.token(), other.token(), sandbox.mark()
    forged = (None, {"csrf_token": ""}, {"csrf_token": theirs}, {"csrf_token": mine[:-6] + "xxxxxx"})
    for rule in rules(portal):
        if method(rule) == "POST" and rule.endpoint != SIGNED:
            for data in forged:
                assert guest.ask("POST", address(portal, rule), data).status_code == 400, rule
            for origin in ("https://evil.example", "null", "http://127.0.0.1:9999"):
                elsewhere = {"headers": {"Origin": origin}}
                assert guest.ask("POST", address(portal, rule), {"csrf_token": mine}, **elsewhere).status_code == 403
            assert guest.ask("GET", address(portal, rule)).status_code != 500
    assert changes_since(sandbox, before) == []
    assert guest.open("/").path == "/", "still signed in: signing out is a form like others"


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example/",
        "/%09/evil.example",
        "\t//evil.example",
    ],
)
def test_nobody_is_led_elsewhere(portal: Flask, sandbox: Sandbox, clock: Clock, target: str) -> None:
    who, guest = hire(sandbox, "nadia"), Guest(portal)
    clock.move(10)
    guest.ask("GET", "/sign-in", query_string={"next": target})
    key = {"access_key_id": who.access_key_id, "secret_access_key": who.secret_access_key}
    answer = guest.ask("POST", "/sign-in", {"csrf_token": guest.token(), **key})
    assert answer.status_code == 303
    assert re.fullmatch(r"/(?![/\\]).*", answer.headers["Location"])
    for header in ("X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-URL"):
        page = guest.ask("GET", "/", headers={header: "evil.example"})
        assert "evil.example" not in page.text + str(page.headers), "no proxy is trusted here"
    assert guest.ask("GET", "/sign-in", base_url="http://evil.example").status_code == 400


def test_headers_that_protect_every_answer(portal: Flask, entering: Entering) -> None:
    guest = entering()
    for rule in rules(portal):
        answer = guest.ask(method(rule), address(portal, rule))
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy, rule
        assert "frame-ancestors 'none'" in policy and answer.headers["X-Frame-Options"] == "DENY", rule
        assert answer.headers["Cache-Control"] == "no-store", f"{rule}: the way back would show it after signing out"
        assert answer.headers["X-Content-Type-Options"] == "nosniff", rule
        assert "Server" not in answer.headers and "X-Powered-By" not in answer.headers


def test_after_signing_out_nothing_opens(portal: Flask, entering: Entering) -> None:
    guest = entering()
    kept, pages = cookie(guest.client), [rule for rule in rules(portal) if method(rule) == "GET"]
    guest.go("POST", "/sign-out", {"csrf_token": guest.token()})
    for now in (cookie(guest.client), kept):
        guest.client.set_cookie("latchkey-8000", now, domain="127.0.0.1")
        for rule in pages:
            if not marked(portal, rule, "is_public"):
                answer = guest.ask("GET", address(portal, rule))
                assert answer.headers["Location"].startswith("/sign-in"), rule


def test_who_signs_in_over_somebody_else_is_not_led_where_they_were(
    portal: Flask, sandbox: Sandbox, entering: Entering, clock: Clock
) -> None:
    nadia, olga = hire(sandbox, "nadia"), hire(sandbox, "olga")
    guest = entering(nadia)
    for _ in range(3):
        clock.move(14 * 60)
        guest.open("/")
    guest.open(f"/access-keys/delete?id={nadia.access_key_id}")
    assert guest.path == "/sign-in", "she is to confirm first, and then comes back here"
    for who, leads_to in ((olga, "/"), (nadia, "/sign-in/code")):
        key = {"access_key_id": who.access_key_id, "secret_access_key": who.secret_access_key}
        answer = guest.ask("POST", "/sign-in", {"csrf_token": guest.token(), **key})
        assert answer.headers["Location"] == leads_to
    with portal.app_context():
        asked = text("select distinct user_name, session from activity where user_name in (:a, :b)")
        rows = db.session.execute(asked, {"a": nadia.name, "b": olga.name}).all()
        of_nadia, of_olga = ({label for name, label in rows if name == who.name} for who in (nadia, olga))
        guest.open("/sign-in/code").submit("/sign-in/code", code=sandbox.code(guest.seed_of_mine))
        assert guest.path == "/", "nor is she led back by what olga's session kept"
    assert of_nadia and of_olga and not of_nadia & of_olga, "the audit log tells their sessions apart"


def test_nobodys_things_but_ones_own(portal: Flask, sandbox: Sandbox, entering: Entering, clock: Clock) -> None:
    iam = sandbox.as_administrator("iam")
    nadia = hire(sandbox, "nadia")
    with_device(sandbox, nadia)
    ssh_key = iam.upload_ssh_public_key(UserName=nadia.name, SSHPublicKeyBody=openssh())["SSHPublicKey"]
    guest = entering()
    name = guest.user_name
    token, before = guest.token(), sandbox.mark()
    theirs = {
        "serial_number": nadia.serial_number,
        "user_name": nadia.name,
        "UserName": nadia.name,
        "account_id": "999988887777",
        "understood": "y",
        "first_code": "123456",
        "second_code": "654321",
        "old": PASSWORD,
        "new": BETTER_PASSWORD,
        "again": BETTER_PASSWORD,
        "with_mfa": "true",
        "label": "00000000",
    }
    ids = {"access-keys": nadia.access_key_id, "mfa": nadia.serial_number}
    for rule in rules(portal):
        if method(rule) == "POST" and rule.endpoint not in ("signin.sign_out", "aws_signin.sign_in_post"):
            where = address(portal, rule)
            sent = {**theirs, "id": ids.get(where.split("/")[1], ssh_key["SSHPublicKeyId"])}
            assert guest.ask("POST", where, {"csrf_token": token, **sent}, query_string=sent).status_code < 500
    guest.open("/")
    for call in sandbox.calls(before):
        assert nadia.name not in str(call["resource"]), f"{call['action']} was asked about somebody else"
    assert nadia.devices() == [nadia.serial_number]
    keys = iam.list_access_keys(UserName=nadia.name)["AccessKeyMetadata"]
    assert [(key["AccessKeyId"], key["Status"]) for key in keys] == [(nadia.access_key_id, "Active")]
    assert [key["Status"] for key in iam.list_ssh_public_keys(UserName=nadia.name)["SSHPublicKeys"]] == ["Active"]
    assert {str(call["principal"]).rpartition("/")[2] for call in sandbox.calls(before)} <= {name, "Administrator"}


def test_refusals_at_sign_in_say_no_more_than_aws(portal: Flask, sandbox: Sandbox, clock: Clock) -> None:
    who = hire(sandbox, "nadia")
    seed = with_device(sandbox, who)
    clock.move(60)
    iam = sandbox.as_administrator("iam")
    inactive = iam.create_access_key(UserName=who.name)["AccessKey"]
    iam.update_access_key(UserName=who.name, AccessKeyId=inactive["AccessKeyId"], Status="Inactive")
    clock.move(10)

    def told(key_id: str, secret: str) -> str:
        guest, before = Guest(portal), sandbox.mark()
        guest.open("/sign-in").submit("/sign-in", access_key_id=key_id, secret_access_key=secret)
        asked = [call["action"] for call in sandbox.calls(before)]
        assert len(asked) == 1, f"as long for a key that exists as for one that does not: one question, not {asked}"
        assert guest.status == 422 and secret not in guest.html and who.name not in guest.html
        return " ".join(error.get_text(" ") for error in guest.soup.select("[role=alert]"))

    unknown = told("AKIA" + "Z" * 16, "s" * 40)
    assert told(inactive["AccessKeyId"], inactive["SecretAccessKey"]) == unknown, "one sentence for both"

    def coded(code: str) -> str:
        guest = Guest(portal)
        guest.sign_in(who, code)
        assert guest.path == "/sign-in/code" and guest.status == 422
        assert not guest.soup.select("[name=code]")[0].get("value")
        return " ".join(error.get_text(" ") for error in guest.soup.select("[role=alert]"))

    good = sandbox.code(seed)
    Guest(portal).sign_in(who, good)
    assert coded(good) == coded("000000" if good != "000000" else "111111"), "used or wrong: the same sentence"


def test_keys_and_codes_cannot_be_tried_without_end(sandbox: Sandbox, tmp_path: Path, clock: Clock) -> None:
    app = portal_of(sandbox, tmp_path)
    who = hire(sandbox, "nadia")
    seed = with_device(sandbox, who)
    clock.move(60)
    herself = Guest(app, "192.0.2.99")
    herself.sign_in(who, sandbox.code(seed))
    assert herself.is_inside(who.name), herself.text
    clock.move(301)  # her own try does not count any more

    def try_key(number: int, key_id: str) -> int:
        guest = Guest(app, f"192.0.2.{number}")
        guest.open("/sign-in").submit("/sign-in", access_key_id=key_id, secret_access_key="s" * 40)
        return guest.status

    assert [try_key(number, "AKIA" + "Y" * 16) for number in range(1, 12)] == [422] * 10 + [429], "from anywhere"
    refused = [try_key(200, f"AKIA{number:016d}") for number in range(31)]
    assert refused == [422] * 30 + [429], "from one address, with any key"
    page = Guest(app, "192.0.2.200").open("/sign-in")
    assert page.status == 200, "looking is free"

    guest, codes = Guest(app, "192.0.2.201"), []
    guest.sign_in(who)
    for number in range(11):
        guest.comes_from = f"198.51.100.{number}"
        codes.append(guest.submit("/sign-in/code", code=f"{number:06d}").status)
        if codes[-1] == 429:
            break
        assert guest.path == "/sign-in/code"
    assert codes == [422] * 10 + [429], "and no code from many addresses"
    pair = {"csrf_token": guest.token(), "first_code": "123456", "second_code": "654321"}
    assert guest.ask("POST", "/mfa/resync", pair).status_code == 429, "on no page that takes one"
    going_on = herself.ask("POST", "/access-keys/new", {"csrf_token": herself.token()})
    assert going_on.status_code == 303, "who is in with MFA is not held up by somebody who has but the key"

    inside = Guest(app, "192.0.2.202")
    late = hire(sandbox, "nadia")
    clock.move(10)
    inside.sign_in(late)
    with_device(sandbox, late)
    inside.open("/mfa/activate")
    codes = [inside.submit("/mfa/activate", code="12345").status for _ in range(10)]
    assert codes == [422] * 10, inside.text
    token = inside.token()
    again = inside.ask("POST", "/mfa/activate", {"csrf_token": token, "code": "12345"})
    assert again.status_code == 429, "nor by who signed in before there was a device"


def test_looking_for_private_keys_is_limited_for_all_pages_together(
    entering: Entering, portal: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[int] = []
    monkeypatch.setattr(private, "found", lambda given: searched.append(len(given)))
    mallory = entering()
    several = {"csrf_token": mallory.token(), "pasted": "V" * 50_000}
    files = [(io.BytesIO(b"V" * 50_000), f"{number}.pub") for number in range(3)]
    mallory.ask("POST", "/ssh-keys/new", {**several, "file": files})
    assert LARGEST <= sum(searched) <= LARGEST + len(several["pasted"]), "once in all, and what is shown again"
    pages = itertools.cycle(("/ssh-keys/new", "/certificates/new", "/certificates/new/upload"))
    sent = [mallory.ask("POST", next(pages), {"csrf_token": several["csrf_token"]}).status_code for _ in range(120)]
    assert sent.index(429) == 119, "one counter, which the first request has begun"


def test_people_without_a_key_are_not_counted_as_one(portal: Flask) -> None:
    def counted(name: str) -> str:
        with portal.test_request_context():
            login_user(Person("123456789012", name, "/", "aws", True, datetime.now(UTC), user_id=f"AIDA{name}"))
            return whose_codes()

    assert counted("nadia") != counted("olga")


def test_bombs(portal: Flask, entering: Entering) -> None:
    guest = entering()
    token = guest.token()
    for rule in rules(portal):
        if method(rule) == "POST":
            answer = guest.ask("POST", address(portal, rule), {"csrf_token": token, "pasted": "x" * 300_000})
            assert answer.status_code == 413, rule
    many = {f"field-{number}": (io.BytesIO(b"x"), f"{number}.pem") for number in range(1100)}
    kind = {"content_type": "multipart/form-data"}
    assert guest.ask("POST", "/certificates/new", {"csrf_token": token, **many}, **kind).status_code in (400, 413)
    bombs = (
        b"\x1f\x8b" * 60_000,
        b"-----BEGIN CERTIFICATE-----\n" * 8_000,
        b"\x30\x84" * 60_000,
        b"\0" * 200_000,
    )
    for bomb in bombs:
        for path in ("/certificates/new", "/ssh-keys/new"):
            data = {"csrf_token": token, "file": (io.BytesIO(bomb), "key.pem")}
            answer = guest.ask("POST", path, data, follow_redirects=True, **kind)
            assert answer.status_code in (413, 422), path


def test_names_are_text_wherever_they_stand(sandbox: Sandbox, entering: Entering) -> None:
    who = hire(sandbox, "=cmd", path="/{{7*7}}<b>'\"{%x%}/", group=None)
    sandbox.as_administrator("iam").attach_user_policy(
        UserName=who.name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    guest = entering(who)
    for path in ("/", "/mfa", "/access-keys", "/activity", "/activity/sessions", "/account", "/mfa/lost"):
        page = guest.open(path)
        assert page.status == 200, path
        head = page.at("[data-signed-in]").replace(who.name, "")  # which may be numbered 49
        assert "49" not in head and "<b>'" not in page.html and "/{{7*7}}<b>" not in page.html, path
    odd = guest.ask("GET", "/mfa/remove?id={{7*7}}<script>alert(1)</script>", headers={"User-Agent": "<i>{{"})
    assert "<script>alert" not in odd.text
    assert "<i>{{" not in guest.open("/activity/sessions").html


def test_the_portal_names_no_version_and_no_traceback(portal: Flask) -> None:
    guest = Guest(portal)
    for path in (
        "/nothing",
        "/static/../config.py",
        "/static/%2e%2e/config.py",
        "/.git/config",
        "/activity/x/not-me",
    ):
        answer = guest.ask("GET", path)
        assert answer.status_code in (303, 404), path
        assert not re.search(r"Werkzeug|gunicorn|Traceback|Python/", answer.text + str(answer.headers)), path
    assert guest.ask("TRACE", "/").status_code == 405


def test_a_whole_secret_in_the_field_of_its_end_is_not_shown_again(sandbox: Sandbox, entering: Entering) -> None:
    guest = entering()
    guest.open("/access-keys").submit("/access-keys/create")
    secret = guest.at("#secret-access-key")
    guest.open("/mfa")
    token = guest.token()
    answer = guest.ask("POST", "/access-keys/new", {"csrf_token": token, "last_characters": "x" * 34 + secret[:6]})
    page = guest.open(answer.headers["Location"])
    field = page.soup.select_one("[name=last_characters]")
    assert page.status == 422 and field and field["value"] == secret[:6], "what the form took of it"
