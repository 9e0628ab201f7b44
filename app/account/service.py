"""What AWS lets a user see of their account."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from app.errors import NotAllowed

Fact = TypeVar("Fact")


def if_allowed(read: Callable[[], Fact]) -> Fact | None:
    """Return what `read` returns, or None if the user's policy doesn't allow it. Raises what else `read` raises."""
    try:
        return read()
    except NotAllowed:
        return None
