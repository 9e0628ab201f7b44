"""Compiled templates, which all portals of a run share: compiling those of one page takes 0.1 s of CPU."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from flask import Flask
from jinja2 import FileSystemBytecodeCache

_FOLDER = "TESTS_TEMPLATES"
"""The environment variable that tells children where they are."""
_own = tempfile.TemporaryDirectory(prefix="latchkey-templates-")


def share_compiled() -> None:
    """Let every application that is made from now on look for compiled templates in the run's folder."""
    seen = os.environ.get("TESTS_SEEN")
    folder = Path(os.environ.setdefault(_FOLDER, f"{seen}/templates" if seen else _own.name))
    folder.mkdir(exist_ok=True)
    Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(str(folder))}
