"""Lock files: what they pin, and what of it an interpreter installs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class Pin:
    """A package of a lock."""

    name: str
    """In its canonical form."""
    version: str
    requirement: Requirement
    hashes: tuple[str, ...]
    """SHA-256 in hexadecimal, of every file of this version."""

    def is_for(self, python: str) -> bool:
        """Whether CPython of this full version, like 3.11.2, on Linux installs it."""
        marker, short = self.requirement.marker, ".".join(python.split(".")[:2])
        here = {
            "python_full_version": python, "python_version": short, "implementation_version": python,
            "implementation_name": "cpython", "platform_python_implementation": "CPython",
            "os_name": "posix", "sys_platform": "linux", "platform_system": "Linux",
        }  # fmt: skip
        return marker is None or marker.evaluate(here)

    @property
    def line(self) -> str:
        """The requirement without its condition, with its hashes, as pip reads it."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{each}" for each in self.hashes)]) + "\n"


def pins(lock: Path) -> list[Pin]:
    """Return what a lock pins. Raises ValueError if a line is no pin with hashes."""
    found = []
    text = re.sub(r"^#.*\n", "", lock.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(str.strip, text.splitlines()):
        wanted, *hashes = re.split(r"\s+--hash=sha256:", line.strip())
        requirement = Requirement(wanted)
        exact = [each.version for each in requirement.specifier if each.operator == "=="]
        if len(exact) != 1 or not hashes:
            raise ValueError(f"{lock.name} pins no version with hashes: {line[:100]}")
        found.append(Pin(canonicalize_name(requirement.name), exact[0], requirement, tuple(hashes)))
    return found


def write(chosen: Iterable[Pin], file: Path) -> Path:
    """Write pins as requirements for pip; return the file."""
    file.write_text("".join(each.line for each in chosen))
    return file
