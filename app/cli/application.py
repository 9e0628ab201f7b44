"""The application in which commands run that read or write the database."""

from __future__ import annotations

import gc
from importlib import import_module
from typing import cast

from flask import Flask
from flask.cli import ScriptInfo


def _create() -> Flask:
    """Import it when a command asks for it, so that `--help` needs no settings. Collects no garbage meanwhile."""
    app = cast("Flask", import_module("app.command_app").create_command_app())
    gc.freeze()  # all that is loaded stays
    gc.enable()
    return app


def script_info() -> ScriptInfo:
    """Return what Flask's commands find their application by."""
    return ScriptInfo(create_app=_create, set_debug_flag=False)
