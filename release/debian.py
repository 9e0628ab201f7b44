"""The root file system of the images: Python and the libraries it loads, from Debian's packages, without a shell."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from release.programs import remove, run
from release.source import architecture

SUITE = "bookworm"
PYTHON = "3.11"
WANTED = ("base-files", "ca-certificates", f"libpython{PYTHON}-stdlib", "netbase", f"python{PYTHON}-minimal")
UNUSED = {
    "debconf": "asks questions of who installs a package",
    "dpkg": "installs packages",
    "libdb5.3": "for the module dbm.ndbm",
    "libncursesw6": "for the module curses",
    "libnsl2": "for the module nis",
    "libreadline8": "for lines typed into Python",
    "libtinfo6": "for the module curses",
    "libtirpc3": "for the module nis",
    "mawk": "base-files wants an awk while it is installed",
    "openssl": "the command, which ca-certificates calls while it is installed",
    "tar": "installs packages",
}
"""Packages that others depend on but nothing in the image loads, with what they are for. apt is told it has them."""
LEFT_OUT = (
    "/usr/share/man/*", "/usr/share/doc/*", "/usr/share/lintian/*", "/usr/share/bug/*", "/usr/share/info/*",
    "/usr/lib/*/gconv/*",  # glibc's character sets: Python has its own
)  # fmt: skip
KEPT = ("/usr/share/doc/*/copyright",)
OF_THIS_MACHINE = (
    "etc/resolv.conf", "etc/hostname", "etc/fstab", "etc/apt", "etc/dpkg", "etc/profile.d", "etc/update-motd.d",
    "etc/skel", "usr/sbin/update-ca-certificates",
)  # fmt: skip
"""Files that mmdebstrap copies from the machine that builds, and what only installs or is for shells."""
USER = 10001
NO_SHELL = "/usr/sbin/nologin"
FILES = {
    "etc/passwd": f"root:x:0:0:root:/root:{NO_SHELL}\nlatchkey:x:{USER}:{USER}::/nonexistent:{NO_SHELL}\n",
    "etc/group": f"root:x:0:\nlatchkey:x:{USER}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
}
_STUB = (
    "Package: {name}\nStatus: install ok installed\nMaintainer: none\nArchitecture: all\nMulti-Arch: foreign\n"
    "Version: 999\nProvides: awk, debconf-2.0\nDescription: not in the image\n\n"
)


@dataclass(frozen=True)
class DebianPackage:
    """A package of the image."""

    name: str
    version: str
    architecture: str
    sha256: str
    """Of the file that was downloaded."""
    control: str
    """What Debian says of it, as in dpkg's list of installed packages."""


def sources() -> str:
    """Return this machine's apt sources of the suite, one `deb` line each, "" for mmdebstrap's own choice."""
    fields = "$(RELEASE)\t$(REPO_URI)\t$(SUITE)\t$(COMPONENT)\t$(SIGNED_BY)"
    asked = run("apt-get", "indextargets", "--format", fields, "Created-By: Packages", needed=False)
    lines = []
    for line in asked.splitlines():
        release, uri, _suite, component, key = line.split("\t")
        if release in (SUITE, f"{SUITE}-updates", f"{SUITE}-security"):
            signed = f" [signed-by={key}]" if key.startswith("/") else ""
            lines.append(f"deb{signed} {uri} {release} {component}\n")
    return "".join(lines)


def _apt_options() -> list[str]:
    """Return what this machine's apt is told about proxies, certificates and clocks."""
    asked = run("apt-config", "dump", "Acquire", needed=False)
    wanted = re.findall(r'^Acquire::(?:https?::|Check-|Retries).*"[^"]+";$', asked, re.MULTILINE)
    return [f"--aptopt={line}" for line in wanted]


def make_root(root: Path, packages: Path) -> list[DebianPackage]:
    """Extract the packages to the folder `root`, which must not exist, and keep their files in `packages`.

    Returns the packages by name. No script of a package is run. Raises Unmade.
    """
    packages.mkdir(parents=True, exist_ok=True)
    stubs = packages / "status"
    stubs.write_text("".join(_STUB.format(name=name) for name in UNUSED))
    folders = ("bin", "sbin", "lib", "lib64")
    merged = " && ".join(f'mkdir -p "$1/usr/{each}" && ln -s usr/{each} "$1/{each}"' for each in folders)
    command = [
        "mmdebstrap", "--quiet", "--mode=root", "--variant=extract", "--format=directory",
        f"--architectures={architecture()}", f"--include={','.join(WANTED)}", *_apt_options(),
        *(f"--dpkgopt=path-exclude={each}" for each in LEFT_OUT),
        *(f"--dpkgopt=path-include={each}" for each in KEPT),
        f"--setup-hook={merged}",
        f'--setup-hook=cp "{stubs}" "$1/var/lib/dpkg/status"',
        f'--extract-hook=cp "$1"/var/cache/apt/archives/*.deb "{packages}/"',
        SUITE, str(root),
    ]  # fmt: skip
    mirrors = sources()
    run(*command, *(["-"] if mirrors else []), given=mirrors)
    found = sorted((_described(file) for file in packages.glob("*.deb")), key=lambda each: each.name)
    _finish(root, found)
    return found


def _described(file: Path) -> DebianPackage:
    control = run("dpkg-deb", "--field", file) + "\n"
    fields = dict(re.findall(r"^(\S+): (.*)$", control, re.MULTILINE))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return DebianPackage(fields["Package"], fields["Version"], fields["Architecture"], digest, control)


def _finish(root: Path, packages: list[DebianPackage]) -> None:
    """Do what scripts of the packages would, and remove what belongs to this machine."""
    remove(*(root / name for name in OF_THIS_MACHINE), *(root / "dev").iterdir())
    for name, text in FILES.items():
        (root / name).write_text(text)
    authorities = sorted((root / "usr/share/ca-certificates").rglob("*.crt"), key=lambda each: each.name)
    (root / "etc/ssl/certs").mkdir(parents=True, exist_ok=True)
    (root / "etc/ssl/certs/ca-certificates.crt").write_text("".join(each.read_text() for each in authorities))
    (root / "usr/lib/ssl").mkdir(exist_ok=True)
    (root / "usr/lib/ssl/cert.pem").symlink_to("/etc/ssl/certs/ca-certificates.crt")
    # Scanners read one file a package there, as in other images without dpkg.
    remove(root / "var/lib/dpkg", root / "var/lib/apt", root / "var/cache")
    (root / "var/lib/dpkg/status.d").mkdir(parents=True)
    for each in packages:
        (root / "var/lib/dpkg/status.d" / each.name).write_text(each.control)
