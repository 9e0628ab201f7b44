"""What starts cost, by CPU: `compliance` commands against the libraries they need, and importing the portal."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import Row
from bench._portal import ROOT

REPEATS = 5
FLASK = [sys.executable, "-m", "flask"]
LATCHKEY = [sys.executable, "-m", "app.cli"]
BOTO3 = "import boto3; s = boto3.Session(region_name='us-east-1'); s.client('iam'); s.client('sts')"
ONE_CLIENT = "import boto3; boto3.Session().client('iam', region_name='us-east-1')"
DATABASE = "import flask, flask_sqlalchemy"


def cpu_of(words: list[str], settings: dict[str, str], repeats: int = REPEATS) -> float:
    """The least CPU seconds of a process."""
    taken = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(words, cwd=ROOT, env=settings, capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken)


def measure() -> list[Row]:
    """Starts of an export, which needs a database, and a refresh, which needs boto3 as well; importing the portal."""
    with TemporaryDirectory() as folder:
        settings = {
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "",  # compiled once, as what is installed is
            "ACCOUNTS": "123456789012",
            "SECRET_KEY": "k" * 40,
            "AUDIT_KEYS": "k1:" + "a" * 40,
            "DATABASE_URL": f"sqlite:///{Path(folder) / 'bench.db'}",
        }
        subprocess.run(
            [*FLASK, "--app", "wsgi", "db", "upgrade"], cwd=ROOT, env=settings, check=True, capture_output=True
        )
        version = cpu_of([*FLASK, "--version"], settings)
        flask = cpu_of([sys.executable, "-c", "import flask"], settings)
        boto3 = cpu_of([sys.executable, "-c", f"import flask; {BOTO3}"], settings) - flask
        database = cpu_of([sys.executable, "-c", DATABASE], settings) - flask
        export = cpu_of([*LATCHKEY, "compliance", "export"], settings)
        refresh = cpu_of([*LATCHKEY, "compliance", "refresh"], settings)
        bare = cpu_of([sys.executable, "-c", f"import flask; {ONE_CLIENT}"], settings)
        portal = cpu_of([sys.executable, "-c", "import app.factory"], settings)
    return [
        Row("compliance export, start", "CPU of flask --version and SQLAlchemy", export, version + database, 1.2),
        Row("compliance refresh, start", "the same and boto3", refresh, version + database + boto3, 1.2),
        Row("import of the portal", "CPU of boto3, Flask and an IAM client", portal, bare, 2),
    ]
