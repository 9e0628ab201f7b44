"""What the systemd units start works with the settings and secrets that docs/operations.md tells to put in place.

systemd doesn't run here, so this test does what the units say: environment, credentials, folder and command.
"""

from __future__ import annotations

import re
import subprocess
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.release.conftest import ON_THIS_MACHINE, run
from tests.support.sandbox import ROOT, free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.timeout(600)  # the packages are built and installed first
DEPLOY = ROOT / "deploy"


def environment(secrets: Path, **settings: str) -> dict[str, str]:
    """What a unit gives its program: the file of settings, and the drop-in with the secrets."""
    lines = (DEPLOY / "settings.env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    dropin = (DEPLOY / "latchkey-secrets.conf").read_text()
    loaded = dict(re.findall(r"^LoadCredential=(\w+):/etc/latchkey/secrets/(\w+)$", dropin, re.MULTILINE))
    for name, credential in re.findall(r"^Environment=(\w+)=%d/(\w+)$", dropin, re.MULTILINE):
        given[name] = str(secrets / loaded[credential])
    return ON_THIS_MACHINE | given | settings


def command(unit: str, installed: Path) -> list[str]:
    """What a unit starts."""
    found = re.search(r"^ExecStart=/opt/latchkey/bin/(.*)$", (DEPLOY / unit).read_text(), re.MULTILINE)
    assert found
    program, *words = found[1].split()
    return [str(installed / program), *words]


def test_a_new_installation_is_migrated_and_serves(tmp_path: Path, installed: Path) -> None:
    run(DEPLOY / "make-secrets", tmp_path / "secrets")
    state, port = tmp_path / "state", free_port()
    state.mkdir()
    url = f"http://127.0.0.1:{port}"
    env = environment(tmp_path / "secrets", ACCOUNTS="123456789012", PUBLIC_URL=url, BIND=f"127.0.0.1:{port}")
    serve = command("latchkey.service", installed)
    refused = subprocess.run(serve, cwd=state, env=env, capture_output=True, text=True, check=False)
    assert refused.returncode and "db upgrade" in refused.stderr, "without its tables"
    subprocess.run(
        command("latchkey-migrate.service", installed), cwd=state, env=env, check=True, capture_output=True
    )
    assert (state / "instance/latchkey.db").stat().st_mode & 0o777 == 0o600

    def ready() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/readyz") as answer:
                return bool(answer.status == 200)
        except URLError:
            return False

    running = subprocess.Popen(serve, cwd=state, env=env, stdout=subprocess.DEVNULL)
    try:
        wait_until(ready)
    finally:
        running.terminate()
        running.wait(40)
    worker = subprocess.run(
        command("latchkey-worker.service", installed), cwd=state, env=env, capture_output=True, text=True, check=False
    )
    assert worker.returncode and "No channel is set up" in worker.stderr
