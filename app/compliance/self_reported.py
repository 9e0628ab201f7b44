"""What users show by their own visits: what AWS answers them is kept as facts about them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from app.compliance.data import queries, updates
from app.compliance.rules.sources import OwnFacts
from app.compliance.thresholds import terms_for
from app.credentials.observed import ObservedCredentials, UploadedKey, credentials_observed
from app.db import db
from app.sessions.contents import Person

log = logging.getLogger(__name__)
SAME_FOR = timedelta(minutes=5)
"""What was stored so recently and hasn't changed is not written again."""


def listen() -> None:
    """Keep what the portal's features report from now on. Calling it again changes nothing."""
    credentials_observed.connect(keep)


def keep(person: Person, observed: ObservedCredentials) -> None:
    """Store what AWS returned about the user. Raises nothing if the database fails: their page opens all the same."""
    now = datetime.now(UTC)
    own = _facts(observed)
    try:
        if not _is_stored(person, own, now):
            terms = terms_for(current_app.config, person.account_id)
            updates.keep_own(db.engine, person.account_id, person, own, now, terms)
    except SQLAlchemyError:
        log.exception("what %s showed could not be kept", person.arn)


def _facts(observed: ObservedCredentials) -> OwnFacts:
    at = observed.read_at.isoformat()
    own: OwnFacts = {}
    if observed.mfa_devices is not None:
        own["mfa"] = (at, sorted(device.device_type.name for device in observed.mfa_devices))
    if observed.access_keys is not None:
        own["keys"] = (at, [(key.active, key.created_at.isoformat()) for key in observed.access_keys])
    if observed.has_password is not None:
        own["password"] = (at, observed.has_password)
    if observed.ssh_keys is not None:
        own["ssh_keys"] = (at, _uploaded(observed.ssh_keys))
    if observed.certificates is not None:
        own["certificates"] = (at, _uploaded(observed.certificates))
    return own


def _uploaded(keys: Iterable[UploadedKey]) -> list[tuple[bool, str | None, str | None]]:
    """Active, uploaded, expires (of a certificate that can be read; else None); times as ISO text."""
    found: list[tuple[bool, str | None, str | None]] = []
    for key in keys:
        expires = getattr(getattr(key, "certificate", None), "not_after", None)
        found.append((key.active, key.uploaded_at.isoformat(), expires.isoformat() if expires else None))
    return found


def _is_stored(person: Person, own: OwnFacts, now: datetime) -> bool:
    """Is each of these facts stored already, and stored recently?"""
    with db.engine.connect() as connection:
        user_id, facts = queries.own_facts(connection, person.account_id, person.user_name) or ("", {})
    stored: Mapping[str, Any] = facts if user_id == person.user_id else {}
    for name, (_, value) in orjson.loads(orjson.dumps(own)).items():
        at, known = stored.get(name, ("", None))
        if not at or known != value or now - datetime.fromisoformat(at) > SAME_FOR:
            return False
    return True
