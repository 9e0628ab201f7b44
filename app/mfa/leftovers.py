"""What remains of devices whose setup or removal wasn't finished, as AWS and the audit log show it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from app.audit.events import Event
from app.audit.history import done_without, without_outcome
from app.audit.log import Attempt, Audit
from app.aws.iam import IamGateway, MfaDevice
from app.errors import NoResponse, NotAllowed, Throttled
from app.policy.permits import Permits
from app.text.messages import _

EXISTENCE = (Event.MFA_DEVICE_CREATED, Event.MFA_DEVICE_DELETED)
ASSIGNMENT = (Event.MFA_DEVICE_ENABLED, Event.MFA_DEVICE_DEACTIVATED)
"""Two kinds of attempts whose outcome AWS still tells afterwards."""


def left_behind(audit: Audit, permits: Permits, devices: Sequence[MfaDevice]) -> list[tuple[str, bool]]:
    """Return the virtual devices deactivated here but not deleted: (serial number, may the user delete it)."""
    theirs = {device.serial_number for device in devices}
    return [
        (serial_number, permits.allows("iam:DeleteVirtualMFADevice", serial_number))
        for serial_number in done_without(audit, Event.MFA_DEVICE_DEACTIVATED, Event.MFA_DEVICE_DELETED)
        if ":mfa/" in serial_number and serial_number not in theirs
    ]


def deletion_note(user_name: str, serial_number: str) -> str:
    """Return what an administrator needs to delete an unused device of a user who may not, to copy."""
    command = f"aws iam delete-virtual-mfa-device --serial-number {serial_number}"
    return "\n".join([_("Please delete the unused MFA device of %(user)s:", user=user_name), command])


def without_qr_code(audit: Audit, now: datetime) -> str:
    """Return the serial number of a device the user created here and never finished, whose seed is lost; or "".

    It can't be used, and is replaced when they start again (`app.mfa.service.start_enrollment`).
    """
    made = done_without(audit, Event.MFA_DEVICE_CREATED, Event.MFA_DEVICE_DELETED, Event.MFA_DEVICE_ENABLED)
    maybe = without_outcome(audit, now, EXISTENCE, running=True)
    found = made + [each.target for each in maybe if each.event is EXISTENCE[0]]
    return next(iter(found), "")


def reconcile(iam: IamGateway, audit: Audit, user_name: str, now: datetime) -> None:
    """Ask AWS what became of attempts without an outcome, and record it. What AWS doesn't show stays unknown."""
    attempts = without_outcome(audit, now, EXISTENCE, ASSIGNMENT)
    if attempts:
        with suppress(Throttled, NoResponse):  # another visit will do
            _reconcile(iam, audit, user_name, attempts)


def _reconcile(iam: IamGateway, audit: Audit, user_name: str, attempts: Sequence[Attempt]) -> None:
    theirs = {device.serial_number for device in iam.mfa_devices(user_name)}
    unassigned: set[str] | None = None
    if any(_about_existence(attempt) and attempt.target not in theirs for attempt in attempts):
        with suppress(NotAllowed):  # the policy does not show it: these stay unknown
            unassigned = set(iam.unassigned_virtual_mfa_devices())
    for attempt in attempts:
        happened = _happened(attempt, theirs, unassigned)
        if happened is not None:
            audit.reconcile(attempt, happened=happened)


def _about_existence(attempt: Attempt) -> bool:
    return attempt.event in EXISTENCE


def _happened(attempt: Attempt, theirs: set[str], unassigned: set[str] | None) -> bool | None:
    is_assigned = attempt.target in theirs
    if attempt.event is Event.MFA_DEVICE_ENABLED:
        return is_assigned
    if attempt.event is Event.MFA_DEVICE_DEACTIVATED:
        return not is_assigned
    if not is_assigned and unassigned is None:
        return None
    exists = is_assigned or attempt.target in (unassigned or ())
    return exists if attempt.event is Event.MFA_DEVICE_CREATED else not exists
