"""Forms, headers and settings, without AWS: what the portal refuses and says at its start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask

from app.aws.clients import AwsCredentials
from app.db import Utc, db
from app.sessions import current
from app.sessions.contents import Person
from app.web import rate_limits, request_context
from config import from_env
from tests.support.inside import SECRET, get, portal_at, post

NOBODYS = AwsCredentials("AKIA", SECRET)
LASTS = timedelta(minutes=15)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Flask]:
    app = portal_at(tmp_path / "portal.db")
    yield app
    with app.app_context():
        db.engine.dispose()


def test_forms_of_other_origins_are_refused(portal: Flask) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    for origin in ("http://127.0.0.1:9999", "https://evil.example", "null"):
        answer = client.post("/sign-out", base_url="http://127.0.0.1:8000", headers={"Origin": origin})
        assert answer.status_code == 403, origin
    assert get(client, "/test/see").json["secret"] == SECRET


def test_tries_are_counted_whatever_blanks_and_addresses_they_come_with(portal: Flask) -> None:
    counted = set()
    for blanks in ("AKIAABCDEFGHIJKL", " AKIAABCDEFGHIJKL", "AKIA ABCDEFGHIJKL", "akiaABCD\tEFGHIJKL"):
        with portal.test_request_context("/sign-in", method="POST", data={"access_key_id": blanks}):
            counted.add(rate_limits.typed_key_id())
    assert len(counted) == 1 and "AKIAABCD" not in str(counted)
    clients = {}
    for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1", "192.0.2.1", "192.0.2.2"):
        with portal.test_request_context("/", environ_base={"REMOTE_ADDR": address}):
            clients[address] = rate_limits.client_address()
    assert clients["2001:db8:1:2::1"] == clients["2001:db8:1:2:ffff::9"] != clients["2001:db8:1:3::1"]
    assert clients["192.0.2.1"] != clients["192.0.2.2"]


def test_what_is_recorded_names_whom_it_is_about(portal: Flask) -> None:
    with portal.test_request_context("/"):
        alice = Person("123456789012", "alice", "/", "aws", False, datetime.now(UTC), user_id="AIDAALICE")
        current.sign_in(alice, NOBODYS, LASTS)
        assert request_context.audit().user_name == "alice"
        assert request_context.audit("123456789012", "bob").user_name == "bob", "whose key was given"
        assert request_context.audit("", "").user_name == ""


SIGNED = {"/sign-in/company/logout"}
"""Sent by the company's provider, which signs it instead (tests/security/test_company_sign_out.py)."""


def test_every_post_wants_its_csrf_token(portal: Flask) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    for rule in portal.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and not rule.rule.startswith("/test/") and rule.rule not in SIGNED:
            assert post(client, re.sub("<.+?>", "1", rule.rule)).status_code == 400, rule.rule
    assert get(client, "/test/see").json["secret"] == SECRET


def test_headers_of_every_page(portal: Flask) -> None:
    for path in ("/sign-in", "/", "/nothing-here"):
        headers = get(portal.test_client(), path).headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy and "form-action 'self'" in policy and "frame-ancestors 'none'" in policy
        assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"


def test_cookies(tmp_path: Path) -> None:
    local = portal_at(tmp_path / "a.db").test_client()
    for said, name in (
        (get(local, "/sign-in"), "latchkey-8000-visitor"),
        (post(local, "/test/enter"), "latchkey-8000"),
    ):
        cookie = said.headers["Set-Cookie"]
        assert cookie.startswith(f"{name}=") and "HttpOnly" in cookie and "SameSite=Lax" in cookie
    hosted = portal_at(tmp_path / "b.db", PUBLIC_URL="https://latchkey.example").test_client()
    for path, how, name in (("/sign-in", "GET", "latchkey-visitor"), ("/test/enter", "POST", "latchkey")):
        headers = hosted.open(path, method=how, base_url="https://latchkey.example").headers
        assert headers["Set-Cookie"].startswith(f"__Host-{name}=") and "Secure" in headers["Set-Cookie"]
        assert "max-age" in headers["Strict-Transport-Security"]


def test_other_hosts_are_refused(portal: Flask) -> None:
    assert portal.test_client().get("/sign-in", base_url="http://evil.example").status_code == 400


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil", "javascript:x"]
)
def test_only_local_paths_are_followed(target: str) -> None:
    from app.web.responses import local_path  # noqa: PLC0415 # beside its table

    assert local_path(target, "/") == "/"
    assert local_path("/mfa/enroll?x=1", "/") == "/mfa/enroll?x=1"


def test_all_wrong_settings_are_told_at_once() -> None:
    wrong = {
        "ACCOUNTS": "12",
        "SECRET_KEY": "short",
        "PUBLIC_URL": "http://latchkey.example",
        "AWS_PARTITION": "moon",
        "FORCE_MFA_POLICY": "missing.json",
        "SESSION_IDLE_MINUTES": "soon",
    }
    with pytest.raises(SystemExit) as told:
        from_env(wrong)
    assert all(name in str(told.value) for name in wrong)
    assert "Traceback" not in str(told.value) and "short" not in str(told.value)


def test_migrations_and_models_say_the_same(portal: Flask) -> None:
    def same_type(_c: object, _i: object, _m: object, _found: object, wanted: object) -> bool | None:
        return False if isinstance(wanted, Utc) else None

    with portal.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": same_type})
        assert compare_metadata(context, db.metadata) == []
        flask_migrate.downgrade(revision="base")
        flask_migrate.upgrade()
