"""`latchkey doctor` on an installation: what is right, and each thing that may be wrong."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import flask_migrate
import jsonschema
import pytest
from sqlalchemy import create_engine, text

from app.doctor import keys
from app.doctor.asking import ask
from app.doctor.settings import read
from app.monitoring.reflection import GOOD_FOR_S, HEADER, is_asked, question
from tests.doctor.conftest import Examine, codes
from tests.support.clock import Clock
from tests.support.databases import GOOD
from tests.support.inside import portal_at
from tests.support.portal import Portal
from tests.support.redis import RedisServer
from tests.support.sandbox import Sandbox, free_port
from tests.support.tls import make_certificate

REPORT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["format", "version", "checked_at", "status", "findings"],
    "properties": {
        "format": {"const": 1},
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
        "checked_at": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
        "status": {"enum": ["ok", "warnings", "problems"]},
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["code", "severity", "says", "fix", "facts"],
                "properties": {
                    "code": {"type": "string", "pattern": "^[a-z-]+$"},
                    "severity": {"enum": ["problem", "warning", "note"]},
                    "says": {"type": "string", "minLength": 5},
                    "fix": {"type": "string"},
                    "facts": {"type": "object"},
                },
            },
        },
    },
}
"""As docs/doctor.md describes what `--json` prints."""


def test_an_installation_that_works(portal: Portal, sandbox: Sandbox) -> None:
    before = sandbox.mark()
    done = portal.flask("doctor", "--json")
    report = json.loads(done.stdout)
    jsonschema.validate(report, REPORT)
    found = {finding["code"] for finding in report["findings"]}
    expected = {
        "settings-right", "database-works", "aws-reached", "aws-replaced", "aws-address-here", "clock-right",
        "public-url-reached", "proxies-right", "files-private", "notices-none", "redis-none",
    }  # fmt: skip
    assert expected <= found, done.stdout
    assert [each for each in report["findings"] if each["severity"] == "problem"] == []
    assert done.returncode == {"ok": 0, "warnings": 1}[report["status"]]
    asked = sandbox.calls(before)
    told = [(call["action"], call["access_key_id"], call["principal"]) for call in asked]
    assert len(told) == 3 and set(told) == {(None, None, None)}, "no action, and nobody’s key"
    assert len([each for each in report["findings"] if each["code"] == "aws-reached"]) == 3


def test_for_people_the_worst_comes_first_with_its_fix(portal: Portal) -> None:
    portal.environment["WORKERS"] = "many"
    try:
        done = portal.flask("doctor")
    finally:
        del portal.environment["WORKERS"]
    first, fix, *_ = done.stdout.splitlines()
    assert first.startswith("PROBLEM  WORKERS is …: set a whole number") and first.endswith("[settings-wrong]")
    assert fix.strip().startswith("→ Correct WORKERS") and done.returncode == 2


def test_every_wrong_setting_is_named_and_the_rest_is_still_checked(examined: Examine) -> None:
    diagnosis = examined(ACCOUNTS="12", SECRET_KEY="short", REAUTH_MINUTES="soon", SESSION_MAX_MINUTES="60")
    named = {each.facts["setting"] for each in diagnosis.findings if each.code == "settings-wrong"}
    assert {"ACCOUNTS", "SECRET_KEY", "REAUTH_MINUTES"} <= named
    assert {"settings-former-name", "database-works", "aws-reached", "public-url-not-asked"} <= codes(diagnosis)


def test_a_portal_that_is_not_running(examined: Examine) -> None:
    found = codes(examined(PORT=str(free_port())))
    assert "public-url-unreachable" in found and "proxies-right" not in found


def test_something_else_answers_at_the_address(examined: Examine, portal: Portal) -> None:
    assert "public-url-other" in codes(examined(SECRET_KEY="another-key-than-that-of-the-portal-here"))


def test_https_without_a_proxy_that_counts(examined: Examine) -> None:
    assert "proxies-none" in codes(examined(PUBLIC_URL=f"https://localhost:{free_port()}"))


def test_more_proxies_are_trusted_than_there_are(tmp_path: Path) -> None:
    """Then users choose the address that limits and the audit log have for them."""
    app = portal_at(tmp_path / "portal.db", TRUSTED_PROXIES="1")
    headers = {HEADER: question(GOOD["SECRET_KEY"], time.time()), "X-Forwarded-For": "192.0.2.77"}
    told = app.test_client().get("/healthz", headers=headers).json
    assert told and told["address"] == "192.0.2.77" and told["forwarded"] == ["192.0.2.77"]


def test_only_the_owner_of_the_key_is_told_how_a_request_arrives(tmp_path: Path, clock: Clock) -> None:
    client = portal_at(tmp_path / "portal.db").test_client()
    now = clock.time()
    others = ("", "x", "1:2", question("another key", now), question(GOOD["SECRET_KEY"], now - GOOD_FOR_S - 60))
    plain = client.get("/healthz").text
    assert all(client.get("/healthz", headers={HEADER: value}).text == plain for value in others)
    assert not is_asked({"HTTP_LATCHKEY_DOCTOR": f"{'9' * 400}:é"}, GOOD["SECRET_KEY"], now)
    assert "address" in client.get("/healthz", headers={HEADER: question(GOOD["SECRET_KEY"], now)}).text


def test_no_database_yet(examined: Examine, tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    assert "schema-missing" in codes(examined(DATABASE_URL=f"sqlite:///{file}"))
    assert not file.exists(), "looking makes none"
    file.touch(0o600)
    assert "schema-missing" in codes(examined(DATABASE_URL=f"sqlite:///{file}"))


@pytest.mark.parametrize(
    ("revision", "oldest", "code"),
    [
        ("0001", "", "schema-behind"),
        ("9999", "", "schema-ahead"),
        ("9999", "9998", "schema-too-new"),
        ("9999", "another program", "schema-unknown"),
    ],
)
def test_the_schema_of_another_version(
    examined: Examine, tmp_path: Path, revision: str, oldest: str, code: str
) -> None:
    app = portal_at(tmp_path / "portal.db")
    with app.app_context():
        if revision == "0001":
            flask_migrate.downgrade(revision=revision)
    engine = create_engine(f"sqlite:///{tmp_path / 'portal.db'}")
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = :one"), {"one": revision})
        if oldest == "another program":
            connection.execute(text("drop table schema_support"))
        elif oldest:
            connection.execute(text("update schema_support set oldest = :one"), {"one": oldest})
    engine.dispose()
    found = codes(examined(DATABASE_URL=f"sqlite:///{tmp_path / 'portal.db'}"))
    others = {"schema-behind", "schema-ahead", "schema-too-new", "schema-unknown"} - {code}
    assert code in found and found.isdisjoint(others)


def test_a_database_that_does_not_answer(examined: Examine) -> None:
    url = f"postgresql+psycopg://latchkey:hunter22@127.0.0.1:{free_port()}/latchkey"
    diagnosis = examined(DATABASE_URL=url)
    assert "database-unreachable" in codes(diagnosis) and "hunter22" not in str(diagnosis.findings)


def test_others_can_read_or_change_files(examined: Examine, tmp_path: Path, portal: Portal) -> None:
    file = tmp_path / "open.db"
    portal_at(file)
    file.chmod(0o644)
    admins = tmp_path / "admins"
    admins.write_text(portal.environment["ADMINS"] + "\n")
    admins.chmod(0o666)
    found = examined(DATABASE_URL=f"sqlite:///{file}", ADMINS=f"@{admins}")
    assert {"file-readable", "file-writable"} <= codes(found)
    assert [each.facts for each in found.findings if each.code == "file-writable"] == [
        {"setting": "ADMINS", "mode": "0666"}
    ]


@pytest.mark.parametrize("path", ["{}/named", "named", "sub/../named", "./named"])
def test_others_can_change_a_file_whatever_its_path_looks_like(
    examined: Examine, tmp_path: Path, portal: Portal, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "named").write_text(portal.environment["SECRET_KEY"])
    (tmp_path / "named").chmod(0o420)
    tmp_path.chmod(0o777)
    (tmp_path / "recommended").mkdir()
    (tmp_path / "recommended").chmod(0o777)
    found = examined(SECRET_KEY="", SECRET_KEY_FILE=path.format(tmp_path), ADMINS="", FORCE_MFA_POLICY="recommended")
    assert [each.facts for each in found.findings if each.code == "file-writable"] == [
        {"setting": "SECRET_KEY_FILE", "mode": "0420"}
    ]


def test_redis(examined: Examine, redis: RedisServer) -> None:
    assert "redis-works" in codes(examined(REDIS_URL=redis.database()))
    assert "redis-unreachable" in codes(examined(REDIS_URL=f"redis://:hunter22@127.0.0.1:{free_port()}/0"))


def test_notices_without_a_worker(examined: Examine) -> None:
    mail = {"SMTP_SERVER": "127.0.0.1:2525", "SMTP_SECURITY": "plain", "SMTP_FROM": "latchkey@example.com"}
    assert "notices-no-worker" in codes(examined(**mail))


def test_keys_that_should_be_gone(examined: Examine) -> None:
    found = examined(
        SECRET_KEY_FALLBACKS="an-earlier-key-of-the-portal-of-the-tests",
        AUDIT_KEYS="k2:" + "b" * 40 + ",k1:" + "a" * 40,
    )
    assert {"fallbacks-left", "key-end-missing"} <= codes(found)


def test_the_age_of_the_key_that_signs_is_that_of_its_first_entry(portal: Portal, clock: Clock) -> None:
    """In a chain of many keys: entries of the key before don't count, nor do those of another account."""
    add = (
        "insert into activity (account_id, seq, at, attempt_id, user_name, event, target, phase, reason, request_id, "
        "address, user_agent, session, key_id, mac) values (:account, :seq, :at, '', '', 'sign-in', '', 'done', '', "
        "'', '', '', '', :key, '')"
    )
    for account, shift in (("111122223333", 0), ("444455556666", 20)):
        for seq in range(1, 41):
            key = "k1" if seq <= 9 + shift else "k2"
            day = f"2024-03-{(seq + 1) // 2:02} 10:00:00.000000"
            portal.rows(add, account=account, seq=seq + 5, at=day, key=key)
        portal.rows("insert into activity_heads (account_id, seq, mac) values (:account, 45, '')", account=account)
    try:
        env = {**portal.environment, "AUDIT_KEYS": "k2:" + "b" * 40 + ",k1@2024-03-05:" + "a" * 40}
        engine = create_engine(portal.environment["DATABASE_URL"])
        now = datetime.now(UTC)
        [found] = [each for each in keys.check(read(env), engine, now) if each.code == "key-old"]
        engine.dispose()
    finally:
        portal.rows("delete from activity where account_id in ('111122223333', '444455556666')")
        portal.rows("delete from activity_heads where account_id in ('111122223333', '444455556666')")
    assert found.facts["since"] == "2024-03-05" and "5 March 2024" in found.says


def test_a_certificate_that_nobody_vouches_for_is_told_with_its_issuer(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}"

        def serve() -> None:
            for _ in range(3):
                connection, _ = listening.accept()
                try:
                    with made.server.wrap_socket(connection, server_side=True) as inside:
                        inside.recv(4096)
                        inside.sendall(b"HTTP/1.1 204 No Content\r\nDate: Sun, 03 May 2026 10:00:00 GMT\r\n\r\n")
                except (ssl.SSLError, OSError):
                    connection.close()

        server = threading.Thread(target=serve)
        server.start()
        refused = ask(url)
        trusted = ask(url, ca_file=str(made.file))
        server.join()
    assert refused.untrusted and refused.status == 0 and refused.certificate
    assert refused.certificate.issuer == "localhost", "known, so that a proxy that inspects TLS is recognized"
    assert (trusted.status, trusted.untrusted, trusted.error) == (204, "", "")
    assert trusted.local == trusted.peer == "127.0.0.1" and trusted.seconds_ahead is not None


def test_a_check_that_breaks_hides_no_other(examined: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.doctor.packages.LOCK", None)
    assert {"check-failed", "notices-none", "files-private"} <= codes(examined())
