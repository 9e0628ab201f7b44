"""Bills of materials in CycloneDX's JSON: what a lock pins, and what an image contains."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import datetime
from email.parser import HeaderParser
from hashlib import sha256
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License, LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from release.debian import SUITE, DebianPackage
from release.locks import Pin
from release.source import Unmade

LONGEST_NAME = 60
"""In characters: a longer `License` is the text of the licence, not its name."""


def _hashes(*digests: str) -> list[HashType]:
    return [HashType(alg=HashAlgorithm.SHA_256, content=each) for each in digests]


def _licenses(*names: str) -> list[License]:
    """Return licences from what a Python package declares: an SPDX identifier or expression, or several names."""
    declared, factory = LicenseAcknowledgement.DECLARED, LicenseFactory()
    if len(names) == 1:  # CycloneDX wants an expression alone
        return [factory.make_from_string(names[0], license_acknowledgement=declared)]
    return [factory.make_with_name(each, acknowledgement=declared) for each in names]


class Package:
    """What a Python package says of itself, in its METADATA."""

    def __init__(self, metadata: bytes) -> None:
        self._told = HeaderParser().parsestr(metadata.decode())
        self.name = str(canonicalize_name(self._told["Name"]))
        self.version = str(self._told["Version"])

    @property
    def licenses(self) -> list[str]:
        """An SPDX expression, or names."""
        if expression := self._told["License-Expression"]:
            return [expression]
        name = (self._told["License"] or "").strip()
        if name and "\n" not in name and len(name) <= LONGEST_NAME:
            return [name]
        listed = [each for each in self._told.get_all("Classifier", []) if each.startswith("License :: ")]
        return [each.rsplit(" :: ", 1)[1] for each in listed if each != "License :: OSI Approved"]

    def needs(self, python: str) -> set[str]:
        """Names of packages that it depends on, as an interpreter of this version installs it, without extras."""
        wanted = [Requirement(each) for each in self._told.get_all("Requires-Dist", [])]
        here = {"python_full_version": python, "python_version": ".".join(python.split(".")[:2]), "extra": ""}
        return {canonicalize_name(each.name) for each in wanted if not each.marker or each.marker.evaluate(here)}


class Wheel(Package):
    """A wheel."""

    def __init__(self, file: Path) -> None:
        with zipfile.ZipFile(file) as archive:
            name = next(each for each in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", each))
            super().__init__(archive.read(name))
        self.sha256 = sha256(file.read_bytes()).hexdigest()


def installed(environment: Path) -> list[Package]:
    """Return the packages of a virtual environment, by name."""
    found = environment.glob("lib/python*/site-packages/*.dist-info/METADATA")
    return sorted((Package(each.read_bytes()) for each in found), key=lambda each: each.name)


def _of_pypi(name: str, version: str, licenses: Sequence[str] = (), hashes: Sequence[str] = ()) -> Component:
    purl = PackageURL("pypi", None, name, version)
    return Component(
        type=ComponentType.LIBRARY, name=name, version=version, purl=purl, bom_ref=str(purl),
        licenses=_licenses(*licenses), hashes=_hashes(*hashes),
    )  # fmt: skip


def _of_debian(package: DebianPackage, licenses: Sequence[str]) -> Component:
    purl = PackageURL("deb", "debian", package.name, package.version, {"arch": package.architecture, "distro": SUITE})
    return Component(
        type=ComponentType.LIBRARY, name=package.name, version=package.version, purl=purl, bom_ref=str(purl),
        hashes=_hashes(package.sha256),
        # Names of Debian, not of SPDX: kept as they are.
        licenses=[LicenseFactory().make_with_name(each) for each in licenses],
    )  # fmt: skip


def debian_licenses(copyright_file: Path) -> list[str]:
    """Return the licences that a Debian copyright file names, [] if it isn't in the form that programs read."""
    text = copyright_file.read_text(errors="replace") if copyright_file.exists() else ""
    if not text.startswith("Format:"):
        return []
    return sorted({each.strip() for each in re.findall(r"^License: *(\S.{0,80})$", text, re.MULTILINE)})


def _written(root: Component, components: Iterable[Component], dated: datetime) -> Bom:
    bom = Bom(components=components)
    bom.metadata.component = root
    bom.metadata.timestamp = dated
    return bom


def of_lock(name: str, version: str, pins: Sequence[Pin], dated: datetime, environment: Path) -> str:
    """Return the bill of a lock: each package with the hashes of all files that may be installed of it.

    Licences are those that packages of the same version have in a virtual environment.
    """
    licenses = {(str(each.name), each.version): each.licenses for each in installed(environment)}
    root = _of_pypi(name, version, ["Apache-2.0"])
    components = []
    for pin in pins:
        made = _of_pypi(pin.name, pin.version, licenses.get((pin.name, pin.version), []))
        # The hashes are of several files, one of which gets installed. So they are no hashes of the component.
        files = ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION, url=XsUri(str(made.purl)), hashes=_hashes(*pin.hashes)
        )
        made.external_references.add(files)
        components.append(made)
    bom = _written(root, components, dated)
    bom.register_dependency(root, components)
    return _checked(bom, f"{name}-{version}")


def of_image(
    root: Component, wheels: Sequence[Wheel], packages: Sequence[tuple[DebianPackage, list[str]]], python: str,
    dated: datetime,
) -> str:  # fmt: skip
    """Return the bill of an image: installed wheels, and Debian's packages, each with its hash.

    `packages` have the names of their licences. `python` is the full version of the image's interpreter.
    """
    ours = {str(wheel.name): _of_pypi(wheel.name, wheel.version, wheel.licenses, [wheel.sha256]) for wheel in wheels}
    debian = [_of_debian(package, licenses) for package, licenses in packages]
    bom = _written(root, [*ours.values(), *debian], dated)
    for wheel in wheels:
        bom.register_dependency(ours[wheel.name], [ours[each] for each in wheel.needs(python) if each in ours])
    bom.register_dependency(root, [*ours.values(), *debian])
    return _checked(bom, f"{root.name}-{root.version}-image")


def container(name: str, version: str, layers: Sequence[str]) -> Component:
    """Return an image as a component. `layers`: digests of its unpacked layers, like sha256:..."""
    digest = sha256("\n".join(layers).encode()).hexdigest()
    return Component(
        type=ComponentType.CONTAINER, name=name, version=version, bom_ref=f"{name}@{version}#{digest[:16]}",
        licenses=_licenses("Apache-2.0"),
    )  # fmt: skip


def _checked(bom: Bom, name: str) -> str:
    """Return it as JSON, the same for the same contents. Raises Unmade if it breaks CycloneDX's schema."""
    contents = "\n".join(
        sorted(f"{each.bom_ref.value} {[str(its.content) for its in each.hashes]}" for each in bom.components)
    )
    bom.serial_number = uuid5(NAMESPACE_URL, f"{name}\n{contents}")
    text = JsonV1Dot6(bom).output_as_string(indent=2) + "\n"
    if wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise Unmade(f"The bill of {name} breaks CycloneDX's schema: {wrong}")
    return text
