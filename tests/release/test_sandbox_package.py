"""`latchkey-sandbox`, installed as its example says, by people who have no checkout and no portal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from app import __version__
from tests.release.conftest import ON_THIS_MACHINE, run

NAME = f"latchkey_sandbox-{__version__}"


class Elsewhere:
    """A repository that began as a copy of the example, and an environment that nothing is installed in."""

    def __init__(self, folder: Path, source: Path, dist: Path) -> None:
        with tarfile.open(dist / f"{NAME}.tar.gz") as packed:
            packed.extractall(folder, filter="data")
        self.repository = folder / NAME / "examples/rehearse-force-mfa"
        (self.repository / "wheels").symlink_to(dist)
        self.venv = venv = folder / "venv"
        run("python3", "-m", "venv", venv)
        pinned = re.findall(r"^[\w.-]+==[^\\\n]+", (source / "requirements-dev.lock").read_text(), re.MULTILINE)
        (folder / "constraints.txt").write_text("\n".join(pinned))
        self.environment = {
            **{name: value for name, value in ON_THIS_MACHINE.items() if not name.startswith("PYTEST")},
            "PATH": f"{venv / 'bin'}:{os.environ['PATH']}",
            "PIP_CONSTRAINT": str(folder / "constraints.txt"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }

    def type(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run a line in a shell there."""
        return subprocess.run(
            line, shell=True, cwd=self.repository, env=self.environment, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def elsewhere(scratch: Path, source: Path, dist: Path) -> Elsewhere:
    """With all that the example's workflow for CI runs done."""
    made = Elsewhere(scratch / "people-without-a-portal", source, dist)
    (job,) = yaml.safe_load((made.repository / ".github/workflows/rehearse.yml").read_text())["jobs"].values()
    lines = [step["run"] for step in job["steps"] if "run" in step]
    assert len(lines) == 4
    for line in lines:
        done = made.type(line)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return made


@pytest.mark.timeout(900)
def test_the_examples_workflow_passes_where_nothing_was_installed(elsewhere: Elsewhere) -> None:
    assert elsewhere.type("latchkey-sandbox --version").stdout == f"latchkey-sandbox {__version__}\n"
    assert elsewhere.type("python -m pip check").returncode == 0
    again = elsewhere.type("python -m pip install wheels/latchkey-*.whl wheels/latchkey_sandbox-*.whl")
    assert again.returncode == 0, again.stderr
    shown = elsewhere.type("python -m pip show --files latchkey-sandbox").stdout
    assert "app/sandbox/server.py" in shown and "app/policy" not in shown


@pytest.mark.timeout(300)
def test_the_workflow_fails_when_the_policy_is_weakened(elsewhere: Elsewhere, tmp_path: Path) -> None:
    policy = json.loads((elsewhere.repository / "policy/force-mfa.json").read_text())
    (deny,) = [statement for statement in policy["Statement"] if statement["Effect"] == "Deny"]
    deny["NotAction"].append("s3:*")
    weaker = tmp_path / "weaker.json"
    weaker.write_text(json.dumps(policy))
    done = elsewhere.type(f"python -m pytest --sandbox-policy {weaker} tests/test_force_mfa.py")
    assert done.returncode == 1 and "test_before_mfa_nothing_else_works" in done.stdout, done.stdout
    assert "test_users_set_up_mfa_themselves_and_then_work" not in done.stdout, "which isn't what was weakened"
    assert elsewhere.type(f"latchkey policy rehearse {weaker}").returncode == 1


@pytest.mark.timeout(300)
def test_the_command_runs_a_program_against_it_without_any_setting(elsewhere: Elsewhere) -> None:
    done = elsewhere.type("latchkey-sandbox --policy policy/force-mfa.json --port 0 --run 'env | grep ^AWS_ENDPOINT'")
    assert done.returncode == 0 and "AWS_ENDPOINT_URL_IAM=http://127.0.0.1:" in done.stdout, done.stderr
    assert elsewhere.type("latchkey sandbox --help").returncode == 0, "the portal's command finds it"


@pytest.mark.timeout(300)
def test_a_package_of_theirs_that_is_also_called_app_stays_theirs(elsewhere: Elsewhere) -> None:
    project = elsewhere.repository
    (project / "app").mkdir()
    for name in ("app/__init__.py", "config.py"):
        (project / name).write_text("THEIRS = True\n")
    (project / "tests/test_theirs.py").write_text(
        "import app, config\n"
        "def test_theirs(aws_user):\n"
        "    assert app.THEIRS and config.THEIRS and aws_user(password=True).sign_in()\n"
    )
    for line in ("python -m pytest", "PYTHONPATH=. pytest", "pytest -o pythonpath=."):
        done = elsewhere.type(f"{line} tests/test_theirs.py")
        assert done.returncode == 0 and "imported Latchkey" not in done.stdout, done.stdout + done.stderr
    assert elsewhere.type("PYTHONPATH=. latchkey-sandbox --version").stdout.startswith("latchkey-sandbox")

    # As `pip install --editable .` leaves it: behind what is installed.
    (site,) = elsewhere.venv.glob("lib/python*/site-packages")
    (site / "theirs.pth").write_text(f"{project}\n")
    hidden = elsewhere.type("pytest tests/test_theirs.py")
    assert hidden.returncode == 1 and "Your tests imported Latchkey’s app and config" in hidden.stdout, hidden.stdout
    assert elsewhere.type("pytest -o pythonpath=. tests/test_theirs.py").returncode == 0
