"""Are keys too old, or still there after they were replaced?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from app.audit.chain import Keyring
from app.audit.models import ActivityHead, ActivityRow
from app.doctor.finding import Finding
from app.doctor.settings import Settings
from config import SETTINGS

OLD = timedelta(days=365)
"""Age at which a key is due to be replaced: at least once a year is common practice."""


def check(settings: Settings, engine: Engine | None, now: datetime) -> Iterator[Finding]:
    """Yield which keys are old. now: UTC."""
    if keyring := settings.of("AUDIT_KEYS"):
        yield from _audit_keys(keyring, engine, now)
    if settings.of("SECRET_KEY_FALLBACKS"):
        number = len(settings.of("SECRET_KEY_FALLBACKS"))
        message = f"SECRET_KEY_FALLBACKS has {number} earlier keys, which still open sessions and kept sources."
        fix = "Remove them after the longest session (SIGN_IN_SESSION_MAX_MINUTES), and after `compliance prune`."
        yield Finding("fallbacks-left", message, fix, {"number": number})
    yield from _files(settings)


def _audit_keys(keyring: Keyring, engine: Engine | None, now: datetime) -> Iterator[Finding]:
    key_id = keyring.signing
    open_ended = [name for name in list(keyring.keys)[keyring.prepared + 1 :] if name not in keyring.ends]
    if open_ended:
        message = "Earlier keys in AUDIT_KEYS have no end date, so entries made with them would still count."
        yield Finding("key-end-missing", message, "Write KEYID@2026-05-03:SECRET, with the day they were replaced.")
    try:
        since = _signs_since(engine, key_id) if engine is not None else None
    except SQLAlchemyError:
        return  # another check reports what is wrong with the database
    if since is None:
        return
    days = (now - since).days
    facts = {"key_id": key_id, "since": f"{since:%Y-%m-%d}", "days": days}
    if now - since > OLD:
        message = f"The key that signs the audit log has been in use for {days} days, since {since:%-d %B %Y}."
        yield Finding("key-old", message, "Replace it as docs/activity.md says.", facts)
    else:
        yield Finding(
            "key-in-use", f"The key that signs the audit log is in use since {since:%-d %B %Y}.", facts=facts
        )


def _signs_since(engine: Engine, key_id: str) -> datetime | None:
    """When the first entry was made with this key, of all that are kept. None where there is none."""
    with engine.connect() as connection:
        accounts = connection.execute(select(ActivityHead.account_id)).scalars().all()
        found = [since for account in accounts if (since := _first(connection, account, key_id))]
    return min(found, default=None)


def _first(connection: Connection, account_id: str, key_id: str) -> datetime | None:
    """When the account's first entry was made with the key that made its last one. None where that is another key.

    Keys follow one another in a chain, so the first entry is found in as many steps as its number has bits.
    """
    mine = ActivityRow.account_id == account_id
    low, high = connection.execute(select(func.min(ActivityRow.seq), func.max(ActivityRow.seq)).where(mine)).one()
    if low is None or _key_of(connection, account_id, high) != key_id:
        return None
    while low < high:
        middle = (low + high) // 2
        if _key_of(connection, account_id, middle) == key_id:
            high = middle
        else:
            low = middle + 1
    return connection.execute(select(ActivityRow.at).where(mine, ActivityRow.seq == high)).scalar()


def _key_of(connection: Connection, account_id: str, seq: int) -> str | None:
    one = ActivityRow.account_id == account_id, ActivityRow.seq == seq
    return connection.execute(select(ActivityRow.key_id).where(*one)).scalar()


def _files(settings: Settings) -> Iterator[Finding]:
    """A secret in a file is at least as old as the file."""
    for name in (each.file_name for each in SETTINGS.values() if each.secret):
        path = settings.env.get(name)
        try:
            written = Path(path).stat().st_mtime if path else time.time()
        except (OSError, ValueError):
            continue  # that is a wrong setting
        days = int((time.time() - written) // 86_400)
        if days > OLD.days:
            since = datetime.fromtimestamp(written, UTC)
            message = f"The file that {name} names was last written on {since:%-d %B %Y}, {days} days ago."
            fix = "Replace the secret. docs/operations.md says how, without signing anyone out."
            yield Finding("secret-file-old", message, fix, {"setting": name, "days": days})
