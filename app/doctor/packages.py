"""Are the Python packages installed that Latchkey needs, and those that were tested together?

This loads where any of them is missing.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec

from app import __version__
from app.doctor.finding import Finding
from app.places import LOCK

_PINNED = re.compile(r"^[A-Za-z0-9._-]+==[^\\\n]+", re.MULTILINE)
_MODULE = re.compile(r"([^/.]+)(?:/__init__)?(?:\.[^/]*)?\.(?:py|so|pyd)")
"""The path of a package's top module in its list of files."""
_OURS = ("app", "config", "wsgi")
_INSTALL = f"Install them: python -m pip install --require-hashes -r {LOCK} (a container needs a new image)"


def unloadable(error: ImportError, what: str) -> Finding:
    """Return that something needs a package that can't be imported. Raises the error if a module of ours is missing.

    what: the beginning of the sentence, like the name of a setting.
    """
    name = (error.name or "").partition(".")[0]
    if name in _OURS:
        raise error
    if isinstance(error, ModuleNotFoundError):
        message = f"{what} needs the Python package {name}, which isn’t installed."
    else:
        reason = str(error).partition("\n")[0]
        message = f"{what} needs a Python package that can’t be loaded: {reason}."
    return Finding("package-missing", message, _INSTALL, {"packages": [name] if name else []})


def check() -> Iterator[Finding]:
    """Yield which packages are missing, or have other versions than requirements-serve.lock pins."""
    facts = {"python": platform.python_version(), "latchkey": __version__}
    if not LOCK.is_file():
        message = f"Python {facts['python']}. The versions of packages can’t be compared: there is no lock file here."
        yield Finding("versions-unknown", message, facts=facts)
        return
    missing, differ = [], []
    for name, pinned in _pins():
        found = _installed(name)
        if found is None:
            missing.append(name)
        elif found.version != pinned:
            differ.append(f"{name} {found.version}")
    if missing:
        message = f"Packages that requirements-serve.lock pins are missing: {', '.join(missing[:8])}."
        yield Finding("package-missing", message, _INSTALL, {**facts, "packages": missing})
    if differ:
        message = f"Packages with other versions than in requirements-serve.lock: {', '.join(differ[:8])}."
        yield Finding("versions-differ", message, _INSTALL, {**facts, "packages": differ})
    if not missing and not differ:
        message = f"Python {facts['python']}, and all packages as in requirements-serve.lock."
        yield Finding("versions-locked", message, facts=facts)


def _pins() -> Iterator[tuple[str, str]]:
    """Yield name and version of each package that the lock has for this Python and system."""
    from packaging.requirements import Requirement  # noqa: PLC0415 # it may be what is missing

    for line in _PINNED.findall(LOCK.read_text()):
        wanted = Requirement(line.strip())
        if wanted.marker is None or wanted.marker.evaluate():
            yield wanted.name, str(wanted.specifier).removeprefix("==")


def _installed(name: str) -> Distribution | None:
    """Return an installed package, None where it isn't, or where its modules were removed."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    modules = {module[1] for file in found.files or () if (module := _MODULE.fullmatch(str(file)))}
    return found if all(find_spec(module) for module in modules) else None
