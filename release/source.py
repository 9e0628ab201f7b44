"""Facts about this source: its folder, its version, and the date that all its artifacts bear."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
DEBIAN_NAMES = {"x86_64": "amd64", "aarch64": "arm64"}


class Unmade(Exception):
    """An artifact can't be made. The message says why and what to do."""


def version() -> str:
    """Return the version of this source. Raises Unmade."""
    found = re.search(r'^__version__ = "(\S+)"$', (ROOT / "app/__init__.py").read_text(), re.MULTILINE)
    if not found:
        raise Unmade("app/__init__.py names no version.")
    return found[1]


def epoch() -> int:
    """Return the time of everything inside an artifact, in seconds since 1970. Raises Unmade.

    It is SOURCE_DATE_EPOCH if that is set, else the date of the newest version in CHANGELOG.md.
    """
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    found = re.search(r"^## \[?\d[^\s\]]*\]? - (\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    if not found:
        raise Unmade("CHANGELOG.md names no version with a date. Set SOURCE_DATE_EPOCH.")
    return int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())


def date() -> datetime:
    """Return `epoch()` as a date in UTC."""
    return datetime.fromtimestamp(epoch(), UTC)


def machine() -> str:
    """Return the name of this machine's architecture in Linux. Raises Unmade if no image is made for it."""
    if platform.machine() not in DEBIAN_NAMES:
        raise Unmade(f"Images are made on {' and '.join(DEBIAN_NAMES)}. This machine is {platform.machine()}.")
    return platform.machine()


def architecture() -> str:
    """Return the name of this machine's architecture in Debian and in images. Raises Unmade."""
    return DEBIAN_NAMES[machine()]
