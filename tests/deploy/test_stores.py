"""PostgreSQL and Redis as deploy/ sets them up: who reaches them, and with what."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError

from tests.support.postgres import postgres
from tests.support.sandbox import ROOT, free_port
from tests.support.waiting import wait_until

DEPLOY = ROOT / "deploy"
PASSWORD = "it's a password"


def composition() -> dict[str, dict[str, dict[str, object]]]:
    """What compose.yaml says."""
    found: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def on_network(name: str) -> set[str]:
    """The services of the composition that are on a network."""
    return {each for each, service in composition()["services"].items() if name in networks_of(service)}


def networks_of(service: dict[str, object]) -> list[str]:
    """A service that names none would be on one that all of them share."""
    found = service.get("networks", ["default"])
    assert isinstance(found, list)
    return found


def test_in_the_composition_only_the_portals_programs_reach_the_stores_and_these_reach_nobody() -> None:
    networks = {name: networks_of(service) for name, service in composition()["services"].items()}
    assert networks["postgres"] == networks["redis"] == ["back"]
    assert composition()["networks"]["back"] == {"internal": True}, "it reaches the internet"
    assert on_network("back") == {"postgres", "redis", "portal", "worker", "migrate"}
    assert on_network("front") == {"nginx", "portal"} and networks["nginx"] == ["front"]
    assert on_network("out") == {"portal", "worker"}, "AWS, mail and webhooks"
    assert set(composition()["networks"]) == {each for names in networks.values() for each in names}


def test_redis_in_the_composition_wants_its_password(tmp_path: Path) -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["redis"]
    port, password = free_port(), "Redis0password"
    plain = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "PYTHONPATH")}
    shell, options, script = (word.replace("$$", "$") for word in service["command"])
    script = script.replace("redis-server -", f"redis-server - --bind 127.0.0.1 --port {port} --dir {tmp_path}")
    secret = tmp_path / "redis_password"
    script = script.replace("/run/secrets/redis_password", str(secret))
    for made in (lambda: None, lambda: secret.write_text("\n")):  # no file, then one without a password
        made()
        without = subprocess.run([shell, options, script], env=plain, capture_output=True, check=False)
        assert without.returncode and b"password" in without.stderr
    secret.write_text(f"{password}\n")

    kind, check = service["healthcheck"]["test"]
    check = check.replace("$$", "$").replace("redis-cli", f"redis-cli -p {port}")
    check = check.replace("/run/secrets/redis_password", str(secret))
    running = subprocess.Popen([shell, options, script], env=plain, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: subprocess.run(["sh", "-c", check], env=plain, check=False).returncode == 0)
        with Redis(port=port) as stranger, pytest.raises(AuthenticationError):
            stranger.get("anything")
        with Redis.from_url(f"redis://:{password}@127.0.0.1:{port}/0") as portal:
            assert portal.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert password.encode() not in Path(f"/proc/{running.pid}/cmdline").read_bytes()
    finally:
        running.terminate()
        running.wait(10)
    assert (kind, service["user"]) == ("CMD-SHELL", "999:999")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a superuser of a server like the image's, with a psql that notes how it is started."""
    folder = tmp_path_factory.mktemp("postgres")
    noting = folder / "psql"
    note, psql = "{ env; printf '%s\\n' \"$@\"; }", shutil.which("psql")
    noting.write_text(f'#!/bin/sh\n{note} > {folder}/noted\nexec {psql} "$@"\n')
    noting.chmod(0o755)
    (folder / "password").write_text(f"{PASSWORD}\n")
    with postgres() as server:
        here = f"host=127.0.0.1 port={server.port}"
        with psycopg.connect(f"{here} user=latchkey dbname=postgres") as connection:
            connection.execute("create role postgres superuser login")
        with psycopg.connect(f"{here} user=postgres dbname=postgres") as connection:
            connection.execute("alter role latchkey rename to somebody")
            connection.execute("create role another login")
        yield {
            **os.environ,
            "PATH": f"{folder}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGUSER": "postgres",
            "PGDATABASE": "postgres",
            "LATCHKEY_PASSWORD_FILE": str(folder / "password"),
        }


def connected(image: dict[str, str], user: str) -> psycopg.Connection:
    return psycopg.connect(host=image["PGHOST"], port=image["PGPORT"], user=user, dbname="latchkey")


def make_role(**env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([DEPLOY / "postgres-role.sh"], env=env, capture_output=True, text=True, check=False)


def test_the_portals_role_in_postgresql_has_its_database_and_no_power_over_the_server(image: dict[str, str]) -> None:
    without = make_role(**image | {"LATCHKEY_PASSWORD_FILE": "/dev/null"})
    assert without.returncode == 1 and "no password" in without.stderr
    made = make_role(**image)
    assert made.returncode == 0, made.stderr
    noted = Path(image["LATCHKEY_PASSWORD_FILE"]).with_name("noted").read_text()
    assert "ON_ERROR_STOP=1" in noted and PASSWORD not in noted, "others on the machine would see it"

    with connected(image, "latchkey") as connection:
        connection.execute("create table mine (it text)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("copy mine from program 'env'")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connected(image, "another")
    with connected(image, "postgres") as connection:
        found = connection.execute("select rolpassword from pg_authid where rolname = 'latchkey'").fetchone()
    assert found and is_of(found[0], PASSWORD), "without the line's end"


def is_of(secret: str, password: str) -> bool:
    """Is this what PostgreSQL keeps of the password (RFC 5803)?"""
    kind, salted, keys = secret.split("$")
    rounds, salt = salted.split(":")
    derived = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    key = hashlib.sha256(hmac.digest(derived, b"Client Key", "sha256")).digest()
    return kind == "SCRAM-SHA-256" and base64.b64decode(keys.split(":")[0]) == key


def test_every_document_that_creates_the_database_closes_it_for_other_roles() -> None:
    places = [*(ROOT / "docs").glob("*.md"), *ROOT.glob("*.md"), *DEPLOY.rglob("*.md"), DEPLOY / "postgres-role.sh"]
    creating = 0
    for file in places:
        text = file.read_text()
        blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) if file.suffix == ".md" else [text]
        for block in blocks:
            made = len(re.findall(r"\bcreatedb\b|\bCREATE DATABASE\b", block))
            creating += made
            assert block.count("REVOKE CONNECT ON DATABASE latchkey FROM PUBLIC") >= made, f"{file}\n{block}"
    assert creating >= 3, "the script, and a restore with and without Compose"
