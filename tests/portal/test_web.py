"""Sessions, forms and settings, without AWS: what the portal keeps, refuses and says at its start."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask, flash, request, session
from sqlalchemy import select, text

from app import current, limits, people
from app.aws.clients import AwsCredentials
from app.factory import create_app
from app.models import StoredSession, Utc, db
from app.records import Person
from config import SETTINGS, from_env
from tests.support.clock import Clock

SECRET = "s3cr3t/that+must=never/be+found=anywhere"
GOOD = {"ACCOUNTS": "123456789012", "SECRET_KEY": "k" * 40, "AUDIT_KEYS": "k1:" + "a" * 40}


NOBODYS = AwsCredentials("AKIA", SECRET)
LASTS = timedelta(minutes=15)


def portal_at(file: Path, **settings: str) -> Flask:
    app = create_app(from_env({**GOOD, "DATABASE_URL": f"sqlite:///{file}", **settings}))

    @app.post("/test/enter")
    def enter() -> str:
        person = Person("123456789012", "alice", "/", "aws", False, datetime.now(UTC), "AKIA")
        people.sign_in(person, AwsCredentials("AKIA", SECRET), timedelta(minutes=15))
        return ""

    @app.post("/test/leave")
    def leave() -> str:
        people.sign_out()
        flash("You are signed out.")
        return ""

    @app.post("/test/upgrade")
    def upgrade() -> str:
        people.upgrade_in_place(AwsCredentials("ASIA", "temporary", "token"), timedelta(minutes=60))
        return ""

    @app.get("/test/see")
    def see() -> dict[str, object]:
        return {"keys": sorted(session), "secret": (session.get("credentials") or {}).get("secret_access_key")}

    for name in ("enter", "leave", "upgrade", "see"):
        app.view_functions[name].is_public = True
        app.extensions["csrf"].exempt(app.view_functions[name])
    with app.app_context():
        flask_migrate.upgrade()
    return app


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Flask]:
    app = portal_at(tmp_path / "portal.db")
    yield app
    with app.app_context():
        db.engine.dispose()


def cookie(client: object) -> str:
    found = client.get_cookie("latchkey-8000", domain="127.0.0.1")
    return found.value if found else ""


def get(client: object, path: str, sid: str = "") -> object:
    base = "http://127.0.0.1:8000"
    headers = {"Cookie": f"latchkey-8000={sid}"} if sid else {}
    return client.get(path, base_url=base, headers=headers)


def post(client: object, path: str, **form: str) -> object:
    return client.post(path, base_url="http://127.0.0.1:8000", data=form)


def test_who_steals_the_table_has_neither_cookies_nor_contents(portal: Flask, tmp_path: Path) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    with portal.app_context(), db.engine.connect() as connection:
        (row,) = connection.execute(select(StoredSession)).all()
        connection.execute(text("pragma wal_checkpoint(truncate)"))
    assert cookie(client) and cookie(client) not in (row.id_hash, row.data.decode())
    content = (tmp_path / "portal.db").read_bytes()
    for secret in (SECRET, cookie(client), "AKIA"):
        assert secret.encode() not in content


def test_contents_are_of_no_use_under_another_id(portal: Flask) -> None:
    client, thief = portal.test_client(), portal.test_client(use_cookies=False)
    post(client, "/test/enter")
    mine = hashlib.sha256(b"mine").hexdigest()
    with portal.app_context(), db.engine.begin() as connection:
        names = [column.name for column in StoredSession.__table__.columns]
        taken = ", ".join(f"'{mine}'" if name == "id_hash" else name for name in names)
        connection.execute(text(f"insert into sessions ({', '.join(names)}) select {taken} from sessions"))
    assert get(thief, "/test/see", "mine").json["keys"] == []


def test_a_new_id_at_every_change_of_privilege(portal: Flask) -> None:
    client, thief = portal.test_client(), portal.test_client(use_cookies=False)
    get(client, "/sign-in")
    planted = cookie(client)
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
        slow = portal.session_interface.open_session(portal, request)
        get(client, "/sign-in")
        with client.session_transaction(base_url="http://127.0.0.1:8000") as mine:
            mine.clear()
        slow["flash"] = "late"
        answer = portal.response_class()
        portal.session_interface.save_session(portal, slow, answer)
        assert "Set-Cookie" not in answer.headers
        slow.renew()
        portal.session_interface.save_session(portal, slow, answer)
        assert "latchkey-8000=;" in answer.headers["Set-Cookie"]
    assert get(portal.test_client(use_cookies=False), "/test/see", sid).json["keys"] == []


def test_signing_out_ends_the_id_whatever_is_said_afterwards(portal: Flask) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    kept = cookie(client)
    post(client, "/test/leave")
    assert cookie(client) not in ("", kept), "the farewell is another session"
    thief = portal.test_client(use_cookies=False)
    assert get(thief, "/test/see", kept).json["keys"] == []
    with portal.app_context(), db.engine.connect() as connection:
        stored = connection.execute(select(StoredSession.id_hash)).scalars().all()
    assert len(stored) == 1


def test_a_late_request_leaves_the_newer_cookie_alone(portal: Flask) -> None:
    client, late = portal.test_client(), portal.test_client(use_cookies=False)
    post(client, "/test/enter")
    old = cookie(client)
    post(client, "/test/upgrade")
    for path in ("/", "/mfa/enroll", "/sign-out", "/nothing-here"):
        assert "Set-Cookie" not in get(late, path, old).headers, path


def test_passers_by_fill_no_table(portal: Flask) -> None:
    for number in range(5):
        get(portal.test_client(), f"/?q={number}{'x' * 3000}")
        get(portal.test_client(), f"/mfa/enroll?q={number}")
    with portal.app_context(), db.engine.connect() as connection:
        assert connection.execute(select(StoredSession.id_hash)).all() == []


def test_forms_of_other_origins_are_refused(portal: Flask) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    for origin in ("http://127.0.0.1:9999", "https://evil.example", "null"):
        answer = client.post("/sign-out", base_url="http://127.0.0.1:8000", headers={"Origin": origin})
        assert answer.status_code == 403, origin
    assert get(client, "/test/see").json["secret"] == SECRET


def test_tries_are_counted_whatever_blanks_and_addresses_they_come_with(portal: Flask) -> None:
    counted = set()
    for blanks in ("AKIAABCDEFGH", " AKIAABCDEFGH", "AKIA ABCDEFGH", "akiaABCD\tEFGH"):
        with portal.test_request_context("/sign-in", method="POST", data={"access_key_id": blanks}):
            counted.add(limits.typed_key_id())
    assert counted == {"key:AKIAABCDEFGH"}
    clients = {}
    for address in ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1", "192.0.2.1", "192.0.2.2"):
        with portal.test_request_context("/", environ_base={"REMOTE_ADDR": address}):
            clients[address] = limits.client_address()
    assert clients["2001:db8:1:2::1"] == clients["2001:db8:1:2:ffff::9"] != clients["2001:db8:1:3::1"]
    assert clients["192.0.2.1"] != clients["192.0.2.2"]


def test_what_is_recorded_names_whom_it_is_about(portal: Flask) -> None:
    with portal.test_request_context("/"):
        people.sign_in(Person("123456789012", "alice", "/", "aws", False, datetime.now(UTC)), NOBODYS, LASTS)
        assert current.audit().user_name == "alice"
        assert current.audit("123456789012", "bob").user_name == "bob", "whose key was given, not who was here before"
        assert current.audit("", "").user_name == ""


def test_two_requests_at_once_keep_each_others_changes(portal: Flask) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    with portal.test_request_context("/", headers={"Cookie": f"latchkey-8000={cookie(client)}"}) as context:
        interface = portal.session_interface
        one, two = (interface.open_session(portal, context.request) for _ in range(2))
        one["first"], two["second"] = "1", "2"
        for changed in (one, two):
            interface.save_session(portal, changed, portal.response_class())
        assert {"first", "second", "credentials"} <= set(interface.open_session(portal, context.request))


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


def test_rotating_the_secret_key_keeps_people_signed_in(tmp_path: Path) -> None:
    file = tmp_path / "portal.db"
    client = portal_at(file).test_client()
    post(client, "/test/enter")
    rotated = portal_at(file, SECRET_KEY="n" * 40, SECRET_KEY_FALLBACKS=GOOD["SECRET_KEY"])
    assert get(rotated.test_client(use_cookies=False), "/test/see", cookie(client)).json["secret"] == SECRET
    unrelated = portal_at(file, SECRET_KEY="u" * 40)
    assert get(unrelated.test_client(use_cookies=False), "/test/see", cookie(client)).json["keys"] == []


def test_every_post_wants_its_csrf_token(portal: Flask) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    for rule in portal.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and not rule.rule.startswith("/test/"):
            assert post(client, rule.rule).status_code == 400, rule.rule
    assert get(client, "/test/see").json["secret"] == SECRET


def test_headers_of_every_page(portal: Flask) -> None:
    for path in ("/sign-in", "/", "/nothing-here"):
        headers = get(portal.test_client(), path).headers
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy and "form-action 'self'" in policy and "frame-ancestors 'none'" in policy
        assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"


def test_cookies(tmp_path: Path) -> None:
    local = get(portal_at(tmp_path / "a.db").test_client(), "/sign-in").headers["Set-Cookie"]
    assert local.startswith("latchkey-8000=") and "HttpOnly" in local and "SameSite=Lax" in local
    hosted = portal_at(tmp_path / "b.db", PUBLIC_URL="https://latchkey.example").test_client()
    said = hosted.get("/sign-in", base_url="https://latchkey.example").headers
    assert said["Set-Cookie"].startswith("__Host-latchkey=") and "Secure" in said["Set-Cookie"]
    assert "max-age" in said["Strict-Transport-Security"]


def test_other_hosts_are_refused(portal: Flask) -> None:
    assert portal.test_client().get("/sign-in", base_url="http://evil.example").status_code == 400


@pytest.mark.parametrize(
    "target", ["//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil", "javascript:x"]
)
def test_only_local_paths_are_followed(target: str) -> None:
    from app.pages import local_path  # noqa: PLC0415 # beside its table

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


def test_every_setting_is_documented() -> None:
    readme = Path(__file__).parents[2].joinpath("README.md").read_text()
    assert [name for name in SETTINGS if f"`{name}`" not in readme] == []


def test_migrations_and_models_say_the_same(portal: Flask) -> None:
    def same_type(_c: object, _i: object, _m: object, _found: object, wanted: object) -> bool | None:
        return False if isinstance(wanted, Utc) else None

    with portal.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": same_type})
        assert compare_metadata(context, db.metadata) == []
        flask_migrate.downgrade(revision="base")
        flask_migrate.upgrade()
