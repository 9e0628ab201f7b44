"""`python -P -m app.cli.gunicorn ...`: gunicorn, without the folder it's started in on Python's path.

gunicorn puts that folder first. A file `config.py` there would take the place of ours, and one like `setproctitle.py`
that of an optional package that isn't installed.
"""

from __future__ import annotations

import os

from gunicorn.app.wsgiapp import WSGIApplication


class Served(WSGIApplication):
    """The portal as gunicorn's application."""

    def chdir(self) -> None:
        """Change to the folder of gunicorn's setting `chdir`, by default the one it's started in, and no more."""
        os.chdir(self.cfg.chdir)


if __name__ == "__main__":
    Served("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").run()
