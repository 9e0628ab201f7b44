"""What deploy/ offers is sound: the unit, the image and the composition are what the programs expect."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError

from config import SETTINGS
from tests.deploy.conftest import NoAws
from tests.support.portal import Portal
from tests.support.postgres import postgres
from tests.support.redis import RedisServer
from tests.support.sandbox import ROOT, free_port
from tests.support.waiting import wait_until

DEPLOY = ROOT / "deploy"


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_the_image_is_made_as_the_linter_wants_it() -> None:
    linted = subprocess.run([tool("hadolint"), DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout
    text = (DEPLOY / "Dockerfile").read_text()
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in copied.split()), copied
    assert re.search(r"^USER (?!0|root)", text, re.MULTILINE)
    tried = DEPLOY / "try-image"
    assert os.access(tried, os.X_OK) and os.access(DEPLOY / "serve", os.X_OK)


def test_what_is_installed_in_production_is_part_of_what_is_tested() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+(?:\[\w+\])?==\S+)", (ROOT / name).read_text(), re.MULTILINE))

    served = pins("requirements-serve.lock")
    assert served < pins("requirements.lock") <= pins("requirements-dev.lock")
    assert not any(pin.startswith(("moto", "pytest")) for pin in served)


def test_compose_hangs_together() -> None:
    whole = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = whole["services"]
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, f"{name} needs {needed}"
            healthy = "healthcheck" in services[needed] or services[needed]["image"] == "latchkey"
            assert how["condition"] != "service_healthy" or healthy
        assert ":" in service["image"] or "build" in service, f"{name} is not pinned"
        assert "privileged" not in service and "docker.sock" not in str(service)
    portal = services["portal"]
    assert set(portal["environment"]) <= set(SETTINGS) and portal["read_only"] and portal["cap_drop"] == ["ALL"]
    assert (DEPLOY / portal["build"]["context"] / portal["build"]["dockerfile"]).exists()
    published = [name for name, service in services.items() if "ports" in service]
    assert published == ["nginx"], "nothing else is reached from outside"
    assert set(whole["volumes"]) == {"database"}
    for name in services:
        assert services[name]["cap_drop"] == ["ALL"] and services[name]["security_opt"] == ["no-new-privileges:true"]
        assert services[name].get("read_only") or name == "postgres"
    holders = {name for name, service in services.items() if "settings.env" in str(service.get("env_file"))}
    for kept_out in (ROOT / ".gitignore", DEPLOY / "Dockerfile.dockerignore"):
        assert "deploy/*.env" in kept_out.read_text().splitlines()
    assert holders == {"migrate", "portal"}, "access to the database gives no access to SECRET_KEY"


def test_redis_in_the_composition_wants_its_password(tmp_path: Path) -> None:
    service = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["redis"]
    port, password = free_port(), "Redis0password"
    plain = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "PYTHONPATH")}
    shell, options, script = (word.replace("$$", "$") for word in service["command"])
    script = script.replace("redis-server -", f"redis-server - --bind 127.0.0.1 --port {port} --dir {tmp_path}")
    without = subprocess.run([shell, options, script], env=plain, capture_output=True, check=False)
    assert without.returncode and b"REDIS_PASSWORD" in without.stderr, "none without a password"

    secret = {"REDIS_PASSWORD": password}
    kind, check = service["healthcheck"]["test"]
    check = check.replace("$$", "$").replace("redis-cli", f"redis-cli -p {port}")
    running = subprocess.Popen([shell, options, script], env=plain | secret, stdout=subprocess.DEVNULL)
    try:
        wait_until(lambda: subprocess.run(["sh", "-c", check], env=plain | secret, check=False).returncode == 0)
        with Redis(port=port) as stranger, pytest.raises(AuthenticationError):
            stranger.get("anything")
        with Redis.from_url(f"redis://:{password}@127.0.0.1:{port}/0") as portal:
            assert portal.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert password.encode() not in Path(f"/proc/{running.pid}/cmdline").read_bytes()
    finally:
        running.terminate()
        running.wait(10)
    assert (kind, service["user"]) == ("CMD-SHELL", "999:999")


def test_the_portals_role_in_postgresql_has_no_power_over_the_server() -> None:
    with postgres() as server:
        here = f"host=127.0.0.1 port={server.port}"
        with psycopg.connect(f"{here} user=latchkey dbname=postgres") as connection:
            connection.execute("create role postgres superuser login")
        with psycopg.connect(f"{here} user=postgres dbname=postgres") as connection:
            connection.execute("alter role latchkey rename to somebody")
        image = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres", "PGDATABASE": "postgres"}
        made = {**os.environ, **image, "LATCHKEY_PASSWORD": "it's a password"}
        subprocess.run([DEPLOY / "postgres-role.sh"], env=made, check=True, capture_output=True)
        with psycopg.connect(f"{here} user=latchkey dbname=latchkey") as connection:
            connection.execute("create table mine (it text)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("copy mine from program 'env'")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "latchkey.service"
    unit.write_text((DEPLOY / "latchkey.service").read_text().replace("/srv/latchkey", str(ROOT)))
    told = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr.strip()) == (0, "")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=16", "--no-pager", str(unit)]
    exposed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert exposed.returncode == 0, exposed.stdout
    text = unit.read_text()
    assert "\nLimitCORE=0\n" in text, "no memory on disk"
    assert re.search(r"^IPAddressDeny=.*\blink-local\b.* fd00:ec2::254$", text, re.MULTILINE), "no metadata service"


def workers_on(portal: Portal, *cores: set[int]) -> list[int]:
    """Wait until there are workers that may run on these cores, in this order; their pids."""
    assert portal.process
    file = Path(f"/proc/{portal.process.pid}/task/{portal.process.pid}/children")
    found: dict[int, set[int]] = {}

    def there_are() -> bool:
        nonlocal found
        with suppress(ProcessLookupError):  # one that just ended
            found = {int(pid): os.sched_getaffinity(int(pid)) for pid in file.read_text().split()}
        return sorted(found.values(), key=min) == list(cores)

    wait_until(there_are, told=lambda: found)
    return sorted(found, key=lambda pid: min(found[pid]))


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="takes two cores")
def test_with_a_worker_for_every_core_each_stays_on_its_own(tmp_path: Path, redis: RedisServer) -> None:
    ours = os.sched_getaffinity(0)
    one, other = sorted(ours)[:2]
    os.sched_setaffinity(0, {one, other})  # what is started from here has two cores, whatever the machine has
    try:
        with Portal(tmp_path / "two", NoAws(), WORKERS="2", REDIS_URL=redis.database()) as portal:
            first, second = workers_on(portal, {one}, {other})
            os.kill(first, signal.SIGKILL)
            wait_until(lambda: workers_on(portal, {one}, {other})[0] != first)
            assert workers_on(portal, {one}, {other})[1] == second, "who takes a dead worker's place takes its core"
        with Portal(tmp_path / "one", NoAws()) as portal:
            workers_on(portal, {one, other})  # the kernel chooses
    finally:
        os.sched_setaffinity(0, ours)
