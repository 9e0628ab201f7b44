"""`latchkey serve`: gunicorn with our settings for it, after the settings were checked."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from app.cli.ports import why_not
from app.places import GUNICORN_CONF


@click.command()
@click.option("--port", help="The same as PORT: the port to listen on, on 127.0.0.1. Default 8000.")
@click.option("--bind", metavar="ADDRESS", help="The same as BIND: HOST:PORT or unix:/PATH to listen on.")
@click.option("--workers", help="The same as WORKERS: processes, 1 to 64. More than one needs REDIS_URL. Default 1.")
def serve(port: str | None, bind: str | None, workers: str | None) -> None:
    """Start the portal, with the settings of the environment (docs/settings.md).

    An option counts more than the setting of the same name. If a setting is wrong, the database doesn't answer, or
    its schema isn't that of this version, it says what to do and doesn't start. After SIGTERM or Ctrl-C, open
    requests are answered.
    """
    os.umask(0o077)  # what is kept is for nobody else on this machine
    given = {"PORT": port, "BIND": bind, "WORKERS": workers}
    os.environ.update({name: value for name, value in given.items() if value is not None})
    # One process reports wrong settings, once, before any worker starts.
    import_module("config").from_env(os.environ)
    if problem := _of_the_port():
        raise SystemExit(problem)
    # gunicorn takes this process over, because supervisors send signals to the process they started.
    command = [sys.executable, "-P", "-m", "app.cli.gunicorn", "-c", str(GUNICORN_CONF), "wsgi:app"]
    sys.stdout.flush()
    os.execv(sys.executable, command)  # noqa: S606 # our own command


def _of_the_port() -> str:
    bind = os.environ.get("BIND", "")
    if bind.startswith("unix:"):
        return ""
    host, _, port = bind.rpartition(":")
    if bind:
        return why_not("BIND", port, host.strip("[]"))
    return why_not("PORT", os.environ.get("PORT") or "8000")
