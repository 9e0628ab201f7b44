"""What `latchkey --version` costs against a program of click that has nothing else. By CPU."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import Row
from bench.start import cpu_of

BARE = """
import click

@click.group()
@click.version_option("1.0.0", prog_name="bare")
def bare():
    pass

bare()
"""
PATIENCE = 15
"""Runs of each, of which the fastest counts: a start takes too little for the clock of one."""


def measure() -> list[Row]:
    """Start both."""
    with TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE)
        settings = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # compiled once, as what is installed is
        ours = cpu_of([str(Path(sys.executable).with_name("latchkey")), "--version"], settings, PATIENCE)
        theirs = cpu_of([sys.executable, str(bare), "--version"], settings, PATIENCE)
    return [Row("latchkey --version", "CPU of a bare program of click", ours, theirs, 1.5)]
