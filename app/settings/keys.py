"""Parsers for keys and tokens. None of them repeats one."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from app.audit.chain import Keyring
from app.settings.table import Reading
from app.settings.values import listed

_MAKE_ONE = "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"

_AUDIT_KEY = re.compile(r"(\+?)([A-Za-z0-9_-]{1,16})(?:@(\d{4}-\d\d-\d\d|\d{8}T\d{4}Z))?:(.{32,})", re.DOTALL)
"""+ for a key that doesn't sign yet, id, end, secret."""


def secret_key(text: str, at: Reading) -> str:
    """A key of at least 32 characters."""
    if len(text) < 32:  # not repeated: it is a secret
        at.wrong(f"{at.name} needs at least 32 random characters. {_MAKE_ONE}")
    return text


def evidence_key(text: str, at: Reading) -> str:
    """Such a key, "" for none."""
    return secret_key(text, at) if text else ""


def secret_keys(text: str, at: Reading) -> list[str]:
    """Keys of at least 32 characters, or none."""
    found = listed(text)
    if any(len(key) < 32 for key in found):
        at.wrong(f"{at.name}: each key needs at least 32 random characters. {_MAKE_ONE}")
    return found


def metrics_token(text: str, at: Reading) -> str:
    """A token, "" for none."""
    if text and len(text) < 16:
        at.wrong(f"{at.name} is shorter than 16 characters: set a longer one, or none.")
    return text


def audit_keys(text: str, at: Reading) -> Keyring:
    """The keys of the audit log, the newest first; the first without a + signs."""
    keys: dict[str, bytes] = {}
    ends: dict[str, datetime] = {}
    prepared = 0
    for part in listed(text):
        found = _AUDIT_KEY.fullmatch(part)
        if not found or found[2] in keys:
            at.wrong(
                "AUDIT_KEYS: each must be KEYID:SECRET, the id 1 to 16 letters and digits and used once, the secret "
                "at least 32 characters. +KEYID:SECRET for one that does not sign yet."
            )
            return Keyring({})
        newer, key_id, end, secret = found.groups()
        if newer and prepared < len(keys):
            at.wrong(f"AUDIT_KEYS: +{key_id} comes after a key that signs. The newest keys come first.")
        if moment := _end_of(key_id, end, at):
            ends[key_id] = moment
        if end and prepared == len(keys):
            at.wrong(
                f"AUDIT_KEYS: {key_id} has an end, but it is the key that signs. Only replaced keys have an end."
            )
        prepared += bool(newer)
        keys[key_id] = secret.encode()
    if keys and prepared == len(keys):
        at.wrong("AUDIT_KEYS: every key has a +, so none signs. Leave it out where the key signs.")
    if not keys:
        at.wrong(
            "AUDIT_KEYS is missing: set KEYID:SECRET with a secret of its own. "
            "Make one: echo k1:$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')"
        )
    return Keyring(keys, ends, prepared)


def _end_of(key_id: str, end: str | None, at: Reading) -> datetime | None:
    """When an older key ended; None where it has no end."""
    try:
        return datetime.fromisoformat(end).replace(tzinfo=UTC) if end else None
    except ValueError:
        at.wrong(
            f"AUDIT_KEYS: the end in {key_id}@{end} isn’t a date such as 2026-05-03, or a minute such as "
            "20260503T1000Z."
        )
        return None
