"""Every kind of error that the portal has, and what each says of AWS."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

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


@contextmanager
def only_known_diagnoses() -> Iterator[None]:
    """Let no error be made with a diagnosis that its class doesn't name: docs/errors.md couldn't have it."""
    make = PortalError.__init__

    def made(error: PortalError, *args: Any, **named: Any) -> None:
        make(error, *args, **named)
        diagnosis = error.diagnosis.partition(":")[0]
        assert not diagnosis or diagnosis in error.diagnoses, f"{type(error).__name__}.diagnoses lacks {diagnosis!r}"

    with pytest.MonkeyPatch.context() as during_the_tests:
        during_the_tests.setattr(PortalError, "__init__", made)
        yield


def nothing_changed() -> set[str]:
    """Return the codes of errors after which AWS has certainly changed nothing."""
    return {kind.code for kind in kinds() if issubclass(kind, Refused | NotRecorded)}


def outcome_unknown() -> set[str]:
    """Return the codes of errors after which AWS may have changed something."""
    return {kind.code for kind in kinds() if issubclass(kind, NoResponse)}
