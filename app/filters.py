"""What templates may call."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask


def grouped(seed: str) -> str:
    """ "ABCD EFGH ...": groups of four are easier to type."""
    return " ".join(seed[start : start + 4] for start in range(0, len(seed), 4))


def register(app: Flask) -> None:
    """Make the filters known to Jinja."""
    app.jinja_env.filters["grouped"] = grouped
    app.jinja_env.globals["now"] = lambda: datetime.now(UTC)
