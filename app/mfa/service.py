"""Setting up a virtual MFA device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from app.audit.events import Event
from app.audit.history import last_done
from app.audit.log import Audit
from app.aws.iam import IamGateway, MfaDevice, NewVirtualMfaDevice
from app.errors import (
    AlreadyExists,
    InUse,
    MfaSessionNeeded,
    NoResponse,
    NotAllowed,
    NotFound,
    Refused,
    WrongMfaCode,
)
from app.mfa.codes import Diagnosis, examine, is_fresh, stale_message
from app.sessions.contents import SHOWN_FOR, Enrollment, Person, ReplacedDevice
from app.text.messages import N_, _, administrator, ask_admin


class EnrollmentReplaced(Refused):
    """The device this QR code was made for is no longer the one AWS has."""

    code = "enrollment-replaced"
    message = N_(
        "You restarted or cancelled this setup in another browser or tab, so this QR code no longer works. Start "
        "again, and delete its entry from your app."
    )


class OlderQrCode(Refused):
    """The form belongs to a QR code that another one replaced, in the same browser."""

    code = "older-qr-code"
    message = N_(
        "You made a newer QR code in another tab, so the earlier one no longer works. Delete its entry from your "
        "app, scan the QR code shown here, and enter two codes of the new entry."
    )


class MfaAlreadyEnabled(Refused):
    """The user has MFA by now."""

    code = "mfa-already-enabled"
    message = N_("MFA is already on. You finished setting it up in another browser or tab.")


class StaleCodes(Refused):
    """The two codes are too old or too new. Only a fresh pair shows whether the phone's clock is off.

    asked_again: the enrollment, with two fresh codes asked for.
    """

    code = "stale-codes"
    field = "first_code"

    def __init__(self, sentence: str, asked_again: Enrollment) -> None:
        super().__init__(sentence)
        self.asked_again = asked_again


class DeviceNameTaken(Refused):
    """Another user has the device with the user's own serial number."""

    code = "device-name-taken"

    def __init__(self) -> None:
        super().__init__(
            _(
                "Another user has an MFA device with your name, so AWS can’t create yours. Ask %(administrator)s to "
                "remove it from that user.",
                administrator=administrator(),
            )
        )


class LeftoverDevice(NotAllowed):
    """An unfinished device has the name, and the policy lets only administrators delete it."""

    code = "leftover-device"

    def __init__(self, serial_number: str, refusal: NotAllowed) -> None:
        super().__init__(
            _(
                "An earlier attempt left the unused MFA device %(serial)s, and your policy doesn’t let you delete "
                "it. It can’t be used to sign in, but you can’t set up MFA until it is gone. %(ask)s to run: "
                "%(command)s",
                serial=serial_number,
                ask=ask_admin(),
                command=f"aws iam delete-virtual-mfa-device --serial-number {serial_number}",
            ),
            action=refusal.action,
            request_id=refusal.request_id,
        )
        self.serial_number = serial_number


def start_enrollment(
    iam: IamGateway,
    audit: Audit,
    person: Person,
    serial_number: str = "",
    replaces: ReplacedDevice | None = None,
    keep: Callable[[Enrollment], None] = lambda _: None,
) -> Enrollment:
    """Create a device for the user. A leftover of an earlier attempt, whose seed is lost, is deleted first.

    keep: stores the seed before anything else happens, because AWS shows it once. It raises nothing.

    serial_number: of a further device; without one, the first of the person's own. replaces: the device to
    be removed for it. Raises MfaAlreadyEnabled, DeviceNameTaken, LeftoverDevice, NotAllowed, Throttled, NoResponse.
    """
    if not serial_number and iam.mfa_devices(person.user_name):
        raise MfaAlreadyEnabled()
    serial_number = serial_number or person.own_serial_number
    try:
        return _create(iam, audit, serial_number, replaces, keep)
    except AlreadyExists:
        try:
            delete(iam, audit, serial_number)
        except InUse:
            raise (MfaAlreadyEnabled if assigned(iam, person, serial_number) else DeviceNameTaken)() from None
        except NotAllowed as refusal:
            raise LeftoverDevice(serial_number, refusal) from refusal
        return _create(iam, audit, serial_number, replaces, keep)


