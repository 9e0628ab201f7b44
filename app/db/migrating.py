"""`latchkey db` and `flask db`: Flask-Migrate, loaded only when it is used. It loads Alembic, which no page needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask import Flask

from app.db import db


def register(app: Flask, directory: Path) -> None:
    """Give the application its `db` commands. directory: of the migrations."""
    app.extensions["migrate"] = _Later(app, directory)
    app.cli.add_command(commands())


def commands() -> click.Group:
    """Return the `db` commands, for an application that `register` was called with."""
    return _Commands("db", help="Create the database, or migrate it to this version.")


class _Later:
    """In the place of Flask-Migrate's extension, which it becomes when it is first used."""

    def __init__(self, app: Flask, directory: Path) -> None:
        self._app, self._directory = app, directory

    def __getattr__(self, name: str) -> Any:
        from flask_migrate import Migrate  # noqa: PLC0415 # see the module's docstring

        Migrate(self._app, db, directory=str(self._directory))
        return getattr(self._app.extensions["migrate"], name)


class _Commands(click.Group):
    """Flask-Migrate's group of commands, once one is run."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Return a context of that group: click runs what the context is of."""
        from flask_migrate import cli  # noqa: PLC0415 # see the module's docstring

        context: click.Context = cli.db.make_context(info_name, args, parent, **extra)
        return context
