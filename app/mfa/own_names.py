"""The names that the user who is signed in gave their MFA devices."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from app.aws.iam import MfaDevice
from app.credentials.labels import Type
from app.mfa.names import names_of, read_labels
from app.web.request_context import labels

log = logging.getLogger(__name__)


def names_of_mine(mine: Sequence[MfaDevice]) -> dict[str, str]:
    """Return what pages call the devices of the user who is signed in, by serial number. mine: these devices."""
    return names_of(mine, labels_of_mine(mine))


def labels_of_mine(mine: Sequence[MfaDevice]) -> dict[str, str]:
    """Return the names that the user gave their devices, by serial number. Devices without one are missing."""
    return read_labels(labels(), {device.serial_number: device.enabled_at for device in mine})


def keep_name(serial_number: str, name: str) -> None:
    """Keep the name of a device that was just added, "" for none.

    It raises nothing if the database fails, because the device works all the same.
    """
    try:
        labels().put(Type.MFA_DEVICE, serial_number, name, datetime.now(UTC))
    except SQLAlchemyError:
        log.exception("the name of %s could not be kept", serial_number)


def forget_name(serial_number: str) -> None:
    """Remove the name of a device that is gone.

    It raises nothing if the database fails, because no page shows the name again.
    """
    try:
        labels().remove(Type.MFA_DEVICE, serial_number)
    except SQLAlchemyError:
        log.exception("the name of %s could not be removed", serial_number)
