"""MFA after setup: which devices a user may have, and how to remove, replace and resync one.

No state of its own: what is left to do follows from what AWS returns, and from the audit log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from app.audit.events import Event
from app.audit.log import Audit
from app.aws.iam import IamGateway, MfaDevice
from app.errors import (
    NoResponse,
    NotAllowed,
    NotFound,
    PortalError,
    Refused,
    WrongMfaCode,
)
from app.mfa.codes import SameCodeTwice
from app.mfa.service import LeftoverDevice, delete, start_enrollment
from app.policy.documents import SIGN_IN_ACTIONS
from app.policy.permits import Permits
from app.sessions.contents import Enrollment, Person, ReplacedDevice, Way
from app.text.messages import N_, _, administrator

MOST_DEVICES = 8
"""Per user, of any mix (IAM User Guide, quotas)."""


class LastDevice(Refused):
    """Removing the only device would leave the user without MFA."""

    code = "last-device"
    message = N_("This is your only MFA device. Without one, AWS blocks almost everything. Replace it instead.")


class WouldLockOut(Refused):
    """A user who stopped halfway would be locked out."""

    code = "would-lock-out"

    def __init__(self) -> None:
        super().__init__(
            _(
                "Removing this device would lock you out, so nothing was changed. Add another device first, or ask "
                "%(administrator)s to reset MFA.",
                administrator=administrator(),
            )
        )


class NoReplacementAllowed(Refused):
    """The policy doesn't let the user create a device in place of the old one."""

    code = "no-replacement-allowed"

    def __init__(self) -> None:
        super().__init__(
            _(
                "Your policy doesn’t let you create another virtual device, so you can’t replace this one. Remove it "
                "if you don’t need it, or ask %(administrator)s.",
                administrator=administrator(),
            )
        )


class DeviceNotDeleted(PortalError):
    """The device is off, but the user may not delete it. It isn't a refusal, because something changed."""

    code = "device-not-deleted"

    def __init__(self, serial_number: str) -> None:
        super().__init__(
            _(
                "%(serial)s is deactivated, but your policy doesn’t let you delete it. It can’t be used to sign in.",
                serial=serial_number,
            )
        )


def free_serial_number(
    person: Person,
    permits: Permits,
    devices: Sequence[MfaDevice],
    mfa: bool | None = True,
    but: Collection[str] = (),
    named: str = "",
) -> str:
    """Return the serial number for another virtual device: the user's own if free, else one below it, else "".

    mfa: as for `Permits.allows`. but: others that are taken. named: what the user wants to call it. Where the policy
    allows it, the serial number ends with that.
    """
    if len(devices) >= MOST_DEVICES:
        return ""
    taken = {*but, *(device.serial_number for device in devices)}
    own = person.own_serial_number
    chosen = [f"{own}/{end}"] if (end := as_path(named)) else []
    for serial_number in (*chosen, own, *(f"{own}/device-{number}" for number in range(2, MOST_DEVICES + 2))):
        if serial_number not in taken and permits.allows("iam:CreateVirtualMFADevice", serial_number, mfa=mfa):
            return serial_number
    return ""


def may_add_virtual_device(person: Person, permits: Permits, devices: Sequence[MfaDevice]) -> bool:
    """Does the policy let the user add another virtual device, in an MFA session? devices: the user's."""
    return bool(free_serial_number(person, permits, devices)) and permits.allows("iam:EnableMFADevice", person.arn)


def as_path(name: str) -> str:
    """Return a name as the end of a serial number: only characters that CreateVirtualMFADevice takes, "" for none."""
    return re.sub("[^A-Za-z0-9_+=,.@-]+", "-", name).strip("-")


def start_where_free(
    iam: IamGateway,
    audit: Audit,
    person: Person,
    permits: Permits,
    devices: Sequence[MfaDevice],
    serial_number: str = "",
    replaces: ReplacedDevice | None = None,
    mfa: bool | None = True,
    keep: Callable[[Enrollment], None] = lambda _: None,
) -> Enrollment:
    """`start_enrollment` under the next free serial number, if only administrators can delete what the first has.

    devices: the user's. mfa: as for `Permits.allows`. Raises LeftoverDevice if none is free, or as it does.
    """
    leftovers: set[str] = set()
    while True:
        try:
            return start_enrollment(iam, audit, person, serial_number, replaces, keep)
        except LeftoverDevice as leftover:
            leftovers.add(leftover.serial_number)
            serial_number = free_serial_number(person, permits, devices, mfa, leftovers)
            if not serial_number:
                raise


@dataclass(frozen=True)
class SignInOptions:
    """The ways to sign in that this portal offers. signin_client: the resource that AWS Sign-In is authorized on."""

    methods: Collection[str]
    signin_client: str


