"""`latchkey`: every command under one name. It loads click, and what the one command needs, and nothing else."""

from __future__ import annotations

import gc
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, cast

import click

from app import __version__


class Place(NamedTuple):
    """Where a command is, so that only the one that runs is loaded."""

    where: str
    """`MODULE:NAME`."""
    help: str
    """One line for `latchkey --help`."""
    on_database: bool = False
    """Does it run in the application without pages (`app.command_app`)?"""
    needs: str = ""
    """A package without which there is no such command."""


COMMANDS = {
    "serve": Place("app.cli.serve:serve", "Start the portal."),
    "worker": Place("app.commands:worker", "Send notices, and do what is planned.", on_database=True),
    "sandbox": Place("app.cli.of_sandbox:sandbox", "Start a local AWS to try the portal and policies with."),
    "policy": Place("app.policy.cli:policy", "Write, check, explain, simulate and rehearse Force_MFA policies."),
    "activity": Place("app.commands:activity", "Verify the audit log, and remove old entries.", on_database=True),
    "compliance": Place(
        "app.commands:compliance", "Fetch, import and export data for the compliance pages.", on_database=True
    ),
    "notify": Place("app.commands:notify", "Try the channels for notices, and preview notices.", on_database=True),
    "db": Place("app.cli.database:db", "Create the database, or migrate it to this version.", on_database=True),
    "doctor": Place("app.doctor.cli:doctor", "Check the installation, and say what to fix.", needs="app.doctor"),
}
"""In the order of `latchkey --help`."""


class Latchkey(click.Group):
    """The commands of `COMMANDS`, each loaded when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List those that are installed."""
        return [name for name, place in COMMANDS.items() if not place.needs or find_spec(place.needs)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command, and give it the application it runs in."""
        if cmd_name not in self.list_commands(ctx):
            return None
        place = COMMANDS[cmd_name]
        module, _, name = place.where.partition(":")
        if place.on_database:
            ctx.obj = import_module("app.cli.application").script_info()
        command = cast("click.Command", getattr(import_module(module), name))
        if not place.on_database:  # the others load more, and `app.cli.application` does it then
            gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by the words of the table: click would load every one of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in self.list_commands(ctx)])


@click.group(cls=Latchkey, context_settings={"max_content_width": 100})
@click.version_option(__version__, prog_name="latchkey", message="%(prog)s %(version)s")
def latchkey() -> None:
    """Latchkey, a self-service portal for AWS IAM users under a Force_MFA policy.

    Settings are environment variables: docs/settings.md lists them. `latchkey COMMAND --help` says more about a
    command.
    """


def main(**extra: Any) -> Any:
    """Run the command that the command line names."""
    gc.disable()  # nothing of what is loaded is garbage
    return latchkey.main(prog_name="latchkey", **extra)
