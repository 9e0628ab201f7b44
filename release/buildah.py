"""Images through buildah: kept in a folder, commands run in a chroot, without Docker or a registry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from release.programs import run
from release.source import Unmade

REPRODUCIBLE = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/tmp", "PATH": "/usr/bin"}  # noqa: S108 # inside the image
"""What commands inside run with, so that they write the same bytes each time."""


class Buildah:
    """A store of images in a folder; use as a context manager, which unmounts what is mounted there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Where layers can't be mounted over each other, as inside of many containers, they are copied. That's slower.
        self.driver = "overlay"
        try:
            self("mount", self("from", "scratch"))
        except Unmade:
            self.driver = "vfs"
        else:
            self("rm", "--all")

    def __enter__(self) -> Buildah:
        return self

    def __exit__(self, *_: object) -> None:
        self("rm", "--all")

    def __call__(self, *words: str | Path) -> str:
        """Run a command of buildah and return what it prints. Raises Unmade with what it said."""
        here = self._folder / self.driver
        where = ("--root", here / "images", "--runroot", here / "run", "--storage-driver", self.driver)
        return run("buildah", *where, *words)

    @property
    def layers(self) -> dict[str, int]:
        """Sizes in bytes of the layers of all images, unpacked, by digest (sha256:...)."""
        listed = json.loads((self._folder / self.driver / f"images/{self.driver}-layers/layers.json").read_text())
        return {layer["diff-digest"]: layer["diff-size"] for layer in listed if "diff-digest" in layer}

    def run(self, container: str, command: Sequence[str], mounts: Mapping[Path, str] | None = None) -> str:
        """Run a command inside and return what it prints. Raises Unmade.

        mounts: folders and files of this machine that it may read, and where it finds them.
        """
        bound = [word for source, target in (mounts or {}).items() for word in ("--volume", f"{source}:{target}:ro")]
        environment = [f"--env={name}={value}" for name, value in REPRODUCIBLE.items()]
        return self("run", "--isolation", "chroot", "--user", "0:0", *environment, *bound, container, "--", *command)

    def folder(self, container: str) -> Path:
        """Return the folder in which its root file system is."""
        return Path(self("mount", container))

    def commit(self, container: str, name: str, epoch: int) -> None:
        """Keep the container as an image, whose files and dates are all of `epoch`."""
        # Docker's format, because OCI's has no place for a health check. Every runtime reads both.
        self("commit", "--quiet", "--format", "docker", "--timestamp", str(epoch), "--rm", container, name)

    def described(self, name: str) -> dict[str, Any]:
        """Return what an image says of itself: `config`, `rootfs`, `created` and so on."""
        told: dict[str, Any] = json.loads(self("inspect", "--type", "image", name))["Docker"]
        return told
