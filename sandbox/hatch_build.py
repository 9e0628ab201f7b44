"""What the build of `latchkey-sandbox` takes from the folder above: the sandbox itself, its version and its packages.

In an sdist that folder isn't there. The sandbox is inside it, and its PKG-INFO has the rest.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
INSIDE = HERE / "app" / "sandbox"


class Metadata(MetadataHookInterface):
    """Fill in the version, and the packages it needs."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `version` and `dependencies`."""
        if INSIDE.is_dir():
            return
        found = re.search(r'^__version__ = "(.+)"$', (CHECKOUT / "app" / "__init__.py").read_text(), re.MULTILINE)
        if not found:
            raise ValueError("app/__init__.py has no __version__.")
        project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
        metadata["version"] = found[1]
        metadata["dependencies"] = [f"latchkey=={found[1]}", *project["optional-dependencies"]["sandbox"]]


class Contents(BuildHookInterface):  # type: ignore[type-arg] # its configuration, which it doesn't have
    """Add the sandbox to the wheel and the sdist."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name the folder, and where it goes."""
        build_data["force_include"][str(INSIDE if INSIDE.is_dir() else CHECKOUT / "app" / "sandbox")] = "app/sandbox"
