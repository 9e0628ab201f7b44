"""What machines and their keepers see: health, readiness, numbers, logs. Without AWS."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import flask_migrate
import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import text
from werkzeug.test import EnvironBuilder

from app.aws.observing import Observer
from app.commands import activity, compliance
from app.db import db
from app.errors import PortalError
from app.factory import create_app
from app.monitoring import logs
from config import from_env
from tests.portal.test_gateway import LISTED, Upstream, clients, person, upstream
from tests.support import forks
from tests.support.databases import GOOD
from tests.support.inside import BASE, get, portal_at, post, visitors_cookie
from tests.support.redis import RedisServer
from tests.support.sandbox import ROOT, free_port

TOKEN = "t" * 20
__all__ = ["upstream"]


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Flask]:
    app = portal_at(tmp_path / "portal.db", METRICS_TOKEN=TOKEN, TRUSTED_PROXIES="1")
    yield app
    with app.app_context():
        db.engine.dispose()


def ready(app: Flask) -> tuple[int, dict[str, str] | None]:
    answer = app.test_client().get("/readyz", base_url="http://10.1.2.3:8000")
    return answer.status_code, answer.json


def numbers(app: Flask, token: str = TOKEN) -> str:
    return app.test_client().get("/metrics", headers={"Authorization": f"Bearer {token}"}).text


def test_probes_are_answered_by_address_and_say_what_fails(portal: Flask) -> None:
    assert portal.test_client().get("/healthz", base_url="http://10.1.2.3:8000").status_code == 200
    assert ready(portal) == (200, {"database": "ok", "schema": "ok", "sessions": "ok"})
    with portal.app_context():
        flask_migrate.downgrade(revision="0001")
    assert ready(portal) == (503, {"database": "ok", "schema": "failing", "sessions": "ok"})
    with portal.app_context():
        flask_migrate.upgrade()
    with portal.app_context(), db.engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    assert ready(portal)[0] == 200, "of a later release, which suits this one: replicas are renewed one by one"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_are_found_only_as_a_proxy_can_hide_them(portal: Flask, path: str) -> None:
    client, asks = portal.test_client(), {"Authorization": f"Bearer {TOKEN}"}
    for as_written in (path, f"{path}?now", f"{path}?a=?"):
        assert client.get(as_written, base_url=BASE, headers=asks).status_code == 200
    encoded = f"/%{ord(path[1]):x}{path[2:]}"
    hidden = (encoded, encoded.upper(), f"{encoded}?now", f"/.{path}", f"/{path}", f"{path}/", f"{path}%3Fnow")
    for other in (*hidden, f"{path}%23", f"/%2e{path}"):
        answer = client.get(other, base_url=BASE, headers=asks)
        assert answer.status_code in (404, 308, 302), other
        assert "latchkey_" not in answer.text and '"status"' not in answer.text and '"database"' not in answer.text
    whole = client.get(path, base_url=BASE, headers=asks, environ_overrides={"RAW_URI": f"{BASE}{path}"})
    assert whole.status_code == 404, "as it is sent to a proxy that passes on everything"
    nameless = client.get(path, base_url=BASE, headers=asks, environ_overrides={"RAW_URI": None})
    assert nameless.status_code == 200, "a server that doesn't tell"


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_that_ask_for_no_body_get_none(portal: Flask, path: str) -> None:
    client, asks = portal.test_client(), {"Authorization": f"Bearer {TOKEN}"}
    environ = EnvironBuilder(path, BASE, method="HEAD", headers=list(asks.items())).get_environ()
    assert list(portal.wsgi_app(environ, lambda *_: lambda sent: None)) == []
    assert client.head(path, base_url=BASE, headers=asks).content_length > 0


def test_readiness_tells_redis_from_the_database(tmp_path: Path) -> None:
    away = portal_at(tmp_path / "a.db", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0", METRICS_TOKEN=TOKEN)
    assert ready(away) == (503, {"database": "ok", "schema": "ok", "sessions": "failing"})
    told = numbers(away)
    assert 'latchkey_ready{part="database"} 1.0' in told and 'latchkey_ready{part="sessions"} 0.0' in told
    nowhere = portal_at(tmp_path / "b.db", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    with nowhere.app_context():
        db.engine.dispose()
    (tmp_path / "b.db").rename(tmp_path / "c.db")
    (tmp_path / "b.db").mkdir()
    assert ready(nowhere) == (503, {"database": "failing", "schema": "unknown", "sessions": "failing"})


def test_the_numbers_are_for_those_who_have_the_token(portal: Flask, tmp_path: Path) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = portal.test_client().get("/metrics", headers=headers)
        assert answer.status_code == 401 and "latchkey_" not in answer.text
    assert "latchkey_sessions 0.0" in numbers(portal)
    none = portal_at(tmp_path / "none.db").test_client()
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {TOKEN}"}):
        answer = none.get("/metrics", base_url=BASE, headers=headers)
        assert answer.status_code == 404 and "latchkey_" not in answer.text, "without a token there is no such page"


def test_requests_and_sessions_are_counted(portal: Flask) -> None:
    client = portal.test_client()
    entered = 'latchkey_requests_total{endpoint="enter",method="POST",status="200"} '

    def counted(told: str) -> float:
        return next((float(line.removeprefix(entered)) for line in told.splitlines() if line.startswith(entered)), 0)

    before = counted(numbers(portal))  # other tests of this process count, too
    post(client, "/test/enter")
    get(client, "/nothing-here")
    client.open("/sign-in", method="BREW", base_url=BASE)
    told = numbers(portal)
    assert counted(told) == before + 1
    assert 'endpoint="none",method="GET",status="404"' in told
    assert "BREW" not in told and 'method="other"' in told, "nobody makes labels of their own"
    assert "latchkey_sessions 1.0" in told
    assert "/nothing-here" not in told


def test_calls_of_aws_are_counted_with_what_came_of_them(upstream: type[Upstream]) -> None:
    seen: list[tuple[str, str]] = []
    throttled: list[str] = []
    observer = Observer(lambda action, outcome, seconds: seen.append((action, outcome)), throttled.append)
    from app.aws.clients import using_credentials  # noqa: PLC0415 # beside its use
    from app.aws.iam import IamGateway  # noqa: PLC0415 # beside its use

    iam = IamGateway(clients(observer=observer))
    with using_credentials(person("alice")):
        iam.mfa_devices("alice")
        upstream.status = 403
        upstream.answer = LISTED.replace(b"ListMFADevicesResponse", b"ErrorResponse")
        for code in (b"AccessDenied", b"Throttling", b"NeverHeardOf"):
            upstream.answer = b"<ErrorResponse><Error><Code>%s</Code></Error></ErrorResponse>" % code
            with pytest.raises(PortalError):
                iam.mfa_devices("alice")
    assert seen == [("iam:ListMFADevices", kind) for kind in ("ok", "not-allowed", "throttled", "refused")]
    assert throttled == ["iam:ListMFADevices"] * 3, "each repetition"


@pytest.fixture
def lines() -> Iterator[Any]:
    """Log as the portal does; gives what was logged."""
    stream = io.StringIO()
    wanted = logs.settings("INFO")
    wanted["handlers"]["stderr"]["stream"] = stream
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    logging.config.dictConfig(wanted)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)


def test_a_request_is_one_line_with_the_id_that_the_page_names(portal: Flask, lines: Any) -> None:
    client = portal.test_client()
    post(client, "/test/enter")
    answer = get(client, "/nothing-here?code=secret-of-the-query")
    number = answer.headers["X-Request-Id"]
    assert f"<code>{number}</code>" in answer.text
    told = lines()[-1]
    assert (told["request_id"], told["status"], told["path"]) == (number, 404, "/nothing-here")
    assert told["level"] == "INFO" and told["session"] and "secret-of-the-query" not in str(lines())
    other = portal.test_client().get("/", base_url="http://evil.example")
    assert other.headers["X-Request-Id"] in other.text


def test_nobody_writes_lines_of_their_own_into_the_log(portal: Flask, tmp_path: Path, lines: Any) -> None:
    client = portal.test_client()
    forged = '/x\n{"level": "INFO", "message": "all is well"}\x1b[2J\u2028\u0085'.encode().decode("latin-1")
    client.get("/", base_url=BASE, headers={"User-Agent": "a\tb"}, environ_overrides={"PATH_INFO": forged})
    (line,) = lines()
    assert line["message"] == "answered" and line["path"].startswith("/x\n{")
    given = {"X-Request-Id": "abcd-1234-abcd", "X-Forwarded-For": "192.0.2.1"}
    assert client.get("/sign-in", base_url=BASE, headers=given).headers["X-Request-Id"] == "abcd-1234-abcd"
    for bad in ("short", "x" * 65, 'a"b{c}defgh'):
        answer = client.get("/sign-in", base_url=BASE, headers={"X-Request-Id": bad})
        assert answer.headers["X-Request-Id"] != bad
    direct = portal_at(tmp_path / "direct.db").test_client()
    assert direct.get("/sign-in", base_url=BASE, headers=given).headers["X-Request-Id"] != "abcd-1234-abcd"
    assert visitors_cookie(client)


def test_settings_for_many_are_refused_without_what_they_share() -> None:
    for wrong, named in (
        ({"WORKERS": "2"}, "WORKERS is 2"),
        ({"WEB_CONCURRENCY": "3"}, "WEB_CONCURRENCY is 3"),
        ({"REDIS_URL": "http://:hunter2-secret@somewhere"}, "REDIS_URL: set redis://"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
        ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN"),
    ):
        with pytest.raises(SystemExit) as told:
            from_env({**GOOD, **wrong})
        assert named in str(told.value) and "hunter2" not in str(told.value)
    assert from_env({**GOOD, "WORKERS": "4", "REDIS_URL": "rediss://:pw@cache.example:6380/1"})["WORKERS"] == 4


def test_databases_that_the_portal_cannot_use_are_refused() -> None:
    for wrong in ("mysql://me:hunter2-secret@there/x", "postgresql://me:hunter2-secret@there/x", "there", "sqlite:"):
        with pytest.raises(SystemExit) as told:
            from_env({**GOOD, "DATABASE_URL": wrong})
        assert "DATABASE_URL: set sqlite:////PATH/TO/FILE, or postgresql+psycopg://" in str(told.value)
        assert "hunter2" not in str(told.value)
    for good in ("sqlite://", "sqlite:///portal.db", "postgresql+psycopg://me@there/x"):
        assert from_env({**GOOD, "DATABASE_URL": good})["SQLALCHEMY_DATABASE_URI"] == good


def test_a_database_in_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=f"DATABASE_URL: there is no folder {tmp_path}/var"):
        from_env({**GOOD, "DATABASE_URL": f"sqlite:///{tmp_path}/var/portal.db"})


def test_the_region_is_one_of_the_partition() -> None:
    for partition, region in (("aws", "us-east-1"), ("aws-cn", "cn-north-1"), ("aws-us-gov", "us-gov-west-1")):
        told = from_env({**GOOD, "AWS_PARTITION": partition, "SIGN_IN_METHODS": "access-key"})
        assert told["AWS_REGION"] == region, "asked where none is set"
    assert from_env({**GOOD, "AWS_REGION": "eu-central-2"})["AWS_REGION"] == "eu-central-2"
    for partition, wrong in (
        ("aws", "cn-north-1"),
        ("aws-cn", "us-east-1"),
        ("aws", "us-iso-east-1"),
        ("aws", "here"),
    ):
        with pytest.raises(SystemExit, match=f"AWS_REGION is '{wrong}': set a region of the partition {partition}"):
            from_env({**GOOD, "AWS_PARTITION": partition, "AWS_REGION": wrong})


def test_where_to_listen_is_checked_at_start() -> None:
    for wrong in (
        "here",
        "127.0.0.1",
        "127.0.0.1:",
        ":8000",
        "127.0.0.1:99999",
        "unix:socket",
        "::1:8000",
        "http://[::1]:80",
    ):
        with pytest.raises(SystemExit, match="BIND is "):
            from_env({**GOOD, "BIND": wrong})
    with pytest.raises(SystemExit, match="PORT is 'http'"):
        from_env({**GOOD, "PORT": "http", "PUBLIC_URL": "https://latchkey.example"})
    for good in ("0.0.0.0:8000", "[::]:8000", "localhost:80", ""):
        from_env({**GOOD, "BIND": good})
    from_env({**GOOD, "BIND": "unix:/run/latchkey/socket", "TRUSTED_PROXIES": "1"})
    with pytest.raises(SystemExit, match="BIND is a socket: set TRUSTED_PROXIES to 1"):
        from_env({**GOOD, "BIND": "unix:/run/latchkey/socket"})


@pytest.mark.parametrize("ending", ["#aida123456", "#AIDA12", "#", "#AROA1234567890", "#AIDA1234567890#X", " x"])
def test_an_administrator_is_never_named_in_vain(ending: str) -> None:
    account = GOOD["ACCOUNTS"].split(",")[0]
    with pytest.raises(SystemExit, match="ADMINS: "):
        from_env({**GOOD, "ADMINS": f"arn:aws:iam::{account}:user/Bob{ending}"})


def test_addresses_are_written_as_browsers_write_them() -> None:
    for given, written in (
        ("https://Latchkey.Example.COM:443/", "https://latchkey.example.com"),
        ("https://latchkey.example:8443", "https://latchkey.example:8443"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
    ):
        assert from_env({**GOOD, "PUBLIC_URL": given})["PUBLIC_URL"] == written
    for wrong in (
        "https://me@host",
        "https://host:abc",
        "http://127.0.0.1:abc",
        "https://[h",
        "https://bücher.example",
    ):
        with pytest.raises(SystemExit, match="PUBLIC_URL is "):
            from_env({**GOOD, "PUBLIC_URL": wrong})
    with pytest.raises(SystemExit, match="REDIS_URL: set redis://"):
        from_env({**GOOD, "REDIS_URL": "redis://[x"})


def test_a_rate_limit_that_nobody_understands_is_refused() -> None:
    with pytest.raises(SystemExit, match="SIGN_IN_LIMIT_PER_KEY is 'ten per minute': set something like '10 per 5"):
        from_env({**GOOD, "SIGN_IN_LIMIT_PER_KEY": "ten per minute"})


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_SIGNIN"])
def test_an_address_with_a_password_in_it_is_refused_because_users_see_it(name: str) -> None:
    with pytest.raises(SystemExit, match=f"{name} contains a user name or password") as refused:
        from_env({**GOOD, name: "http://proxy:Pass9@127.0.0.1:5000"})
    assert "Pass9" not in str(refused.value)
    from_env({**GOOD, name: "http://127.0.0.1:5000/@path"})


def test_commands_say_what_the_database_lacks_as_the_portal_does(tmp_path: Path) -> None:
    for name, said in (("new.db", "latchkey db upgrade"), ("no/folder/x.db", "The database does not answer")):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        app = create_app(from_env({**GOOD, "DATABASE_URL": f"sqlite:///{file}"}))
        if file.parent != tmp_path:
            shutil.rmtree(file.parent)  # it was there at the start
        for group, words in (
            (activity, ["verify"]),
            (activity, ["prune"]),
            (compliance, ["refresh"]),
            (compliance, ["import", "-"]),
            (compliance, ["export"]),
        ):
            done = app.test_cli_runner().invoke(group, args=words)
            assert done.exit_code == 1 and done.output.startswith("Error: ") and said in done.output, done.output
            assert isinstance(done.exception, SystemExit)


def test_commands_explain_themselves_without_settings() -> None:
    assert {"activity", "compliance", "policy", "sandbox"} <= entry_points(group="flask.commands").names
    for group, words in ((activity, []), (activity, ["verify"]), (compliance, []), (compliance, ["export"])):
        done = CliRunner().invoke(group, [*words, "--help"])
        assert done.exit_code == 0 and "Usage:" in done.output
    wrong = CliRunner().invoke(compliance, ["export", "--rule", "keyage"])
    assert wrong.exit_code == 2 and "'key-age'" in wrong.output, "what there is, is told"


def serve(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """`deploy/serve` that is expected not to start."""
    environment = {**os.environ, **GOOD, "DATABASE_URL": f"sqlite:///{folder / 'portal.db'}", **settings}
    command = [sys.executable, "-m", "gunicorn", "-c", "deploy/gunicorn.conf.py", "wsgi:app"]
    environment["PORT"] = str(free_port())
    return forks.run(command, ROOT, environment)


def test_a_portal_that_cannot_serve_does_not_start_and_says_why(tmp_path: Path, redis: RedisServer) -> None:
    portal_at(tmp_path / "portal.db")
    behind = serve(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path / 'new.db'}")
    assert behind.returncode and "latchkey db upgrade" in behind.stderr
    away = serve(tmp_path, REDIS_URL=f"redis://:hunter2-secret@127.0.0.1:{free_port()}/0")
    assert away.returncode and "Redis does not answer" in away.stderr and "hunter2" not in away.stderr + away.stdout
    for refused in (behind, away):
        assert "Traceback" not in refused.stderr + refused.stdout
