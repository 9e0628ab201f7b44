"""How sources come that commands fetch or import."""

from __future__ import annotations

from flask import current_app

from app.audit.command_line import login
from app.compliance.data.kept_sources import Archive, Arrival, How


def fetched_by(arn: str) -> Arrival:
    """Return how a source comes that a command fetches from AWS. arn: whose credentials it uses."""
    return Arrival(How.FETCHED, f"{login()}, {arn}", Archive.of(current_app.config))


def imported() -> Arrival:
    """Return how a source comes that a command imports."""
    return Arrival(How.IMPORTED, login(), Archive.of(current_app.config))
