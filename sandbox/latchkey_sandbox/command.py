"""`latchkey-sandbox`: the same command as `latchkey sandbox`, for those who have no portal. It needs no settings."""

from __future__ import annotations

import click

from latchkey_sandbox.place import ours_first

_VERSION = "%(prog)s %(version)s"


def command() -> click.Command:
    """Return the sandbox's own command, with a version. moto loads only when it runs."""
    from app import __version__  # noqa: PLC0415 # once it's clear which `app` this is
    from app.sandbox.cli import sandbox  # noqa: PLC0415 # likewise

    named = click.Command("latchkey-sandbox", params=[*sandbox.params], callback=sandbox.callback, help=sandbox.help)
    return click.version_option(__version__, prog_name="latchkey-sandbox", message=_VERSION)(named)


def main() -> None:
    """Run what the command line says."""
    ours_first()
    command().main(prog_name="latchkey-sandbox")
