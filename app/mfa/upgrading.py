"""Turning a session into an MFA session, once a device is set up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from app.audit.events import Event
from app.audit.log import Audit
from app.aws.clients import AwsCredentials, start_read
from app.aws.iam import IamGateway, MfaDevice
from app.aws.sts import StsGateway
from app.errors import MfaNotRecognized, NoResponse, PortalError, Refused, WrongMfaCode
from app.sessions.contents import Upgrade
from app.text.messages import N_, _

WAIT_FOR_STS = timedelta(seconds=10)
"""Time from turning on a device at IAM to the first request to STS for an MFA session with its code.

STS accepts a new device 8 to 14 seconds after IAM (observed), and there are only `MOST_TRIES`.
"""
TRY_AGAIN = timedelta(seconds=4)
MOST_TRIES = 4


class CodeAlreadyUsed(Refused):
    """The next code is needed."""

    code = "code-already-used"
    field = "code"
    upgrade: Upgrade | None = None
    """Where AWS was given the code: the upgrade without it."""


class CodeMayBeUsed(CodeAlreadyUsed):
    """AWS was sent the code and didn't answer. The next one is needed."""

    code = "code-may-be-used"
    message = N_("AWS didn’t answer, and may have used the code. Enter the next one your app shows.")


def take_code(upgrade: Upgrade, code: str) -> Upgrade:
    """Keep a fresh code until STS may be asked. Raises CodeAlreadyUsed for one that AWS was sent before."""
    if code in upgrade.used:
        raise CodeAlreadyUsed(_("You already used this code. Wait until your app shows the next one."))
    return replace(upgrade, code=code, tries=0, next_try_at=upgrade.enabled_at + WAIT_FOR_STS)


def is_due(upgrade: Upgrade, now: datetime) -> bool:
    """Is it time to ask AWS? Before, STS wouldn't know the device. now: UTC."""
    return not upgrade.next_try_at or now >= upgrade.next_try_at


def devices_beside(
    iam: IamGateway, user_name: str, upgrade: Upgrade, now: datetime
) -> Callable[[], Sequence[MfaDevice] | None]:
    """Start to read the user's devices while `advance` asks AWS, for the page that follows.

    What is returned waits for them. It returns None where AWS isn't asked yet, or doesn't say.
    """
    if not is_due(upgrade, now):
        return lambda: None
    reading = start_read(lambda: iam.mfa_devices(user_name))

    def read() -> Sequence[MfaDevice] | None:
        try:
            return reading()
        except PortalError:
            return None  # that page asks, and says what is wrong

    return read


def advance(
    sts: StsGateway, audit: Audit, upgrade: Upgrade, now: datetime, lasts: timedelta
) -> AwsCredentials | Upgrade:
    """Take one step towards the MFA session. Return credentials, or what to wait for next.

    The same code is tried again only after 'unable to validate', which doesn't use it up. Raises CodeAlreadyUsed when
    the next code is needed.
    """
    if not is_due(upgrade, now):
        return upgrade
    try:
        with audit.attempt(Event.MFA_SESSION, upgrade.serial_number):
            return sts.mfa_session(upgrade.serial_number, upgrade.code, lasts)
    except MfaNotRecognized as refusal:
        if upgrade.tries + 1 < MOST_TRIES:
            return replace(upgrade, tries=upgrade.tries + 1, next_try_at=now + TRY_AGAIN)
        message = _("AWS still couldn’t check the code. Wait a minute, then enter the code your app shows.")
        raise _used(upgrade, CodeAlreadyUsed(message)) from refusal
    except WrongMfaCode as refusal:
        raise _used(upgrade, CodeAlreadyUsed(WrongMfaCode.sentence())) from refusal
    except NoResponse as silence:
        raise _used(upgrade, CodeMayBeUsed()) from silence


def _used(upgrade: Upgrade, used: CodeAlreadyUsed) -> CodeAlreadyUsed:
    used.upgrade = spent(upgrade)
    return used


def without_code(upgrade: Upgrade) -> Upgrade:
    """Return the upgrade without a waiting code. AWS wasn't sent this one, or couldn't check it."""
    return replace(upgrade, code="", tries=0, next_try_at=None)


def spent(upgrade: Upgrade) -> Upgrade:
    """Return the upgrade after its code was used: the next one is needed."""
    return replace(without_code(upgrade), used=[*upgrade.used, upgrade.code][-5:])
