"""What deploy/ offers is sound: the unit, the image and the composition are what the programs expect."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from config import SETTINGS, from_env
from release.kinds import HEALTHY, PORTAL, configuration
from tests.deploy import lists
from tests.deploy.conftest import NoAws
from tests.support.portal import Portal
from tests.support.redis import RedisServer
from tests.support.sandbox import ROOT
from tests.support.waiting import wait_until

DEPLOY = ROOT / "deploy"
UNITS = ["latchkey.service", "latchkey-worker.service", "latchkey-migrate.service", "latchkey@.service"]


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_the_image_is_made_as_the_linter_wants_it() -> None:
    linted = subprocess.run([tool("hadolint"), DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout
    text = (DEPLOY / "Dockerfile").read_text()
    for copied in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / name).exists() for name in copied.split()), copied
    assert re.search(r"^USER (?!0|root)", text, re.MULTILINE)
    assert os.access(DEPLOY / "serve", os.X_OK)


def test_the_dockerfile_makes_what_make_image_makes() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    options = dict(each.removeprefix("--").split("=", 1) for each in configuration(PORTAL) if each.count("=") == 1)

    def said(instruction: str) -> str:
        return str(re.findall(rf"^{instruction} (.+)$", text, re.MULTILINE)[-1])

    assert json.loads(said("ENTRYPOINT")) == json.loads(options["entrypoint"])
    assert json.loads(said("CMD")) == json.loads(options["cmd"])
    assert said("USER") == options["user"].partition(":")[0]
    assert said("EXPOSE") == options["port"] and said("STOPSIGNAL") == options["stop-signal"]
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    lines = re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
    copied = {name for line in lines for name in line.split()}
    assert {*wheel["only-include"], *wheel["force-include"]} <= copied, "its wheel would lack them"
    assert f"BIND={PORTAL.environment['BIND']}" in said("ENV") and f"-r {PORTAL.lock}" in text
    assert HEALTHY.format(port=PORTAL.port, path=PORTAL.health) in text


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
    assert portal["read_only"] and (DEPLOY / portal["build"]["context"] / portal["build"]["dockerfile"]).exists()
    published = [name for name, service in services.items() if "ports" in service]
    assert published == ["nginx"], "nothing else is reached from outside"
    assert set(whole["volumes"]) == {"database"}
    for name in services:
        assert services[name]["cap_drop"] == ["ALL"] and services[name]["security_opt"] == ["no-new-privileges:true"]
        assert services[name].get("read_only") or name == "postgres"


def test_compose_passes_every_setting_and_secrets_only_as_files() -> None:
    whole = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services, files = whole["services"], whole["secrets"]
    assert set(files) - {"postgres_superuser", "postgres_latchkey", "redis_password"} == set(lists.secrets())
    for name in ("migrate", "portal", "worker"):
        given = services[name]["environment"]
        assert services[name]["env_file"] == ["compose.defaults", "settings.env"], "which have all the others"
        assert given == {SETTINGS[each].file_name: f"/run/secrets/{each}" for each in services[name]["secrets"]}
        assert set(services[name]["secrets"]) <= set(lists.secrets()), "a password of another service"
    assert all(name in SETTINGS for name in re.findall(r"^(\w+)=", (DEPLOY / "compose.defaults").read_text(), re.M))
    others = {name: set(services[name].get("secrets", ())) for name in ("nginx", "postgres", "redis")}
    assert others == {
        "nginx": set(),
        "postgres": {"postgres_superuser", "postgres_latchkey"},
        "redis": {"redis_password"},
    }, "access to the database gives no access to SECRET_KEY"
    for kept_out in (ROOT / ".gitignore", DEPLOY / "Dockerfile.dockerignore"):
        assert {"deploy/*.env", "deploy/secrets"} <= {line.rstrip("/") for line in kept_out.read_text().splitlines()}


@pytest.mark.skipif(os.getuid() != 0, reason="gives files to other users")
def test_the_secrets_of_the_composition_are_made_once_and_each_is_for_one_user(tmp_path: Path) -> None:
    command: list[str | Path] = [DEPLOY / "make-secrets", "--compose", tmp_path / "secrets"]
    made = subprocess.run(command, check=True, capture_output=True, text=True)
    files = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert set(files) == named_in_compose() and all(f"Written: {name}\n" in made.stdout for name in files)
    assert not any(text.strip() in made.stdout for text in files.values())
    subprocess.run(command, check=True)
    assert files == {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}, "kept"
    owners = {
        file.name: (file.stat().st_uid, file.stat().st_mode & 0o777) for file in (tmp_path / "secrets").iterdir()
    }
    image = re.search(r"^USER (\d+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert image and owners["SECRET_KEY"] == (int(image[1]), 0o400) and owners["redis_password"] == (999, 0o400)
    assert {name for name, (uid, _) in owners.items() if uid == int(image[1])} <= set(lists.secrets())
    there = {SETTINGS[name].file_name: str(tmp_path / "secrets" / name) for name in files if name in SETTINGS}
    settings = from_env({"ACCOUNTS": "123456789012", "PUBLIC_URL": "https://latchkey.example.com", **there})
    assert settings["REDIS_URL"] == f"redis://:{files['redis_password'].strip()}@redis:6379/0"
    assert settings["SQLALCHEMY_DATABASE_URI"].endswith(f":{files['postgres_latchkey'].strip()}@postgres/latchkey")


def test_two_keys_are_made_for_other_deployments(tmp_path: Path) -> None:
    folder = tmp_path / "latchkey/secrets"
    subprocess.run([DEPLOY / "make-secrets", folder], check=True, capture_output=True)
    files = {file.name: file for file in folder.iterdir()}
    assert set(files) == {"SECRET_KEY", "AUDIT_KEYS"} and folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o005 == 0o005, "the user latchkey reads a logo that is beside the folder"
    assert {file.stat().st_mode & 0o777 for file in files.values()} == {0o400}
    assert from_env({"ACCOUNTS": "123456789012"} | {f"{name}_FILE": str(file) for name, file in files.items()})


def named_in_compose() -> set[str]:
    """Secrets that the services of compose.yaml need from the start."""
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"].values()
    return {name for service in services for name in service.get("secrets", ())}


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_unit(tmp_path: Path, name: str) -> None:
    started = name.replace("@", "@doctor")  # a template is verified by one of its instances
    unit, dropin = tmp_path / started, tmp_path / f"{started}.d/secrets.conf"
    unit.write_text((DEPLOY / name).read_text().replace("/opt/latchkey/bin", str(ROOT / ".venv/bin")))
    dropin.parent.mkdir()
    dropin.write_text(re.sub(r"^#(?=\w+=)", "", (DEPLOY / "latchkey-secrets.conf").read_text(), flags=re.MULTILINE))
    told = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stderr.strip()) == (0, "")
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=16", "--no-pager", str(unit)]
    exposed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert exposed.returncode == 0, exposed.stdout
    text = unit.read_text()
    assert "\nLimitCORE=0\n" in text, "no memory on disk"
    assert re.search(r"^IPAddressDeny=.*\blink-local\b.* fd00:ec2::254$", text, re.MULTILINE), "no metadata service"


@pytest.mark.parametrize("command", ["doctor", "activity verify", "notify test --channel mail --to you@example.com"])
def test_any_command_can_be_the_name_of_a_unit(command: str) -> None:
    def escaped(*words: str) -> str:
        return subprocess.check_output(["systemd-escape", *words], text=True).rstrip("\n")

    name = escaped("--template=latchkey@.service", command)
    assert escaped("--unescape", "--instance", name) == command, "as %I does"
    text = (DEPLOY / "latchkey@.service").read_text()
    assert '\nEnvironment="COMMAND=%I"\nExecStart=/opt/latchkey/bin/latchkey $COMMAND\n' in text


def test_all_units_have_the_same_sandbox() -> None:
    def hardening(name: str) -> str:
        return (
            (DEPLOY / name).read_text().partition("# The program may read files")[2].partition("[Install]")[0].strip()
        )

    assert len({hardening(name) for name in UNITS}) == 1 and hardening(UNITS[0])


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
