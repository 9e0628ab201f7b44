"""`latchkey-sandbox`: the sandbox for those who have no portal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from app import __version__
from app.sandbox.cli import sandbox
from tests.sandbox.test_pytest_plugin import WITH_PACKAGE

NO_SETTINGS = {name: value for name, value in WITH_PACKAGE.items() if name not in ("SECRET_KEY", "ACCOUNTS")}


def run(*words: str, here: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "latchkey_sandbox", *words]
    return subprocess.run(command, cwd=here, env=NO_SETTINGS, capture_output=True, text=True, check=False)


def test_it_has_the_options_of_the_portals_command(tmp_path: Path) -> None:
    help_text = run("--help", here=tmp_path).stdout
    assert [name for option in sandbox.params for name in option.opts if name not in help_text] == []


def test_its_version_is_latchkeys_and_loads_next_to_nothing(tmp_path: Path) -> None:
    heavy = {"boto3", "botocore", "flask", "moto", "sqlalchemy"}
    program = f"""
import sys
from latchkey_sandbox.command import command
command().main(["--version"], standalone_mode=False)
print({heavy} & sys.modules.keys())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=NO_SETTINGS, capture_output=True, text=True, check=False
    )
    assert done.stdout == f"latchkey-sandbox {__version__}\nset()\n", done.stderr


def test_it_needs_no_settings_and_no_database(tmp_path: Path) -> None:
    done = run("--port", "0", "--policy", "tutorial", "--run", "env; exit 3", here=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "AWS_ENDPOINT_URL_IAM=http://127.0.0.1:" in done.stdout and "MFAUser" in done.stdout
    assert [file.name for file in tmp_path.rglob("*")] == ["instance"], "and nothing is left behind"


def test_what_is_wrong_is_told_in_its_own_name(tmp_path: Path) -> None:
    done = run("--policy", "missing.json", here=tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("Error: missing.json is neither")
    assert "Usage: latchkey-sandbox" in run("--frobnicate", here=tmp_path).stderr
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []
