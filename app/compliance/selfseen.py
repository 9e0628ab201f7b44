"""What people show themselves: their own reads in the portal bring their own row up to date."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from app.aws.access_keys import AccessKey
from app.aws.iam import MfaDevice
from app.compliance import queries, service, store
from app.compliance.facts import OwnFacts
from app.db import db
from app.sessions.contents import Person

log = logging.getLogger(__name__)
OFTEN = timedelta(minutes=5)
"""What was seen the same so recently is not written again."""


class Uploaded(Protocol):
    """An SSH key or a certificate."""

    @property
    def active(self) -> bool: ...

    @property
    def uploaded_at(self) -> datetime: ...


def seen(
    person: Person,
    *,
    mfa_devices: Iterable[MfaDevice] | None = None,
    access_keys: Iterable[AccessKey] | None = None,
    has_password: bool | None = None,
    ssh_keys: Iterable[Uploaded] | None = None,
    certificates: Iterable[Uploaded] | None = None,
) -> None:
    """Remember what AWS just told the person about themselves; None: not asked. Never keeps a page from opening."""
    now = datetime.now(UTC)
    at = now.isoformat()
    own: OwnFacts = {}
    if mfa_devices is not None:
        own["mfa"] = (at, sorted(device.kind.name for device in mfa_devices))
    if access_keys is not None:
        own["keys"] = (at, [(key.active, key.created_at.isoformat()) for key in access_keys])
    if has_password is not None:
        own["password"] = (at, has_password)
    if ssh_keys is not None:
        own["ssh_keys"] = (at, _held(ssh_keys))
    if certificates is not None:
        own["certificates"] = (at, _held(certificates))
    try:
        if not _known_already(person, own, now):
            terms = service.terms_for(current_app.config, person.account_id)
            store.keep_own(db.engine, person.account_id, person, own, now, terms)
    except SQLAlchemyError:
        log.exception("what %s showed could not be kept", person.arn)


def _held(held: Iterable[Uploaded]) -> list[tuple[bool, str | None, str | None]]:
    """Active, made, expires; what a certificate says of its end, if it can be read."""
    found: list[tuple[bool, str | None, str | None]] = []
    for each in held:
        ends = getattr(getattr(each, "certificate", None), "not_after", None)
        found.append((each.active, each.uploaded_at.isoformat(), ends.isoformat() if ends else None))
    return found


def _known_already(person: Person, own: OwnFacts, now: datetime) -> bool:
    with db.engine.connect() as connection:
        row = queries.person(connection, person.account_id, person.user_name)
    stored = row.own if row and row.user_id == person.user_id else {}
    for name, (_, value) in json.loads(json.dumps(own)).items():
        at, known = stored.get(name, ("", None))
        if not at or known != value or now - datetime.fromisoformat(at) > OFTEN:
            return False
    return True
