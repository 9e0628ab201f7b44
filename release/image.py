"""The images: Debian's Python, then what requirements-serve.lock pins, then Latchkey; the sandbox on top of that."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pip

from release import debian, sbom
from release.buildah import Buildah
from release.kinds import DATA, HOME, PORTAL, PYTHON, Kind, configuration
from release.locks import Pin, pins, write
from release.programs import remove, run
from release.source import ROOT, Unmade, date, epoch, machine, version

TAG = f"cpython-{debian.PYTHON.replace('.', '')}"
"""In the names of compiled modules."""
GLIBC = 36
"""Of Debian 12: 2.36. Newer wheels don't run on it."""
PIP = Path(pip.__file__).parent
"""This environment's pip, which runs in the images while they are built. None stays there."""
LEFT_BEHIND = (
    "mnt/pip", "mnt/wheels", "mnt/wanted.txt", "mnt/modules.txt", "run/.containerenv", "run/secrets",
    "etc/hosts", "etc/hostname", "etc/resolv.conf",
)  # fmt: skip
"""Where buildah attaches folders and files while it runs a command: nothing of the image."""
Contents = tuple[list[sbom.Wheel], list[tuple[debian.DebianPackage, list[str]]]]
"""Wheels, and packages of Debian with the names of their licenses."""


@dataclass(frozen=True)
class Layer:
    """A layer of an image, unpacked."""

    digest: str
    """Like sha256:..."""
    size: int
    """In bytes."""


def wheel(folder: Path, name: str) -> Path:
    """Return the wheel of this version in a folder. Raises Unmade."""
    found = sorted(folder.glob(f"{name}-{version()}-*.whl"))
    if len(found) != 1:
        raise Unmade(f"{folder} has no wheel of {name} {version()}. Run `make dist` first.")
    return found[0]


def pinned(wheels: Iterable[Path]) -> str:
    """Return requirements that only these very files meet."""
    lines = []
    for file in wheels:
        name, its_version = file.name.split("-")[:2]
        lines.append(f"{name}=={its_version} --hash=sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}\n")
    return "".join(lines)


def download(wanted: Path, folder: Path) -> None:
    """Put wheels for the image's Python into a folder, after checking the hashes `wanted` has. Raises Unmade."""
    old = ["manylinux1", "manylinux2010", "manylinux2014"]
    platforms = [f"manylinux_2_{minor}" for minor in range(GLIBC, 4, -1)] + old
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--require-hashes", "--only-binary=:all:", "--implementation=cp", f"--python-version={debian.PYTHON}",
        *(f"--platform={each}_{machine()}" for each in platforms), "--requirement", str(wanted),
        "--dest", str(folder),
    ]  # fmt: skip
    run(*command)


