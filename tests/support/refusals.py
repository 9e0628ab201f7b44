"""Every kind of error that the portal has, and what each says of AWS."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import app
from app.errors import NoResponse, NotRecorded, PortalError, Refused


def kinds(kind: type[PortalError] = PortalError) -> Iterator[type[PortalError]]:
    """Every kind of error there is, wherever it is defined."""
    if kind is PortalError:
        for module in pkgutil.walk_packages(app.__path__, "app."):
            importlib.import_module(module.name)
    yield kind
    for child in kind.__subclasses__():
        yield from kinds(child)


def nothing_changed() -> set[str]:
    """Return the codes of errors after which AWS has certainly changed nothing."""
    return {kind.code for kind in kinds() if issubclass(kind, Refused | NotRecorded)}


def outcome_unknown() -> set[str]:
    """Return the codes of errors after which AWS may have changed something."""
    return {kind.code for kind in kinds() if issubclass(kind, NoResponse)}
