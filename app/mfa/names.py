"""What pages call MFA devices: the name a user gave one, else its type and the end of its serial number."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from app.audit import history
from app.audit.events import Event
from app.audit.log import Audit
from app.aws.iam import DeviceType, MfaDevice
from app.credentials.labels import Labels, Type
from app.sessions.contents import PendingSignIn
from app.text.messages import N_, _

log = logging.getLogger(__name__)

_NAMED = {
    DeviceType.VIRTUAL: N_("Authenticator app %(end)s"),
    DeviceType.HARDWARE: N_("Hardware token %(end)s"),
    DeviceType.SECURITY_KEY: N_("Security key %(end)s"),
    DeviceType.SMS: N_("Text message %(end)s"),
}


def short(serial_number: str) -> str:
    """Return the part of a serial number that tells a user's devices apart, like "device-2"."""
    return serial_number.rsplit("/", 1)[-1]


def name_at_aws(serial_number: str) -> str:
    """Return how AWS lists a device when it asks for a code: "alice/device-2", or a token's serial number."""
    return serial_number.partition(":mfa/")[2] or serial_number


def entry_in_app(serial_number: str) -> str:
    """Return how an app's entry of a device begins, "alice/device-2@…"; "" for what has none, like a hardware token.

    After the @ is the account's alias or ID, as it was when the QR code was scanned.
    """
    name = serial_number.partition(":mfa/")[2]
    return f"{name}@…" if name else ""


def names_of(devices: Iterable[MfaDevice], labels: Mapping[str, str]) -> dict[str, str]:
    """Return what to call each device, by serial number.

    labels: names that the user gave, by serial number. Two devices of the same name have the end of the serial number
    beside it.
    """
    known = list(devices)
    names = {
        device.serial_number: labels.get(device.serial_number)
        or _(_NAMED[device.device_type], end=short(device.serial_number))
        for device in known
    }
    often = Counter(names.values())
    return {
        serial_number: f"{name} ({short(serial_number)})" if often[name] > 1 else name
        for serial_number, name in names.items()
    }


def read_labels(labels: Labels, since: Mapping[str, datetime] | None = None) -> dict[str, str]:
    """Return the names that a user gave their devices, by serial number; {} if the database fails.

    since: as for `Labels.all_of`. Pages work without the names.
    """
    try:
        return labels.all_of(Type.MFA_DEVICE, since)
    except SQLAlchemyError:
        log.exception("the names of MFA devices could not be read")
        return {}


def names_at_sign_in(pending: PendingSignIn, labels: Labels) -> dict[str, str]:
    """Return what to call the devices of a user whose access key was proven, by serial number. labels: the user's."""
    devices = [MfaDevice(serial_number, pending.until) for serial_number in pending.serial_numbers]
    return names_of(devices, read_labels(labels))


def last_used(audit: Audit, serial_numbers: Collection[str]) -> str:
    """Return the serial number of the device whose code the user signed in with last, of several; "" for none.

    Only sign-ins here count. "" also where the database fails: then the user chooses, as without this.
    """
    if len(serial_numbers) < 2:
        return ""
    try:
        used = history.latest(audit, (Event.MFA_SESSION,), serial_numbers)
    except SQLAlchemyError:
        log.exception("the device used last could not be read")
        return ""
    return max(used, key=lambda serial_number: used[serial_number][1], default="")
