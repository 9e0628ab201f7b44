"""The pytest plugin: a local AWS for a run of tests, and users and phones for each test. It changes nothing else.

Set the policy in your pytest configuration (`sandbox_policy = policy/force-mfa.json`) or with `--sandbox-policy`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from latchkey_sandbox.phone import Phone
    from latchkey_sandbox.running import Sandbox
    from latchkey_sandbox.users import User


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what a run, or a project, says about its sandbox."""
    group = parser.getgroup("latchkey-sandbox", "local AWS (latchkey-sandbox)")
    group.addoption(
        "--sandbox-policy",
        metavar="FILE|NAME",
        help="the policy of the fixture aws_sandbox, in place of sandbox_policy",
    )
    parser.addini(
        "sandbox_policy",
        "the policy of the fixture aws_sandbox: a file, or the name of a built-in one",
        default="recommended",
    )
    parser.addini("sandbox_options", "more options of the sandbox: latchkey-sandbox --help", type="args", default=[])


@pytest.fixture(scope="session")
def aws_sandbox(pytestconfig: pytest.Config) -> Iterator[Sandbox]:
    """A local AWS for the whole run, on a free port of this machine. One for each worker of pytest-xdist."""
    from latchkey_sandbox.running import Sandbox, SandboxError  # noqa: PLC0415 # only for tests that ask AWS

    running = Sandbox(_policy(pytestconfig), pytestconfig.getini("sandbox_options"))
    try:
        running.start()
    except SandboxError as error:
        pytest.fail(str(error), pytrace=False)
    yield running
    running.stop()


@pytest.fixture
def aws_user(aws_sandbox: Sandbox) -> Callable[..., User]:
    """Make a new user: `aws_user()`, `aws_user(password=True, groups=[...], policies=[...])`. See `create_user`."""
    return aws_sandbox.create_user


@pytest.fixture
def aws_group(aws_sandbox: Sandbox) -> Callable[..., str]:
    """Make a new group with another policy than the one under test: `aws_group(document)`. See `create_group`."""
    return aws_sandbox.create_group


@pytest.fixture
def phone() -> Phone:
    """A virtual MFA device that isn't set up yet: `phone.enroll(user)`, then `phone.code()`."""
    from latchkey_sandbox.phone import Phone  # noqa: PLC0415 # as above

    return Phone()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say so if tests imported a module of Latchkey's in place of the project's own: its names are common ones."""
    taken = [
        name for name in ("app", "config", "wsgi") if _ours_is_loaded(name) and _project_has(name, config.rootpath)
    ]
    if taken:
        terminalreporter.section("latchkey-sandbox", yellow=True)
        terminalreporter.line(
            f"Your tests imported Latchkey’s {' and '.join(taken)}, not those of your project. Set pythonpath in "
            "your pytest configuration to the folder that has yours, like: pythonpath = ."
        )


def _ours_is_loaded(name: str) -> bool:
    file = getattr(sys.modules.get(name), "__file__", None)
    return bool(file) and Path(str(file)).is_relative_to(Path(__file__).parents[1])


def _project_has(name: str, root: Path) -> bool:
    return any((folder / each).exists() for folder in (root, root / "src") for each in (name, f"{name}.py"))


def _policy(config: pytest.Config) -> str:
    """Return a file's absolute path, or a name. A path is relative to where it is written."""
    typed = config.getoption("--sandbox-policy")
    given = str(typed or config.getini("sandbox_policy"))
    ours = config.inipath.parent if config.inipath else config.rootpath
    file = (config.invocation_params.dir if typed else ours) / given
    return str(file) if file.is_file() else given
