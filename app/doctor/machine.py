"""This machine: room on its disks, and who may read and write the portal's files."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url

from app.doctor.finding import Finding
from app.doctor.settings import Settings
from app.places import INSTANCE
from app.policy.documents import VARIANTS
from app.settings.list_files import IN_FILES
from config import SETTINGS

FULL, LOW = 64 * 2**20, 2**30
"""Bytes below which a disk counts as full, or as nearly full."""
_DATABASE = ("", "-wal", "-shm", "-journal")
_NAMED_FILES = (
    "FORCE_MFA_POLICY", "BRAND_LOGO", "NOTICES_CA_FILE", "NOTICES_ADDRESS_FILE", "WATCHED_ACCOUNTS", "ADMINS",
    "AUDITORS",
)  # fmt: skip
"""Settings that can name a file by which others could change who may do what."""


def database_file(settings: Settings) -> Path | None:
    """Return the file of SQLite, None for another database or one in memory."""
    url = settings.of("SQLALCHEMY_DATABASE_URI")
    made = make_url(url) if url else None
    if made is None or made.get_backend_name() != "sqlite" or made.database in (None, "", ":memory:"):
        return None
    return Path(str(made.database))


def check(settings: Settings) -> Iterator[Finding]:
    """Yield what is wrong with this machine."""
    yield from _disks(settings)
    yield from _files(settings)


def _disks(settings: Settings) -> Iterator[Finding]:
    database = database_file(settings)
    places = {"temporary files": Path(tempfile.gettempdir())}
    if database is not None:
        places["the database"] = database.parent
    for name, folder in places.items():
        try:
            left = shutil.disk_usage(folder)
        except OSError:
            continue  # there is no such folder, which is a wrong setting
        facts = {"for": name, "free_mib": left.free // 2**20, "total_mib": left.total // 2**20}
        message = f"{left.free // 2**20:,} MiB are free on the disk for {name}."
        if left.free < FULL:
            yield Finding("disk-full", message, "Make room on it.", facts)
        elif left.free < LOW and left.free < left.total // 10:
            yield Finding("disk-low", message, "Make room on it before it is full.", facts)
        else:
            yield Finding("disk-enough", message, facts=facts)
        if not os.access(folder, os.W_OK):
            says = f"This user may not write to the folder for {name}."
            yield Finding(
                "disk-not-writable", says, "Run the command as the portal’s user, or give that the right.", facts
            )


def _files(settings: Settings) -> Iterator[Finding]:
    found = [*_readable(settings), *_writable(settings)]
    yield from found or [Finding("files-private", "Others on this machine can’t read or write the portal’s files.")]


def _readable(settings: Settings) -> Iterator[Finding]:
    database = database_file(settings)
    kept = {"The database’s file": [database.with_name(database.name + end) for end in _DATABASE]} if database else {}
    if database is not None and database.parent == INSTANCE:
        kept["The folder instance/"] = [INSTANCE]
    for name, files in kept.items():
        modes = [mode for file in files if (mode := _mode(file)) is not None and mode & 0o077]
        if modes:
            message = f"{name} can be read by others on this machine (mode {modes[0]:04o})."
            fix = "Start the portal once as its own user, which corrects it, or remove the rights with chmod go-rwx."
            yield Finding("file-readable", message, fix, {"mode": f"{modes[0]:04o}"})


def _writable(settings: Settings) -> Iterator[Finding]:
    """Files that settings name: those who may write them decide who is an administrator, or which secrets count."""
    names = [*_NAMED_FILES, *(each.file_name for each in SETTINGS.values() if each.secret)]
    for name in names:
        path = _path_in(name, settings.env.get(name, ""))
        mode = _mode(Path(path)) if path else None
        if mode is not None and mode & 0o022:
            message = f"The file that {name} names can be changed by others on this machine (mode {mode:04o})."
            facts = {"setting": name, "mode": f"{mode:04o}"}
            yield Finding("file-writable", message, "Let only its owner write it: chmod go-w.", facts)


def _path_in(name: str, value: str) -> str:
    """Return the path of the file that a setting names, "" if its value isn't a path."""
    if name in IN_FILES:
        return value.removeprefix("@") if value.startswith("@") else ""
    return "" if name == "FORCE_MFA_POLICY" and value in VARIANTS else value


def _mode(file: Path) -> int | None:
    try:
        return file.stat().st_mode & 0o7777 if file.exists() else None
    except (OSError, ValueError):
        return None
