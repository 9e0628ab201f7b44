"""`latchkey compliance ...`: the dashboard's data from a terminal or from cron.

These commands use the AWS profile of the user who runs them. The portal itself never does. Each command is loaded
when it runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

import click

WHERE = {
    "changes": "history_cli:changes",
    "export": "export_cli:export",
    "import": "import_cli:import_command",
    "prune": "history_cli:prune",
    "public-key": "export_cli:public_key",
    "refresh": "fetch_cli:refresh",
    "rejudge": "history_cli:rejudge",
    "sync": "fetch_cli:sync",
}
"""By the name of a command, its module in this package and its name there."""


class _Commands(click.Group):
    """The commands of `WHERE`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(WHERE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one of them."""
        if cmd_name not in WHERE:
            return None
        module, _, name = WHERE[cmd_name].partition(":")
        return cast("click.Command", getattr(import_module(f"app.compliance.{module}"), name))


commands = _Commands("compliance")
