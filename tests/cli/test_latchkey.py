"""The command `latchkey`: one name for everything, and each command loads what it needs."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from app import __version__
from app.cli.main import COMMANDS, latchkey
from app.cli.of_sandbox import MISSING, PLACES
from tests.support.databases import GOOD
from tests.support.sandbox import ROOT

HEAVY = {"flask", "sqlalchemy", "boto3", "botocore", "moto", "alembic", "gunicorn", "jinja2", "werkzeug", "redis"}
LOADS = {
    ("--version",): set(),
    ("--help",): set(),
    ("policy", "--help"): set(),
    ("policy", "render", "--account-id", "123456789012"): set(),
    ("sandbox", "--help"): set(),
    ("serve", "--help"): set(),
    ("activity", "verify", "--help"): {"flask", "sqlalchemy", "jinja2", "werkzeug"},
    ("worker", "--help"): {"flask", "jinja2", "werkzeug"},
}
"""By command line: which of the heavy packages it loads."""
BARE = """
import click

@click.group()
@click.version_option("1.0.0", prog_name="bare")
def bare():
    pass

bare()
"""


def modules(folder: Path, *program: str) -> set[str]:
    """The modules that a program has loaded when it ends."""
    kept = folder / "modules"
    (folder / "sitecustomize.py").write_text(
        f"import atexit, sys\natexit.register(lambda: open({str(kept)!r}, 'w').write(' '.join(sys.modules)))\n"
    )
    settings = {**os.environ, **GOOD, "PYTHONPATH": str(folder), "DATABASE_URL": f"sqlite:///{folder / 'portal.db'}"}
    done = subprocess.run([sys.executable, *program], cwd=ROOT, env=settings, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(kept.read_text().split())


@pytest.mark.parametrize("words", LOADS, ids=" ".join)
def test_a_command_loads_only_what_it_needs(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert HEAVY & modules(tmp_path, "-m", "app.cli", *words) == LOADS[words]


@pytest.mark.parametrize(
    "words", [("policy", "render", "--account-id", "123456789012"), ("compliance", "public-key")]
)
def test_garbage_is_collected_once_a_command_is_loaded(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, gc, sys\natexit.register(lambda: sys.stderr.write(f'at the end: {gc.isenabled()}'))\n"
    )
    settings = {**os.environ, **GOOD, "PYTHONPATH": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path / 'p.db'}"}
    program = [sys.executable, "-m", "app.cli", *words]
    done = subprocess.run(program, cwd=ROOT, env=settings, capture_output=True, text=True, check=True)
    assert done.stderr.endswith("at the end: True")


def test_version_loads_hardly_more_than_click(tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text(BARE)
    bare = modules(tmp_path, str(tmp_path / "bare.py"), "--version")
    ours = modules(tmp_path, str(Path(sys.executable).with_name("latchkey")), "--version")
    assert {name for name in ours - bare if not name.startswith("app")} <= {"gc", "importlib.util", "importlib._abc"}
    assert {name for name in ours if name.startswith("app")} == {"app", "app.cli", "app.cli.main"}


def test_version_is_that_of_the_package() -> None:
    done = CliRunner().invoke(latchkey, ["--version"])
    assert done.output == f"latchkey {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_says_what_the_list_promises(name: str) -> None:
    done = CliRunner().invoke(latchkey, ["--help"])
    listed = {line.split()[0]: line for line in done.output.partition("Commands:\n")[2].splitlines()}
    if COMMANDS[name].needs and name not in listed:
        with pytest.raises(ModuleNotFoundError):
            import_module(COMMANDS[name].needs)
        return
    assert COMMANDS[name].help in listed[name] and COMMANDS[name].help.endswith(".")
    helped = CliRunner().invoke(latchkey, [name, "--help"])
    assert helped.exit_code == 0 and helped.output.startswith(f"Usage: latchkey {name} "), helped.output


def test_an_unknown_command_is_an_error_that_names_it() -> None:
    done = CliRunner().invoke(latchkey, ["server"])
    assert done.exit_code == 2 and "'server'" in done.output


@pytest.mark.parametrize("name", PLACES)
def test_without_the_sandboxs_package_its_commands_say_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.cli.of_sandbox.find_spec", lambda package: None)
    stand_in = getattr(import_module("app.cli.of_sandbox"), name)
    assert isinstance(stand_in, click.Command)
    done = CliRunner().invoke(stand_in, ["--port", "5000", "recommended"])
    assert done.exit_code == 1 and MISSING in done.output
