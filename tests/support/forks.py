"""Portals, sandboxes and commands of the tests, forked from a process that has loaded their libraries.

Of the second of CPU that each takes to start, most goes into the same libraries. One process for each kind loads them
once a run, and our code, which does nothing when it is loaded: what it forks begins as `python -m MODULE` does, with
its own folder and environment.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO, Any, Protocol

ROOT = Path(__file__).parents[2]
LIBRARIES = {
    # Without prometheus_client, which looks for its folder when it is loaded.
    "portal": "alembic authlib boto3 cryptography.x509 flask_babel flask_limiter.commands flask_login flask_migrate"
    " flask_wtf huey jinja2 gunicorn.app.wsgiapp gunicorn.workers.gthread orjson psycopg redis requests"
    " sqlalchemy.dialects.postgresql",
    # moto changes what botocore's clients do: no portal has it.
    "sandbox": "flask_babel flask_cors flask_limiter.commands flask_migrate flask_wtf joserfc.jwk joserfc.jwt"
    " moto.iam.responses moto.server moto.sts.responses qrcode requests yaml",
    "aws": "awscli.clidriver awscli.handlers",
}
"""By kind of process, what it loads before it forks."""
OURS = {
    # Without what counts for Prometheus, which looks for its folder when it is loaded.
    "portal": "app.access_keys app.account app.activity.views app.command_app app.compliance.notices.jobs"
    " app.compliance.pages app.mfa app.notice_pages.views app.overview app.password app.policy.cli app.policy_pages"
    " app.public_keys app.signin app.web.error_pages app.web.known_browsers app.web.navigation app.web.pipeline"
    " app.web.rate_limits app.web.security_txt config",
    "sandbox": "app.sandbox.server",
    "aws": "",
}
"""By kind of process, what else it loads for processes that run the code here."""
_DATA = ("iam", "sts")
"""Services whose data, which botocore reads from large files, is parsed before a process forks."""
_BEGINS = [sys.executable, "-m"]


class Runs(Protocol):
    """What the tests use of a process, whether it was forked or not."""

    pid: int
    returncode: Any

    def poll(self) -> int | None:
        """Return its exit status, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status, -N for signal N. Raises subprocess.TimeoutExpired after so many seconds."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal, if it still runs."""

    def kill(self) -> None:
        """SIGKILL."""


class Forked:
    """A running process (`Runs`). It leads a session of its own."""

    def __init__(self, forks: Forks, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._forks = forks
        self._ended = os.pidfd_open(pid)

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit status, -N for signal N. Raises subprocess.TimeoutExpired after so many seconds."""
        if self.returncode is None:
            if not select.select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = self._forks.status(self.pid)
            os.close(self._ended)
        return self.returncode

    def poll(self) -> int | None:
        """Return its exit status, None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, sig: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Forks:
    """A process that has loaded libraries, and forks."""

    def __init__(self, libraries: str) -> None:
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._taken = threading.Lock()
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno()), *libraries.split()]
            environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
            self._process = subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()])

    def start(self, words: Sequence[str], cwd: Path, env: Mapping[str, str], *streams: int) -> Forked:
        """Start `python -m` with these words. streams: file descriptors of its output, errors and, if any, input."""
        order = json.dumps({"words": list(words), "cwd": str(cwd), "env": dict(env)}).encode()
        with self._taken:
            socket.send_fds(self._channel, [order], streams)
            return Forked(self, int(self._channel.recv(99)))

    def status(self, pid: int) -> int:
        """Return the exit status of one that has ended."""
        with self._taken:
            self._channel.send(json.dumps({"ended": pid}).encode())
            return int(self._channel.recv(99))


@cache
def forks(kind: str, *, ours: bool = True) -> Forks:
    """Return the one of this process that has loaded what LIBRARIES and OURS say. ours: False without OURS."""
    return Forks(f"{LIBRARIES[kind]} {OURS[kind] if ours else ''}")


def _forks(kind: str, cwd: Path) -> Forks:
    """Return the one for a process that starts in `cwd`, where there may be an earlier release."""
    return forks(kind, ours=kind == "sandbox" or cwd == ROOT)