def _create(
    iam: IamGateway,
    audit: Audit,
    serial_number: str,
    replaces: ReplacedDevice | None,
    keep: Callable[[Enrollment], None],
) -> Enrollment:
    path, _, name = serial_number.partition(":mfa")[2].rpartition("/")
    with audit.attempt(Event.MFA_DEVICE_CREATED, serial_number) as attempt:
        made: NewVirtualMfaDevice = iam.create_virtual_mfa_device(name, f"{path}/")
        until = datetime.now(UTC) + SHOWN_FOR
        now = datetime.now(UTC)
        enrollment = Enrollment(
            made.serial_number,
            made.seed,
            attempt.attempt_id,
            until,
            replaces.serial_number if replaces else "",
            replaces.enabled_at if replaces else None,
            asked_at=now,
        )
        keep(enrollment)
    return enrollment


def delete(iam: IamGateway, audit: Audit, serial_number: str) -> None:
    """Delete an unassigned virtual device, or find it deleted already. Raises InUse, NotAllowed."""
    try:
        with audit.attempt(Event.MFA_DEVICE_DELETED, serial_number):
            iam.delete_virtual_mfa_device(serial_number)
    except NotFound:
        pass  # what we wanted


def still_ours(audit: Audit, enrollment: Enrollment) -> bool:
    """Return False if another browser created or removed the device after this one, through any replica."""
    latest = last_done(audit, (Event.MFA_DEVICE_CREATED, Event.MFA_DEVICE_DELETED), enrollment.serial_number)
    return latest == enrollment.attempt_id


def still_waits(audit: Audit, enrollment: Enrollment, devices: Sequence[MfaDevice]) -> bool:
    """Are two codes of this enrollment still waited for?

    devices: the person's. False once the device is trusted, by whatever means, or was replaced or removed. If a
    device was trusted here and then deactivated, its seed still isn't shown again.
    """
    if any(device.serial_number == enrollment.serial_number for device in devices):
        return False
    trusted = (Event.MFA_DEVICE_CREATED, Event.MFA_DEVICE_DELETED, Event.MFA_DEVICE_ENABLED)
    return last_done(audit, trusted, enrollment.serial_number) == enrollment.attempt_id


def cancel(iam: IamGateway, audit: Audit, enrollment: Enrollment) -> None:
    """Remove the unassigned device, unless another browser has replaced it since. Raises MfaAlreadyEnabled."""
    if not still_ours(audit, enrollment):
        return
    try:
        delete(iam, audit, enrollment.serial_number)
    except InUse as refusal:
        raise MfaAlreadyEnabled() from refusal


def enable(
    iam: IamGateway,
    audit: Audit,
    person: Person,
    enrollment: Enrollment,
    first: str,
    second: str,
    now: datetime,
) -> Diagnosis:
    """Set up the device. Codes that can't be right are refused here, with the reason, and stay unused.

    Return what the codes show about the phone's clock. now: UTC. Raises Refused with `field`, StaleCodes,
    EnrollmentReplaced, MfaAlreadyEnabled, NoResponse.
    """
    finding = examine(enrollment.seed, first, second, now)
    if finding.problem:
        raise finding.problem()
    if not is_fresh(finding, now, enrollment.asked_at or now, enrollment.last_step):
        raise StaleCodes(stale_message(finding), replace(enrollment, asked_at=now, last_step=finding.step))
    try:
        trust(iam, audit, person, enrollment.serial_number, first, second)
    except (AlreadyExists, MfaSessionNeeded) as refusal:
        raise MfaAlreadyEnabled() from refusal
    except NotFound as refusal:
        raise EnrollmentReplaced() from refusal
    except WrongMfaCode as refusal:
        # Right for our seed, wrong for AWS's: the seed was replaced, or these very codes were used before.
        if not still_ours(audit, enrollment):
            raise EnrollmentReplaced() from refusal
        raise Refused(
            _(
                "AWS didn’t accept these codes, although they match this QR code. Wait for two new codes and enter "
                "them. If AWS rejects those as well, make a new QR code."
            ),
            field="first_code",
        ) from refusal
    return finding


def trust(iam: IamGateway, audit: Audit, person: Person, serial_number: str, first: str, second: str) -> None:
    """Assign a device to the user with two codes in a row (EnableMFADevice).

    Raises as AWS answers: AlreadyExists, MfaSessionNeeded, NotFound, WrongMfaCode, NoResponse.
    """
    try:
        with audit.attempt(Event.MFA_DEVICE_ENABLED, serial_number):
            iam.enable_mfa_device(person.user_name, serial_number, first, second)
    except NoResponse:
        # The answer is lost, not necessarily the change: ask AWS before saying anything.
        if not assigned(iam, person, serial_number):
            raise


def assigned(iam: IamGateway, person: Person, serial_number: str) -> bool:
    """Is the device one of the user's?"""
    return any(device.serial_number == serial_number for device in iam.mfa_devices(person.user_name))
