"""The images: built as `make image` does, looked at as by a scanner, and run until a user is through Step 3."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from release.containers import unpack
from release.image import Builder, Layer
from release.kinds import KINDS, PYTHON, Kind
from release.source import version
from tests.release.conftest import ON_THIS_MACHINE, run
from tests.support.sandbox import ROOT

pytestmark = [
    pytest.mark.timeout(3600),
    pytest.mark.skipif(os.geteuid() != 0, reason="images are built as root, from Debian's packages"),
]
SHELLS = ("sh", "bash", "dash", "busybox")
DECLARES_NONE = {"huey"}
"""Packages whose metadata names no license."""
BITS = 0o6000
"""Of files that run as their owner or group, not as the user who starts them."""


@dataclass(frozen=True)
class Build:
    """What one build of both images has made."""

    folder: Path
    layers: dict[str, list[Layer]]

    def archive(self, kind: Kind) -> Path:
        return self.folder / kind.archive

    def bill(self, kind: Kind) -> Path:
        return self.folder / kind.archive.replace(".tar.gz", ".cdx.json")


def build(dist: Path, scratch: Path) -> Build:
    """Build both images from the wheels in `dist`."""
    into = scratch / "made"
    into.mkdir(parents=True)
    for wheel in dist.glob("*.whl"):
        (into / wheel.name).write_bytes(wheel.read_bytes())
    layers = {}
    with Builder(scratch / "build", into, print) as builder:
        below = builder.with_packages(builder.base())
        for kind in KINDS:
            below = builder.finish(kind, below)
            layers[kind.name] = builder.layers(below)
            builder.save(kind)
    return Build(into, layers)


@pytest.fixture(scope="module")
def made(scratch: Path, dist: Path) -> Build:
    """Both images, built once."""
    run(ROOT / "deploy/apt-install", "buildah", "crun", "mmdebstrap", "openssh-client")
    return build(dist, scratch / "images")


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.name)
def unpacked(request: pytest.FixtureRequest, scratch: Path, made: Build) -> tuple[Kind, Path, dict[str, Any]]:
    """An image from its file: its kind, the folder of its root file system, and its configuration."""
    kind = request.param
    root, config = unpack(made.archive(kind), scratch / f"{kind.name}-unpacked")
    return kind, root, config


def test_step_3_in_containers(made: Build) -> None:
    story: list[str | Path] = [sys.executable, "-m", "tests.release.in_containers", made.folder]
    told = subprocess.run(story, cwd=ROOT, env=ON_THIS_MACHINE, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Without MFA, AWS refuses a new user EC2." in told.stdout
    assert "With a code of the phone, EC2 works from the command line." in told.stdout


def test_a_second_build_makes_the_same_bytes(made: Build, scratch: Path, dist: Path) -> None:
    again = build(dist, scratch / "again")
    assert again.layers == made.layers
    for kind in KINDS:
        assert again.bill(kind).read_text() == made.bill(kind).read_text()
        assert again.archive(kind).read_bytes() == made.archive(kind).read_bytes()


def test_an_image_has_what_it_runs_and_no_more(unpacked: tuple[Kind, Path, dict[str, Any]]) -> None:
    kind, root, config = unpacked
    files = [each for each in root.rglob("*") if each.is_file() and not each.is_symlink()]
    assert not [each for each in files if each.name in SHELLS or each.name in ("pip", "apt", "dpkg", "perl")]
    assert not [each for each in files if each.stat().st_mode & BITS], "nobody becomes someone else"
    assert not [each for each in files if each.stat().st_uid], "nothing is the program's user's own"
    of_this_machine = Path("/etc/hostname").read_text().strip()
    assert not (root / "etc/hostname").exists() and of_this_machine not in (root / "etc/passwd").read_text()
    assert not (root / "etc/resolv.conf").exists() and not list((root / "mnt").iterdir())
    user = str(config["User"]).partition(":")[0]
    assert int(user) > 0 and f":{user}:" in (root / "etc/passwd").read_text()
    assert config["Entrypoint"] == [kind.entrypoint] and (root / "opt/latchkey/bin" / kind.entrypoint).exists()
    assert config["Cmd"] == list(kind.command)
    healthcheck = config["Healthcheck"]
    assert healthcheck["Test"][:3] == ["CMD", PYTHON, "-c"]
    (data,) = (root / each.lstrip("/") for each in config["Volumes"])
    assert (data.stat().st_uid, data.stat().st_mode & 0o777) == (int(user), 0o700) and not list(data.iterdir())
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == version()
    assert {"title", "description", "created", "licenses"} <= {each.rpartition(".")[2] for each in labels}


def test_the_bill_lists_what_is_installed(made: Build, unpacked: tuple[Kind, Path, dict[str, Any]]) -> None:
    kind, root, _config = unpacked
    text = made.bill(kind).read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = json.loads(text)["components"]
    assert all(len(each["hashes"]) == 1 for each in components), "of the one file that was installed"
    metadata = root.glob("opt/latchkey/lib/python*/site-packages/*.dist-info")
    installed = {each.name.removesuffix(".dist-info").lower().replace("_", "-") for each in metadata}
    listed = {f"{each['name']}-{each['version']}" for each in components if each["purl"].startswith("pkg:pypi/")}
    assert {each.replace(".", "-") for each in listed} == {each.replace(".", "-") for each in installed}
    packages = {each["name"] for each in components if each["purl"].startswith("pkg:deb/debian/")}
    assert packages == {each.name for each in (root / "var/lib/dpkg/status.d").iterdir()}
    unlicensed = {each["name"] for each in components if not each.get("licenses")}
    assert unlicensed - packages <= DECLARES_NONE
    assert unlicensed & packages < packages, "many of Debian's copyright files are in the form that programs read"


def test_archives_are_read_without_buildah(made: Build) -> None:
    for kind in KINDS:
        with tarfile.open(made.archive(kind)) as archive:
            (image,) = json.load(archive.extractfile("manifest.json") or sys.stdin)
            assert image["RepoTags"] == [kind.reference]
            for layer, expected in zip(image["Layers"], made.layers[kind.name], strict=True):
                member = archive.getmember(layer)
                whole = archive.extractfile(member.linkname.removeprefix("../") if member.issym() else layer)
                assert whole and f"sha256:{hashlib.sha256(whole.read()).hexdigest()}" == expected.digest
