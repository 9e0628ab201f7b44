"""The support bundle: a ZIP file that can be sent to someone who helps. No secrets, and nothing about people.

So values of settings are in it only if they are numbers or one of a few words, and of the database only how many rows
each table has. Names, mail addresses, ARNs, account IDs and host names stay out. The log isn't in it: it goes to
stderr, where the portal's service manager keeps it.
"""

from __future__ import annotations

import json
import os
import platform
import re
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, func, inspect, select, table, text
from sqlalchemy.exc import SQLAlchemyError

from app import __version__
from app.doctor.all_checks import Diagnosis
from app.doctor.asking import ask
from app.doctor.database import schema_facts
from app.doctor.hiding import for_others, without_secrets
from app.doctor.public import ask_portal
from app.doctor.report import as_json, as_text
from app.doctor.settings import Settings
from app.text.terminal import plain_json
from config import SETTINGS

_WORDS = {
    "AUDIT_STREAM", "LOG_LEVEL", "AWS_PARTITION", "AWS_REGION", "SIGN_IN_METHODS", "EXCEPTION_APPROVAL",
    "SMTP_SECURITY", "NOTICES_PRIVATE_ADDRESSES", "NOTICES_DIGEST",
}  # fmt: skip
"""Settings whose right values are a few words that Latchkey knows."""
_PEOPLE_OF_PATHS = re.compile(r"/(?:home|Users)/[^/\s\"]+")
_METRICS = 2_000_000
"""Bytes of metrics that are read."""
_OF_METRICS = re.compile(r"(?:# (?:HELP|TYPE) )?(?:latchkey|process|python)_\w+(?:[{ ].*)?")
"""A line of them."""
README = """Latchkey support bundle

findings.txt, findings.json   what `latchkey doctor` found
settings.json                 which settings are set; values only of numbers and of a few words
versions.json                 Latchkey, Python, packages and system
database.json                 kind, version and schema of the database, and how many rows its tables have
health.json                   what /readyz answered on this machine
metrics.txt                   what /metrics answered, if METRICS_TOKEN is set

There are no secrets in it, and no names, mail addresses, ARNs or account IDs. Look through it before you send it.

The log isn't here: the portal writes it to stderr. Add the lines around the time in question, for example
from `journalctl -u latchkey --since '1 hour ago'`, `docker compose logs latchkey` or `kubectl logs`. They contain
addresses and paths, but no secrets. The reference on an error page is `request_id` in its line.
"""


class Bundle:
    """Collects while the database is open, and is written afterwards."""

    def __init__(self) -> None:
        self._database: dict[str, Any] = {"open": False}

    def collect(self, settings: Settings, engine: Engine | None) -> None:
        """Collect what the database shows. engine: None where it isn't there."""
        if engine is None:
            return
        try:
            self._database = {"open": True, **_about(engine)}
        except SQLAlchemyError as error:
            self._database = {"open": False, "error": type(error).__name__}

    def write(self, file: Path, diagnosis: Diagnosis) -> None:
        """Write the ZIP file, for its owner only. Raises OSError (FileExistsError if the file exists)."""
        readable = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(readable, "wb") as opened, zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED) as made:
            for name, content in self._files(diagnosis):
                clean = _PEOPLE_OF_PATHS.sub("/…", without_secrets(content, diagnosis.settings.secrets))
                made.writestr(name, clean)

    def _files(self, diagnosis: Diagnosis) -> Iterator[tuple[str, str]]:
        settings, portal = diagnosis.settings, _portal_here(diagnosis.settings)
        shared = replace(diagnosis, findings=[for_others(finding) for finding in diagnosis.findings])
        yield "README.txt", README
        yield "findings.txt", as_text(shared) + "\n"
        yield "findings.json", as_json(shared) + "\n"
        yield "settings.json", _json(shown(settings))
        yield "versions.json", _json(_versions())
        yield "database.json", _json(self._database)
        yield "health.json", _json(_health(portal))
        yield "metrics.txt", _metrics(settings, portal)


def _json(value: object) -> str:
    return plain_json(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def shown(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return for each setting how it is set, and its value where that can't be about anyone."""
    found: dict[str, dict[str, Any]] = {}
    for name, setting in SETTINGS.items():
        by = [each for each in setting.names if settings.env.get(each)]
        found[name] = {"set_by": by, "right": name not in settings.wrong}
        value = settings.of(setting.key or name)
        if setting.secret or value is None:
            continue
        if isinstance(value, timedelta):
            found[name]["value"] = str(value)
        elif isinstance(value, bool | int | float) or name in _WORDS:
            found[name]["value"] = sorted(value) if isinstance(value, frozenset) else value
        elif isinstance(value, Collection) and not isinstance(value, str):
            found[name]["entries"] = len(value)
    return found


def _versions() -> dict[str, Any]:
    packages = sorted((each.metadata["Name"], each.version) for each in distributions())
    return {
        "latchkey": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "packages": dict(packages),
    }


def _about(engine: Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        version = "select sqlite_version()" if engine.dialect.name == "sqlite" else "show server_version"
        names = sorted(name for name in inspect(connection).get_table_names() if re.fullmatch(r"[a-z_]+", name))
        count = func.count()
        return {
            "kind": engine.dialect.name,
            "version": connection.execute(text(version)).scalar(),
            **schema_facts(connection),
            "rows": {name: connection.execute(select(count).select_from(table(name))).scalar() for name in names},
        }


def _portal_here(settings: Settings) -> tuple[str, str]:
    """The address of the portal on this machine, as BIND says; and why it can't be asked, "" where it can.

    Another program may have its port. That one is sent no token, and its answers are in no bundle.
    """
    bind = settings.of("BIND") or f"127.0.0.1:{settings.env.get('PORT') or 8000}"
    if bind.startswith("unix:"):
        return "", "BIND is a socket"
    if not (key := settings.of("SECRET_KEY")):
        return "", "SECRET_KEY is missing or wrong"
    url = "http://" + bind.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:")
    answer = ask_portal(url, key)
    if answer.error or not answer.proven:
        return url, answer.error or "what answers isn't a portal with this SECRET_KEY"
    here = str(urlsplit(url).port) == json.loads(answer.body).get("port")
    return url, "" if here else "what answers passes the question on to a portal on another port"


def _health(portal: tuple[str, str]) -> dict[str, Any]:
    url, error = portal
    if error:
        return {"asked": bool(url), "error": error}
    answer = ask(url, path="/readyz")
    try:
        parts = json.loads(answer.body)
    except ValueError:
        parts = None  # it has just been stopped
    return {"asked": True, "status": answer.status, "parts": parts if isinstance(parts, dict) else None}


def _metrics(settings: Settings, portal: tuple[str, str]) -> str:
    token, (url, error) = settings.of("METRICS_TOKEN"), portal
    if not token:
        return "METRICS_TOKEN isn't set, so there are no metrics.\n"
    answer = ask(url, {"Authorization": f"Bearer {token}"}, path="/metrics", most=_METRICS) if not error else None
    if answer is None or answer.error or answer.status != 200:
        return "The portal on this machine gave no metrics.\n"
    lines = answer.body.decode("utf-8", "replace").split("\n")
    return "".join(f"{line}\n" for line in lines if _OF_METRICS.fullmatch(line) and line.isprintable())
