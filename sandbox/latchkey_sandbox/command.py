"""`latchkey-sandbox`: the same command as `latchkey sandbox`, for those who have no portal. It needs no settings."""

from __future__ import annotations

import click

from app import __version__
from app.sandbox.cli import sandbox

_VERSION = "%(prog)s %(version)s"


@click.version_option(__version__, prog_name="latchkey-sandbox", message=_VERSION)
@click.command("latchkey-sandbox", params=[*sandbox.params], help=sandbox.help)
@click.pass_context
def command(ctx: click.Context, /, **given: object) -> None:
    """Run the sandbox's own command. moto loads only now."""
    ctx.invoke(sandbox, **given)


def main() -> None:
    """Run what the command line says."""
    command.main(prog_name="latchkey-sandbox")
