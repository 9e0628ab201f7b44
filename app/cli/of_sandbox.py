"""Commands of the package `latchkey-sandbox`, by name, so that the portal loads and installs without it.

Entry points name them here. Flask loads all that name its commands, and one that's missing would stop every command.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import cast

import click

PLACES = {"sandbox": "app.sandbox.cli", "rehearse": "app.sandbox.rehearsal.cli"}
"""By the name of the command: its module."""
MISSING = "This needs the sandbox, a package of its own. Install its wheel beside Latchkey’s: docs/sandbox.md."


def __getattr__(name: str) -> click.Command:
    """Return the command, or one in its place that says what to install. Raises AttributeError for other names."""
    if name not in PLACES:
        raise AttributeError(name)
    if find_spec("app.sandbox") is None:
        return _missing(name)
    return cast("click.Command", getattr(import_module(PLACES[name]), name))


def _missing(name: str) -> click.Command:
    @click.command(name, help=MISSING, context_settings={"ignore_unknown_options": True})
    @click.argument("words", nargs=-1, type=click.UNPROCESSED)
    def instead(words: tuple[str, ...]) -> None:
        raise click.ClickException(MISSING)

    return instead
