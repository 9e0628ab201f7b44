"""`python -P -m app.cli.gunicorn ...`: gunicorn, with the folder it's started in last on Python's path.

gunicorn puts that folder first. A file `app.py` or `config.py` of another project there would take the place of ours.
"""

from __future__ import annotations

import sys
from pathlib import Path
from runpy import run_module

if __name__ == "__main__":
    sys.path.append(str(Path.cwd()))
    run_module("gunicorn", run_name="__main__", alter_sys=True)
