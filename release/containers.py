"""Containers from an image's file, run by crun, the program that also runs Podman's containers.

Each has a read-only root, no capability, no new privileges, and folders of its own for what it writes. They share the
network of the program that starts them, as containers of a pod do. `apart` gives that one to itself: loopback alone.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from release.debian import USER
from release.programs import remove, run
from release.source import Unmade

_APART = "LATCHKEY_APART"
_CGROUPS = Path("/sys/fs/cgroup")
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
SAFE = ("nosuid", "nodev")
LAST_WORDS = 3000
"""Characters of a container's output in an error."""


def apart(module: str, arguments: Sequence[str]) -> None:
    """Continue as `python -m module` with mounts and a network of its own, unless this process already has them.

    Needs root. Raises Unmade without.
    """
    if os.geteuid():
        raise Unmade("Containers are started as root. Run this with sudo.")
    if _APART not in os.environ:
        command = ["unshare", "--mount", "--net", "--propagation=private", sys.executable, "-m", module, *arguments]
        os.execvpe(command[0], command, os.environ | {_APART: "1"})  # noqa: S606 # our own command
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        asked = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sh22x", b"lo", 0))
        _name, flags = struct.unpack("16sh22x", asked)
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))
    if not (_CGROUPS / "cgroup.controllers").exists():
        # crun wants cgroups of version 2 alone. On machines with both, it sees them alone here.
        run("umount", "--recursive", _CGROUPS)
        run("mount", "-t", "cgroup2", "cgroup2", _CGROUPS)


def unpack(archive: Path, scratch: Path) -> tuple[Path, dict[str, Any]]:
    """Unpack an image's file, as `docker load` does; return the folder of its root, and its configuration.

    Raises Unmade if the archive isn't whole.
    """
    files, root = scratch / "files", scratch / "root"
    for folder in (files, root):
        folder.mkdir(parents=True)
    run("tar", "--extract", "--gzip", "--file", archive, "--directory", files)
    (image,) = json.loads((files / "manifest.json").read_text())
    described = json.loads((files / image["Config"]).read_text())
    for layer, digest in zip(image["Layers"], described["rootfs"]["diff_ids"], strict=True):
        with (files / layer).open("rb") as read:
            if f"sha256:{hashlib.file_digest(read, 'sha256').hexdigest()}" != digest:
                raise Unmade(f"{archive.name} has a layer that isn't {digest}.")
        run("tar", "--extract", "--numeric-owner", "--same-permissions", "--file", files / layer, "--directory", root)
        for marker in root.rglob(".wh.*"):  # a layer removes what a lower one has
            remove(marker.with_name(marker.name.removeprefix(".wh.")), marker)
    remove(files)
    return root, described["config"]


class Image:
    """An image, unpacked from its file."""

    def __init__(self, archive: Path, scratch: Path) -> None:
        self.root, self.config = unpack(archive, scratch)

    @property
    def command(self) -> list[str]:
        """What it starts."""
        words: list[str] = [*self.config["Entrypoint"], *self.config["Cmd"]]
        return words

    @property
    def health(self) -> list[str]:
        """The command that ends with 0 while it is healthy. Raises Unmade if that needs a shell."""
        kind, *command = self.config["Healthcheck"]["Test"]
        if kind != "CMD":
            raise Unmade(f"The health check is of the kind {kind}, which needs a shell.")
        words: list[str] = command
        return words


class Container:
    """A container of an image; use as a context manager, which stops it at the end."""

    def __init__(
        self, name: str, image: Image, scratch: Path, environment: Mapping[str, str], arguments: Sequence[str] = ()
    ) -> None:
        """arguments: in the place of the image's own, after its entry point."""
        self.name = name
        self.folder = scratch / name
        self.data = scratch / f"{name}-data"
        self.log = scratch / f"{name}.log"
        self._image = image
        self._settings = environment
        self._crun = ["crun", "--root", str(scratch / "crun"), "--cgroup-manager=disabled"]
        self._command = [*image.config["Entrypoint"], *arguments] if arguments else image.command
        self._process: subprocess.Popen[bytes] | None = None
        self.folder.mkdir(parents=True, exist_ok=True)
        remove(self.folder / "config.json")
        run(*self._crun, "spec", "--bundle", self.folder)
        self._spec = json.loads((self.folder / "config.json").read_text())

    def __enter__(self) -> Container:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it. What it says goes to its log."""
        if not self.data.exists():  # otherwise the volume of an earlier one of this name
            self.data.mkdir()
            os.chown(self.data, USER, USER)
        (self.folder / "config.json").write_text(json.dumps(self._bundle()))
        command = [*self._crun, "run", "--bundle", str(self.folder), self.name]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)  # noqa: S603 # our own

    def _bundle(self) -> dict[str, Any]:
        bundle: dict[str, Any] = json.loads(json.dumps(self._spec))
        user, group = self._image.config["User"].split(":")
        given = self._image.config["Env"] + [f"{name}={value}" for name, value in self._settings.items()]
        bundle["root"] = {"path": str(self._image.root), "readonly": True}
        bundle["process"] |= {
            "terminal": False, "noNewPrivileges": True, "user": {"uid": int(user), "gid": int(group)},
            "cwd": self._image.config["WorkingDir"], "env": given, "args": self._command,
            "capabilities": {},
        }  # fmt: skip
        tmpfs = {"type": "tmpfs", "source": "tmpfs", "options": [*SAFE, "noexec", "mode=1777", "size=64m"]}
        volumes = [
            {"destination": target, "type": "bind", "source": str(self.data), "options": [*SAFE, "bind", "rw"]}
            for target in self._image.config["Volumes"]
        ]
        bundle["mounts"] += [{"destination": "/tmp", **tmpfs}, *volumes]  # noqa: S108 # inside the container
        spaces = bundle["linux"]["namespaces"]
        bundle["linux"]["namespaces"] = [space for space in spaces if space["type"] != "network"]
        return bundle

    def wait(self) -> int:
        """Return its exit status when it has ended by itself."""
        assert self._process, "it was started"  # noqa: S101 # of this program's own order
        return self._process.wait()

    def healthy(self) -> bool:
        """Carry out the image's health check. Raises Unmade if the container has ended."""
        if self._process and self._process.poll() is not None:
            raise Unmade(f"The container {self.name} ended:\n{self.log.read_text()[-LAST_WORDS:]}")
        return self.run(*self._image.health).returncode == 0

    def until_healthy(self, seconds: int = 120) -> None:
        """Wait until its health check succeeds. Raises Unmade if it ends, or isn't healthy in time."""
        until = time.monotonic() + seconds
        while not self.healthy():
            if time.monotonic() > until:
                raise Unmade(f"The container {self.name} isn't healthy:\n{self.log.read_text()[-LAST_WORDS:]}")
            time.sleep(0.5)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Carry out a command in the running container, with its user and settings."""
        process = self.folder / "process.json"
        process.write_text(json.dumps(self._bundle()["process"] | {"args": command}))
        return subprocess.run(  # noqa: S603 # our own
            [*self._crun, "exec", "--process", process, self.name], capture_output=True, text=True, check=False
        )

    def stop(self) -> int | None:
        """Stop it as `docker stop` does; return its exit status, None if it was never started."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            run(*self._crun, "kill", self.name, self._image.config.get("StopSignal") or "SIGTERM")
        return self._process.wait(60)