def rewrite(archive: tarfile.TarFile, written: gzip.GzipFile, reference: str) -> None:
    """Write an image's archive without what is new in each build: identifiers of containers and of images below."""

    def read(name: str) -> IO[bytes]:
        found = archive.extractfile(name)
        if found is None:
            raise Unmade(f"The image's archive has no file {name}.")
        return found

    (image,) = json.load(read("manifest.json"))
    described = json.load(read(image["Config"]))
    for changing in ("container", "parent"):
        described.pop(changing, None)
    config = json.dumps(described, sort_keys=True).encode()
    named = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = json.dumps([{"Config": named, "RepoTags": [reference], "Layers": image["Layers"]}]).encode()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as rewritten:
        for layer in image["Layers"]:
            entry = tarfile.TarInfo(layer)
            entry.size = archive.getmember(layer).size
            rewritten.addfile(entry, read(layer))
        for name, contents in ((named, config), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(name)
            entry.size = len(contents)
            rewritten.addfile(entry, io.BytesIO(contents))


class Builder:
    """Builds images in a folder of its own, and says what it does; use as a context manager."""

    def __init__(self, scratch: Path, dist: Path, say: Callable[[str], None]) -> None:
        self.scratch = scratch
        self.dist = dist
        self.say = say
        self.store = Buildah(scratch / "store")
        self.python = ""
        """Full version of the base's Python."""
        self.packages: list[debian.DebianPackage] = []
        self._wheels = scratch / "wheels"
        self._wheels.mkdir(parents=True)

    def __enter__(self) -> Builder:
        return self

    def __exit__(self, *problem: object) -> None:
        self.store.__exit__(*problem)

    def base(self) -> str:
        """Make the image below both, from Debian's packages; return its name."""
        root = self.scratch / "root"
        self.packages = debian.make_root(root, self.scratch / "debian")
        self.say(f"The base has {len(self.packages)} packages of Debian {debian.SUITE}, Python, and no shell.")
        container = self.store("from", "scratch")
        self.store("copy", "--quiet", container, f"{root}/.", "/")
        python = f"/usr/bin/python{debian.PYTHON}"
        self.python = self.store.run(container, [python, "-c", "import platform; print(platform.python_version())"])
        self._compile(container, f"/usr/lib/python{debian.PYTHON}", python)
        self._commit(container, "latchkey-base")
        shutil.rmtree(root)
        return "latchkey-base"

    def with_packages(self, below: str) -> str:
        """Make the image that has the portal's packages, without the portal; return its name."""
        wanted = self._wanted(PORTAL)
        container = self.store("from", below)
        venv = [f"/usr/bin/python{debian.PYTHON}", "-m", "venv", "--without-pip", "--symlinks", HOME]
        self.store.run(container, venv)
        for script in (self.store.folder(container) / HOME.lstrip("/") / "bin").glob("[Aa]ctivate*"):
            script.unlink()  # they are for shells
        self._install(container, wanted)
        self.say(f"Installed {len(self.pins(PORTAL))} packages, each with a hash of {PORTAL.lock}.")
        self._commit(container, "latchkey-packages")
        return "latchkey-packages"

    def finish(self, kind: Kind, below: str) -> str:
        """Make an image from the one below it, and write to dist/ what is in it; return its name."""
        ours = [wheel(self.dist, name) for name in kind.wheels]
        for each in ours:
            shutil.copy2(each, self._wheels)
        exact = self.scratch / f"{kind.name}.txt"
        exact.write_text(pinned(ours))
        container = self.store("from", below)
        if kind is not PORTAL:
            self._install(container, self._wanted(kind))
        self._install(container, exact)
        self.store.run(container, [PYTHON, "/mnt/pip", "check"], mounts={PIP: "/mnt/pip"})
        data = self.store.folder(container) / DATA.lstrip("/")
        data.mkdir(mode=0o700, exist_ok=True)
        os.chown(data, debian.USER, debian.USER)  # new volumes get the owner of the folder that they replace
        self.store("config", *configuration(kind), container)
        contents = self._installed(container)
        self._commit(container, kind.reference)
        self._bill(kind, contents)
        size = sum(layer.size for layer in self.layers(kind.reference))
        self.say(f"{kind.reference} is built: {size / 1e6:.0f} MB in {len(self.layers(kind.reference))} layers.")
        return kind.reference

    def pins(self, kind: Kind) -> list[Pin]:
        """Return what of the lock of this image its Python installs. Works after `base`."""
        served, built = (
            {each.name for each in pins(ROOT / lock)} for lock in (PORTAL.lock, "requirements-build.lock")
        )
        wanted = (each for each in pins(ROOT / kind.lock) if each.name in served or each.name not in built)
        return [each for each in wanted if each.is_for(self.python)]

    def _wanted(self, kind: Kind) -> Path:
        """Download the packages of an image; return the file that asks pip for them."""
        wanted = write(self.pins(kind), self.scratch / kind.lock)
        download(wanted, self._wheels)
        return wanted

    def _install(self, container: str, requirements: Path) -> None:
        """Install wheels with the hashes that a file has, by this machine's pip: none stays in the image."""
        inside = {PIP: "/mnt/pip", self._wheels: "/mnt/wheels", requirements: "/mnt/wanted.txt"}
        command = [
            PYTHON, "/mnt/pip", "--isolated", "install", "--quiet", "--no-index", "--find-links=/mnt/wheels",
            "--require-hashes", "--no-deps", "--no-compile", "--no-cache-dir", "--disable-pip-version-check",
            "--root-user-action=ignore", "--requirement", "/mnt/wanted.txt",
        ]  # fmt: skip
        self.store.run(container, command, mounts=inside)
        self._compile(container, f"{HOME}/lib/python{debian.PYTHON}/site-packages", PYTHON)

    def _compile(self, container: str, folder: str, python: str) -> None:
        """Compile modules once, since nothing can be written there later. Bytes depend on the source alone."""
        inside = self.store.folder(container)
        modules = sorted((inside / folder.lstrip("/")).rglob("*.py"))
        # Not those of a layer below: this layer would have them again.
        new = [each for each in modules if not (each.parent / "__pycache__" / f"{each.stem}.{TAG}.pyc").exists()]
        listed = self.scratch / "modules.txt"
        listed.write_text("".join(f"/{each.relative_to(inside)}\n" for each in new))
        compiling = [
            python,
            "-m",
            "compileall",
            "-qq",
            "--invalidation-mode=unchecked-hash",
            "-i",
            "/mnt/modules.txt",
        ]
        self.store.run(container, compiling, mounts={listed: "/mnt/modules.txt"})

    def _commit(self, container: str, name: str) -> None:
        inside = self.store.folder(container)
        remove(*(inside / each for each in LEFT_BEHIND))
        self.store("umount", container)
        self.store.commit(container, name, epoch())

    def layers(self, name: str) -> list[Layer]:
        """Return the layers of an image, the lowest first."""
        described = self.store.described(name)
        digests: list[str] = described["rootfs"]["diff_ids"]
        sizes = self.store.layers
        return [Layer(digest, sizes[digest]) for digest in digests]

    def save(self, kind: Kind) -> Path:
        """Write an image to dist/, in the form that `docker load` and `podman load` read; return the file."""
        plain = self.scratch / f"{kind.name}.tar"
        self.store("push", "--quiet", kind.reference, f"docker-archive:{plain}:{kind.reference}")
        target = self.dist / kind.archive
        with (
            tarfile.open(plain) as read,
            target.open("wb") as written,
            # Neither name nor time in the header: the same image, the same bytes.
            gzip.GzipFile(filename="", mode="wb", fileobj=written, mtime=0, compresslevel=6) as packed,
        ):
            rewrite(read, packed, kind.reference)
        plain.unlink()
        return target

    def _installed(self, container: str) -> Contents:
        """Return what a container has: the wheels that were installed, and Debian's packages with their licenses."""
        inside = self.store.folder(container)
        installed = {(each.name, each.version) for each in sbom.installed(inside / HOME.lstrip("/"))}
        found = [sbom.Wheel(file) for file in sorted(self._wheels.glob("*.whl"))]
        wheels = [each for each in found if (each.name, each.version) in installed]
        if len(wheels) != len(installed):
            raise Unmade("The image has packages that were not downloaded for it.")
        documents = inside / "usr/share/doc"
        licenses = [sbom.debian_licenses(documents / each.name / "copyright") for each in self.packages]
        return wheels, list(zip(self.packages, licenses, strict=True))

    def _bill(
        self, kind: Kind, contents: tuple[list[sbom.Wheel], list[tuple[debian.DebianPackage, list[str]]]]
    ) -> None:
        root = sbom.container(kind.name, version(), [layer.digest for layer in self.layers(kind.reference)])
        target = self.dist / kind.archive.replace(".tar.gz", ".cdx.json")
        target.write_text(sbom.of_image(root, *contents, self.python, date()))