def ways_in_without(
    person: Person, permits: Permits, devices: Sequence[MfaDevice], removed: str, sign_in: SignInOptions
) -> list[str]:
    """Return how the user could sign in here if they stopped after removing a device, as phrases."""
    others = [device for device in devices if device.serial_number != removed]
    if others:
        codes = [
            _("with a code from %(serial)s", serial=device.serial_number) for device in others if device.gives_codes
        ]
        through_aws = Way.AWS_SIGN_IN in sign_in.methods and person.way is Way.AWS_SIGN_IN
        keys = [_("through AWS, with another of your MFA devices")] if through_aws else []
        return codes or keys

    def enrolling(mfa: bool | None) -> bool:
        return all(
            permits.allows(action, resource, mfa=mfa)
            for action, resource in (
                ("iam:ListMFADevices", person.arn),
                ("iam:CreateVirtualMFADevice", person.own_serial_number),
                ("iam:EnableMFADevice", person.arn),
            )
        )

    ways = []
    if person.access_key_id and Way.ACCESS_KEY in sign_in.methods and enrolling(None):
        ways.append(_("with your access key %(id)s, without a code", id=person.access_key_id))
    signs_in = all(permits.allows(action, sign_in.signin_client, mfa=False) for action in SIGN_IN_ACTIONS)
    if not person.access_key_id and Way.AWS_SIGN_IN in sign_in.methods and signs_in and enrolling(False):
        ways.append(_("with your console password, without a code"))
    return ways


@dataclass(frozen=True)
class Replacement:
    """How a device is replaced."""

    serial_number: str
    """Of the new one."""
    old_first: bool
    ways_in: list[str]
    """If the user stopped in between."""


def plan_replacement(
    person: Person, permits: Permits, devices: Sequence[MfaDevice], old: MfaDevice, sign_in: SignInOptions
) -> Replacement:
    """Return how to replace a device: add and prove the new one, then remove the old one.

    Without room for two, the old one goes first. Raises NoReplacementAllowed if there is no room even then,
    WouldLockOut if the user couldn't sign in without the old one.
    """
    ways = ways_in_without(person, permits, devices, old.serial_number, sign_in)
    if free := free_serial_number(person, permits, devices):
        return Replacement(free, False, ways)
    free = free_serial_number(person, permits, [device for device in devices if device != old])
    may_delete = permits.allows("iam:DeleteVirtualMFADevice", old.serial_number)
    if not free or (free == old.serial_number and not may_delete):
        raise NoReplacementAllowed()
    if not ways:
        raise WouldLockOut()
    return Replacement(free, True, ways)


def deactivate(iam: IamGateway, audit: Audit, person: Person, serial_number: str) -> None:
    """Deactivate a device, and delete it if it is virtual.

    Raises MfaSessionNeeded, NotAllowed, InUse, NoResponse; DeviceNotDeleted when only deactivated.
    """
    try:
        with audit.attempt(Event.MFA_DEVICE_DEACTIVATED, serial_number):
            iam.deactivate_mfa_device(person.user_name, serial_number)
    except NotFound:
        pass  # what we wanted, through another browser
    except NoResponse:
        if any(device.serial_number == serial_number for device in iam.mfa_devices(person.user_name)):
            raise
    if ":mfa/" in serial_number:
        clear(iam, audit, serial_number)


def clear(iam: IamGateway, audit: Audit, serial_number: str) -> None:
    """Delete a virtual device that nobody uses. Raises DeviceNotDeleted, InUse, NoResponse."""
    try:
        delete(iam, audit, serial_number)
    except NotAllowed as refusal:
        raise DeviceNotDeleted(serial_number) from refusal


def remove(
    iam: IamGateway, audit: Audit, person: Person, permits: Permits, serial_number: str, sign_in: SignInOptions
) -> None:
    """Remove one of several devices. Raises LastDevice, WouldLockOut, and as `deactivate`."""
    devices = iam.mfa_devices(person.user_name)
    if [device.serial_number for device in devices] == [serial_number]:
        raise LastDevice()
    if not ways_in_without(person, permits, devices, serial_number, sign_in):
        raise WouldLockOut()
    deactivate(iam, audit, person, serial_number)


def resync(iam: IamGateway, audit: Audit, user_name: str, serial_number: str, first: str, second: str) -> None:
    """Let AWS work out how far the clock of a device is off (ResyncMFADevice).

    first, second: codes in a row. Raises SameCodeTwice, Refused with `field`, NotFound, NoResponse.
    """
    if first == second:
        raise SameCodeTwice(_("You entered the same code twice. Wait for the next one."))
    try:
        with audit.attempt(Event.MFA_DEVICE_RESYNCED, serial_number):
            iam.resync_mfa_device(user_name, serial_number, first, second)
    except WrongMfaCode as refusal:
        raise Refused(
            _(
                "AWS didn’t accept these codes. Both must be new, in a row, and from this device. Wait for a new "
                "code and enter it, then enter the next one."
            ),
            field="first_code",
            request_id=refusal.request_id,
        ) from refusal
