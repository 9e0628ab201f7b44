"""Where the files are that aren't Python: in a checkout beside `app/`, in an installed package inside it."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent
INSTALLED = (_HERE / "templates").is_dir()
"""Is this an installed package (pyproject.toml puts the folders into it), and no checkout?"""
_FILES = _HERE if INSTALLED else _HERE.parent
TEMPLATES = _FILES / "templates"
STATIC = _FILES / "static"
MIGRATIONS = _FILES / "migrations"
LOCK = _FILES / "requirements-serve.lock"
"""The versions of packages that were tested together."""
VERIFIER = _FILES / "docs" / "verify_pack.py"
"""The program with which auditors check a pack."""
LATCHKEY = "latchkey" if INSTALLED else ".venv/bin/latchkey"
"""The command, as messages name it."""
GUNICORN_CONF = _FILES / "deploy" / "gunicorn.conf.py"
INSTANCE = (Path.cwd() if INSTALLED else _FILES) / "instance"
"""The folder of the default database: of a checkout its own, of an installed package the one it's started in."""