def start(command: Sequence[str], cwd: Path, env: Mapping[str, str], out: IO[Any], kind: str = "portal") -> Runs:
    """Start a command: forked, if it begins with this Python and `-m`. out: a file for all it prints."""
    if list(command[:2]) == _BEGINS:
        return _forks(kind, cwd).start(command[2:], cwd, env, out.fileno(), out.fileno())
    return subprocess.Popen(command, cwd=cwd, env=env, stdout=out, stderr=out, start_new_session=True)


def run(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], kind: str = "portal"
) -> subprocess.CompletedProcess[str]:
    """Run a command that begins with this Python and `-m`, to its end."""
    assert list(command[:2]) == _BEGINS, command
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        status = _forks(kind, cwd).start(command[2:], cwd, env, out.fileno(), err.fileno()).wait()
        for each in (out, err):
            each.seek(0)
        return subprocess.CompletedProcess(command, status, out.read(), err.read())


def _serve(channel: socket.socket) -> dict[str, Any]:
    """Fork for each order. Returns in the forked process only; ends with the process that gives orders."""
    while True:
        order, received, _, _ = socket.recv_fds(channel, 1 << 20, 3)
        if not order:
            os._exit(0)
        told: dict[str, Any] = json.loads(order)
        if "ended" in told:
            channel.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(told["ended"], 0)[1]))
            continue
        if pid := os.fork():
            for each in received:
                os.close(each)
            channel.send(b"%d" % pid)
            continue
        channel.close()
        for number, each in zip((1, 2, 0), received, strict=False):
            os.dup2(each, number)
            os.close(each)
        return told


_ended: list[int] = []
"""The exit status, once it is known."""


def _end() -> None:
    """End at once, after all that was to be done at the end: Python would look for garbage, and free each object."""
    gc.freeze()
    if _ended:
        for each in (sys.stdout, sys.stderr):
            each.flush()
        os._exit(_ended[-1])


def _parse_once(session: ModuleType, loaders: ModuleType) -> None:
    """Let every session of botocore share what another has read, as moto makes dozens, and read what all need."""
    parse = cache(loaders.JSONFileLoader()._load_file)
    loaders.JSONFileLoader._load_file = lambda _, *file: parse(*file)
    for name in _DATA:
        session.Session().create_client(name, "us-east-1", aws_access_key_id="none", aws_secret_access_key="none")


def _become(told: dict[str, Any], set_by_libraries: Mapping[str, str]) -> str:
    """Take on what the new process has of its own. Returns the module to run."""
    os.setsid()
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(set_by_libraries)
    os.environ.update(told["env"])
    module, *options = told["words"]
    sys.argv[:] = [module, *options]
    sys.orig_argv[:] = [sys.executable, "-m", module, *options]
    sys.path.insert(0, told["cwd"])
    return str(module)


if __name__ == "__main__":
    del sys.path[0]  # this folder, whose modules have names of libraries
    atexit.register(_end)  # the first, which is called last
    _before = set(os.environ)
    for _name in sys.argv[2:]:
        import_module(_name)
    if "botocore.session" in sys.modules:
        _parse_once(sys.modules["botocore.session"], sys.modules["botocore.loaders"])
    _set = {name: value for name, value in os.environ.items() if name not in _before}
    if "TESTS_TEMPLATES" in os.environ:  # tests/support/templates.py
        from flask import Flask
        from jinja2 import FileSystemBytecodeCache

        Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(os.environ["TESTS_TEMPLATES"])}
    if orm := sys.modules.get("sqlalchemy.orm"):
        orm.configure_mappers()
    if navigation := sys.modules.get("app.web.navigation"):
        for _group in navigation.GROUPS:
            for _place in _group.places:  # on each page, and each is looked for in an archive of 1,300
                import_module("app.web.templating").icon(_place.icon)
    gc.freeze()  # what was loaded lives as long as the process
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    _module = _become(_serve(socket.socket(fileno=int(sys.argv[1]))), _set)
    import runpy

    try:
        runpy.run_module(_module, run_name="__main__", alter_sys=True)
        _ended.append(0)
    except SystemExit as _exit:
        if isinstance(_exit.code, int | None):
            _ended.append(_exit.code or 0)
        raise
