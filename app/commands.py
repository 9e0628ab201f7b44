"""`latchkey activity`, `compliance`, `notify` and `worker`. Flask, whose commands they are too (`flask --app wsgi`),
finds them by entry points, so `--help` needs no settings.

Their code is imported only when one of their commands is run: other commands don't need it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from flask import Flask
from flask.cli import ScriptInfo, prepare_import

Act = TypeVar("Act", bound=Callable[..., Any])


def on_database(act: Act) -> Act:
    """Run a command only if the database answers and has this version's schema, as `make serve` does."""

    @wraps(act)
    def checked(*args: Any, **kwargs: Any) -> Any:
        from app.db import db  # noqa: PLC0415 # see the module's docstring
        from app.monitoring.schema import problems_of  # noqa: PLC0415 # likewise

        for problem in problems_of(db.engine).values():
            raise click.ClickException(problem)
        return act(*args, **kwargs)

    return cast("Act", checked)


WITHOUT_PAGES = ("activity", "compliance", "notify")
"""Groups of commands that need no more than the database and the audit log."""


def _is_ours(path: str | None) -> bool:
    """Does `--app` name the application of wsgi.py? None: nothing was named, so Flask looks for that file."""
    return path is None or Path(path.partition(":")[0]).stem == "wsgi"


def _command_app() -> Flask:
    return cast("Flask", import_module("app.command_app").create_command_app())


def _without_pages(ctx: click.Context) -> ScriptInfo:
    """Where a command would load the portal of `wsgi`, let it have an application without pages instead."""
    info = ctx.ensure_object(ScriptInfo)
    if info.create_app is None and _is_ours(info.app_import_path):
        prepare_import((info.app_import_path or "wsgi").partition(":")[0])  # settings are those beside wsgi.py
        info.create_app = _command_app
    return info


class _Later(click.Group):
    """The commands of `app.PACKAGE.cli`. package: "" where it is named like the group."""

    def __init__(self, name: str, *, package: str = "", help: str) -> None:  # noqa: A002 # click's name for it
        super().__init__(name, help=help)
        self._package = package or name

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        if self.name in WITHOUT_PAGES:
            _without_pages(ctx)
        return super().invoke(ctx)

    def _commands(self) -> click.Group:
        return cast("click.Group", import_module(f"app.{self._package}.cli").commands)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return self._commands().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        return self._commands().get_command(ctx, cmd_name)


activity = _Later("activity", help="The audit log: verify it, and remove old entries.")
compliance = _Later("compliance", help="Compliance: refresh from AWS, upload a credential report, export.")
notify = _Later("notify", package="notices", help="Notices: try the channels, and see what they look like.")


@click.command("worker", help="Send notices, and do what is planned, until SIGTERM or Ctrl-C.")
@click.option("--parent", type=int, default=0, hidden=True, help="Also end with this process.")
@click.pass_context
def worker(ctx: click.Context, parent: int) -> None:
    """Run a worker."""
    app = _without_pages(ctx).load_app()
    import_module("app.compliance.notices.jobs").plan_reminders(app)
    with app.app_context():
        run = on_database(import_module("app.notices.worker_command").run)
        run(app, parent)
