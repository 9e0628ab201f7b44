"""AWS's ids of requests, for the audit log. Nothing here needs an AWS client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

answered: ContextVar[list[str]] = ContextVar("request_id")
"""Ids of the answers that arrive in `request_ids`."""


@contextmanager
def request_ids() -> Iterator[list[str]]:
    """Context manager. Yield a list that fills with the request ID of each AWS answer, oldest first.

    It makes no difference whose credentials signed the request.
    """
    seen: list[str] = []
    before = answered.set(seen)
    try:
        yield seen
    finally:
        answered.reset(before)
