"""Build the `Arrival` (how, by whom, kept or not) of a source that a command fetches or imports."""

from __future__ import annotations

from flask import current_app

from app.audit.command_line import login
from app.compliance.data.kept_sources import Archive, Arrival, How


def fetched_by(arn: str) -> Arrival:
    """Return the `Arrival` of a source that a command fetches from AWS. arn: whose credentials it uses."""
    return Arrival(How.FETCHED, f"{login()}, {arn}", Archive.of(current_app.config))


def imported() -> Arrival:
    """Return the `Arrival` of a source that a command imports from a file."""
    return Arrival(How.IMPORTED, login(), Archive.of(current_app.config))
