"""The wheels have everything that serves, and nothing else. `make release-check` installs it (tests/release)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from configparser import ConfigParser
from email import message_from_bytes
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from app import __version__
from tests.support.sandbox import ROOT

INSIDE = {"templates": "app/templates", "static": "app/static", "migrations": "app/migrations"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the wheels that `make dist` builds."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, ROOT / "deploy/make-dist", folder, "wheel"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(wheels: Path) -> Iterator[zipfile.ZipFile]:
    """The portal's."""
    with zipfile.ZipFile(wheels / f"latchkey-{__version__}-py3-none-any.whl") as built:
        yield built


@pytest.fixture(scope="module")
def of_sandbox(wheels: Path) -> Iterator[zipfile.ZipFile]:
    """The sandbox's."""
    with zipfile.ZipFile(wheels / f"latchkey_sandbox-{__version__}-py3-none-any.whl") as built:
        yield built


def committed(*folders: str) -> set[str]:
    """The files that are part of the project, not what Python made of them."""
    ignored = {"__pycache__"}
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(ROOT)) for path in found if not ignored & set(path.parts)}


def test_the_wheel_has_every_file_that_serves_and_no_other(wheel: zipfile.ZipFile) -> None:
    wanted = {name for name in committed("app") if not name.startswith("app/sandbox/")}
    wanted |= {re.sub(rf"^{folder}/", f"{to}/", name) for folder, to in INSIDE.items() for name in committed(folder)}
    wanted |= {"config.py", "wsgi.py", "app/deploy/gunicorn.conf.py", "app/docs/verify_pack.py"}
    wanted |= {"app/requirements-serve.lock"}
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == wanted


def test_no_file_of_the_wheel_says_where_or_when_it_was_built(wheel: zipfile.ZipFile) -> None:
    released = re.search(
        rf"^## {re.escape(__version__)} - (\d+)-(\d+)-(\d+)$", (ROOT / "CHANGELOG.md").read_text(), re.M
    )
    assert released and {each.date_time[:3] for each in wheel.infolist()} == {tuple(map(int, released.groups()))}
    assert not any(str(ROOT).encode() in wheel.read(name) for name in wheel.namelist())


def test_installing_the_wheel_gives_the_command_and_no_command_that_cannot_load(wheel: zipfile.ZipFile) -> None:
    points = ConfigParser()
    points.read_string(wheel.read(f"latchkey-{__version__}.dist-info/entry_points.txt").decode())
    assert points["console_scripts"]["latchkey"] == "app.cli.main:main"
    modules = {place.partition(":")[0] for group in points.sections() for place in points[group].values()}
    files = {f"{module.replace('.', '/')}.py" for module in modules}
    assert files <= set(wheel.namelist()), "Flask loads all of them, and would stop at one that is missing"


def test_the_sandboxs_wheel_has_what_the_portals_leaves_out(of_sandbox: zipfile.ZipFile) -> None:
    wanted = committed("app/sandbox") | {
        name.removeprefix("sandbox/") for name in committed("sandbox/latchkey_sandbox")
    }
    assert {name for name in of_sandbox.namelist() if ".dist-info/" not in name} == wanted


def test_the_sandbox_needs_this_version_of_latchkey_and_what_a_checkout_installs_for_it(
    of_sandbox: zipfile.ZipFile,
) -> None:
    said = message_from_bytes(of_sandbox.read(f"latchkey_sandbox-{__version__}.dist-info/METADATA"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert said["Version"] == __version__
    wanted = [f"latchkey=={__version__}", *project["optional-dependencies"]["sandbox"]]
    assert sorted(said.get_all("Requires-Dist", [])) == sorted(wanted)
    points = ConfigParser()
    points.read_string(of_sandbox.read(f"latchkey_sandbox-{__version__}.dist-info/entry_points.txt").decode())
    assert points["console_scripts"]["latchkey-sandbox"] == "latchkey_sandbox.command:main"
    assert points["pytest11"]["latchkey-sandbox"] == "latchkey_sandbox.plugin"


def test_both_packages_have_the_same_licence() -> None:
    assert (ROOT / "sandbox/LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_what_the_portal_imports_is_installed_in_production() -> None:
    pinned = set(
        re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==", (ROOT / "requirements-serve.lock").read_text(), re.MULTILINE)
    )
    installed = {re.sub(r"[-_.]+", "-", name).lower() for name in pinned}
    belongs_to = packages_distributions()
    missing = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in (*(ROOT / "app").rglob("*.py"), ROOT / "config.py", ROOT / "wsgi.py")
        if "sandbox" not in file.relative_to(ROOT).parts
        for name in imported(ast.parse(file.read_text()))
        if name not in sys.stdlib_module_names and name not in ("app", "config", "wsgi")
        if not {re.sub(r"[-_.]+", "-", each).lower() for each in belongs_to.get(name, [])} & installed
    }
    assert missing == set()


def imported(tree: ast.AST) -> set[str]:
    """The top-level packages that a module imports, but not those that it imports for types only."""
    only_types = {
        id(each)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in node.body
        for each in ast.walk(inner)
    }
    found = [node for node in ast.walk(tree) if id(node) not in only_types]
    names = [alias.name for node in found if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in found if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return {name.partition(".")[0] for name in names}
