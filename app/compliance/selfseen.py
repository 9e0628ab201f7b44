"""What people show themselves: their own reads in the portal bring their own row up to date."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from app.aws.access_keys import AccessKey
from app.aws.iam import MfaDevice
from app.compliance import queries, service, store
from app.compliance.facts import OwnFacts
from app.models import db
from app.overview.service import Credentials, Known, Unknown
from app.records import Person

log = logging.getLogger(__name__)
OFTEN = timedelta(minutes=5)
"""What was seen the same so recently is not written again."""

Fact = TypeVar("Fact")
Held = tuple[bool, datetime | None, datetime | None]
"""An SSH key or certificate: active, made, expires."""


def seen(
    person: Person,
    *,
    mfa_devices: Iterable[MfaDevice] | None = None,
    access_keys: Iterable[AccessKey] | None = None,
    has_password: bool | None = None,
    ssh_keys: Iterable[Held] | None = None,
    certificates: Iterable[Held] | None = None,
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
            store.keep_own(db.engine, person.account_id, person.user_name, person.arn, person.path, own, terms)
    except SQLAlchemyError:
        log.exception("what %s showed could not be kept", person.arn)


def seen_together(person: Person, has: Credentials) -> None:
    """The same, for what the overview reads all at once; what it could not read stays as it was."""
    certificates = _fact(has.certificates)
    ssh_keys = _fact(has.ssh_keys)
    seen(
        person,
        mfa_devices=has.devices,
        access_keys=_fact(has.keys),
        has_password=has.password.fact is not None if isinstance(has.password, Known) else None,
        ssh_keys=None if ssh_keys is None else [(key.active, key.uploaded_at, None) for key in ssh_keys],
        certificates=None
        if certificates is None
        else [
            (each.active, each.uploaded_at, each.certificate.not_after if each.certificate else None)
            for each in certificates
        ],
    )


def _fact(answer: Known[Fact] | Unknown) -> Fact | None:
    return answer.fact if isinstance(answer, Known) else None


def _held(held: Iterable[Held]) -> list[tuple[bool, str | None, str | None]]:
    return [
        (active, made.isoformat() if made else None, ends.isoformat() if ends else None)
        for active, made, ends in held
    ]


def _known_already(person: Person, own: OwnFacts, now: datetime) -> bool:
    with db.engine.connect() as connection:
        row = queries.person(connection, person.account_id, person.user_name)
    stored = row.own if row else {}
    for name, (_, value) in json.loads(json.dumps(own)).items():
        at, known = stored.get(name, ("", None))
        if not at or known != value or now - datetime.fromisoformat(at) > OFTEN:
            return False
    return True
