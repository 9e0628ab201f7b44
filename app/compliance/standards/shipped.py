"""The standards that come with the portal, and the choice of those that an account follows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

from app.compliance.standards.reading import LARGEST, MalformedStandard, read
from app.compliance.standards.standard import Standard

_FOLDER = files(__package__)
_ENTRY = re.compile(r"(?:(?P<account>\d{12}):)?(?P<standard>.+)")
CIS = ("1.4", "1.5", "2.0", "3.0", "4.0.1", "5.0", "6.0", "7.0")
"""The versions of the CIS benchmark that have a column of their own in files."""


@cache
def ids() -> tuple[str, ...]:
    """Return the ids of the standards that come with the portal."""
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in _FOLDER.iterdir() if entry.name.endswith(".toml"))
    )


@cache
def shipped(standard_id: str) -> Standard:
    """Return a standard that comes with the portal. Raises KeyError where there is none of this id."""
    if standard_id not in ids():
        raise KeyError(standard_id)
    name = f"{standard_id}.toml"
    return read(_FOLDER.joinpath(name).read_bytes(), name)


def choose(entries: Sequence[str], accounts: Collection[str]) -> tuple[dict[str, tuple[Standard, ...]], list[str]]:
    """Return the standards by account, "" for all others, and what is wrong with the entries.

    entries: ids and paths of files, each with "ACCOUNT:" in front where it is for one account only.
    """
    chosen: dict[str, tuple[Standard, ...]] = {}
    problems: list[str] = []
    for entry in entries:
        parts = _ENTRY.fullmatch(entry)
        account = (parts["account"] if parts else "") or ""
        if account and account not in accounts:
            problems.append(f"{entry!r} names an account that is not one of ACCOUNTS or WATCHED_ACCOUNTS.")
            continue
        try:
            standard = _found(parts["standard"] if parts else entry)
        except MalformedStandard as error:
            problems += error.problems
            continue
        if standard.id in (other.id for other in chosen.get(account, ())):
            problems.append(f"{entry!r}: a standard with the id {standard.id} is in the list already.")
            continue
        chosen[account] = (*chosen.get(account, ()), standard)
    return chosen, problems


def _found(name: str) -> Standard:
    """Return the standard of an id, or of a file. Raises MalformedStandard."""
    if name in ids():
        return shipped(name)
    if "/" not in name and not name.endswith(".toml"):
        message = f"there is no standard {name!r}. Use one of {', '.join(ids())}, or the path of a TOML file."
        raise MalformedStandard([message])
    try:
        with Path(name).open("rb") as file:
            standard = read(file.read(LARGEST + 1), name)
    except OSError as error:
        raise MalformedStandard([f"{name}: {error.strerror or error}. Check the path."]) from error
    if standard.id in ids():
        message = f"{name}: id: {standard.id!r} is the id of a standard that comes with the portal. Choose another."
        raise MalformedStandard([message])
    return standard


def followed(chosen: Mapping[str, tuple[Standard, ...]], account_id: str) -> tuple[Standard, ...]:
    """Return the standards that an account follows: its own if it has any, else those for all."""
    return chosen.get(account_id) or chosen.get("", ())
