"""Parsers for where the portal listens, what it is called, its stores, its processes and its limits."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.settings.table import Parser, Reading
from app.settings.values import whole

_USUAL = {"https": 443, "http": 80}
"""Ports that browsers leave out."""


def bind(text: str, at: Reading) -> str:
    """Return the address to listen on, as gunicorn reads it. Also checks PORT."""
    whole(1, 65535)(at.env.get("PORT") or "8000", replace(at, name="PORT"))
    found = re.fullmatch(r"(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})|unix:/\S+", text)
    if text and (not found or (found[1] and not 1 <= int(found[1]) <= 65535)):
        at.wrong(f"{at.name} is {text!r}: set HOST:PORT, like 127.0.0.1:8000, or unix:/PATH/TO/SOCKET.")
    if text.startswith("unix:") and not at.values["TRUSTED_PROXIES"]:
        at.wrong(f"{at.name} is a socket: set TRUSTED_PROXIES to 1. Only the proxy knows the addresses of users.")
    return text


def public_url(text: str, at: Reading) -> str:
    """The address as browsers write it: in lower case, without the default port."""
    url = text or f"http://127.0.0.1:{at.env.get('PORT') or 8000}"
    parts, port = _parts(url)
    host = parts.hostname or ""
    local = parts.scheme == "http" and host == "127.0.0.1"
    nothing_else = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    if not host or not host.isascii() or not nothing_else or not (local or parts.scheme == "https"):
        at.wrong(
            f"{at.name} is {url!r}: set https://HOST, or http://127.0.0.1:PORT for a portal on this machine; a HOST "
            "with other letters than a to z in the form that begins with xn--."
        )
    written = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{written}" + (f":{port}" if port not in (None, _USUAL.get(parts.scheme)) else "")


def _parts(url: str) -> tuple[SplitResult, int | None]:
    """A URL and its port; of an empty one where this is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return urlsplit(""), None
    return parts, port


def database_url(default: str) -> Parser:
    """A URL as SQLAlchemy reads it, of the databases and drivers the portal supports. default: where none is set."""

    def parse(text: str, at: Reading) -> str:
        url = text or default
        _check_database(url, at, own=url == default)
        return url

    return parse


def _check_database(url: str, at: Reading, *, own: bool) -> None:
    try:
        made = make_url(url)
        driver, folder = made.drivername, Path(made.database or "").parent
    except (ArgumentError, ValueError):
        driver, folder = "", Path()
    if driver == "sqlite" and folder.is_absolute() and not folder.is_dir() and not own:
        at.wrong(f"DATABASE_URL: there is no folder {folder}. Make it, or name another.")
    if driver not in ("sqlite", "postgresql+psycopg"):
        # Not repeated: it may hold a password.
        at.wrong(
            "DATABASE_URL: set sqlite:////PATH/TO/FILE, or postgresql+psycopg://USER:PASSWORD@HOST/NAME; Latchkey "
            "knows no other database or driver."
        )


def redis(url: str, at: Reading) -> str:
    """The URL, "" for none."""
    if not url:
        return ""
    parts, _ = _parts(url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or not re.fullmatch(r"/?\d*", parts.path):
        # Not repeated: it may hold a password.
        at.wrong("REDIS_URL: set redis://HOST:PORT/NUMBER, with :PASSWORD@ before HOST where it wants one.")
    return url


def workers(text: str, at: Reading) -> int:
    """How many processes serve, at least 1."""
    name = at.name if text else "WEB_CONCURRENCY"
    number = int(whole(1, 64)(text or at.env.get("WEB_CONCURRENCY") or "1", replace(at, name=name)))
    if number > 1 and not at.values["REDIS_URL"]:
        at.wrong(
            f"{name} is {number}, but without REDIS_URL sessions, rate limits and locks are those of one process: "
            "set REDIS_URL, or one worker."
        )
    return number


_LIMIT = re.compile(r"[1-9][0-9]* per ([1-9][0-9]* )?(second|minute|hour|day)s?")


def limit(text: str, at: Reading) -> str:
    """A rate limit as the limits library reads it: "30 per 5 minutes"."""
    if _LIMIT.fullmatch(text):
        return text
    from limits import parse_many  # noqa: PLC0415 # takes longer to load than all settings, and commands need no limits

    try:
        parse_many(text)
    except ValueError:
        at.wrong(f"{at.name} is {text!r}: set something like '10 per 5 minutes'.")
    return text
