"""Removes the labels of credentials that are gone at AWS, when a user's page lists what is left."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from app.credentials.labels import Labels, Type
from app.credentials.observed import ObservedCredentials, credentials_observed
from app.db import db
from app.sessions.contents import Person

log = logging.getLogger(__name__)


def listen() -> None:
    """Prune whenever the portal's features report a list from now on. Calling it again changes nothing."""
    credentials_observed.connect(prune)


def prune(person: Person, observed: ObservedCredentials) -> None:
    """Remove labels of credentials that AWS's complete lists lack. A list that AWS didn't give (None) proves nothing.

    It raises nothing if the database fails, because no page shows these labels.
    """
    listed: dict[Type, Collection[str]] = {}
    if observed.mfa_devices is not None:
        listed[Type.MFA_DEVICE] = {device.serial_number for device in observed.mfa_devices}
    if observed.access_keys is not None:
        listed[Type.ACCESS_KEY] = {key.access_key_id for key in observed.access_keys}
    if not listed:
        return
    try:
        Labels(db.engine, person.account_id, person.user_id).prune(listed, datetime.now(UTC))
    except SQLAlchemyError:
        log.exception("labels of what %s no longer has could not be removed", person.arn)
