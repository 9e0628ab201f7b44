"""`flask activity ...` and `flask compliance ...`: Flask finds them by entry points, so `--help` needs no settings.

Their code is imported only when one of their commands is run: `flask policy` and `flask sandbox` don't need it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click
from flask import current_app

if TYPE_CHECKING:
    from app.monitoring.health import Health

Act = TypeVar("Act", bound=Callable[..., Any])


def on_database(act: Act) -> Act:
    """Run a command only if the database answers and has this version's schema, as `make serve` does."""

    @wraps(act)
    def checked(*args: Any, **kwargs: Any) -> Any:
        health = cast("Health", current_app.extensions["health"])
        for problem in health.of_database().values():
            raise click.ClickException(problem)
        return act(*args, **kwargs)

    return cast("Act", checked)


class _Later(click.Group):
    """The commands of `app.NAME.cli`."""

    def _commands(self) -> click.Group:
        return cast("click.Group", import_module(f"app.{self.name}.cli").commands)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return self._commands().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        return self._commands().get_command(ctx, cmd_name)


activity = _Later("activity", help="The audit log: verify it, and remove old entries.")
compliance = _Later("compliance", help="Compliance: refresh from AWS, upload a credential report, export.")
