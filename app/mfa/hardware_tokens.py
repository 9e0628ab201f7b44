"""Hardware tokens: MFA devices that AWS made, and that show codes on a display."""

from __future__ import annotations

from app.audit.log import Audit
from app.aws.iam import IamGateway
from app.errors import AlreadyExists, MfaSessionNeeded, NotFound, Refused, WrongMfaCode
from app.mfa.service import MfaAlreadyEnabled, assigned, trust
from app.sessions.contents import Person
from app.text.messages import _


def add_hardware_token(
    iam: IamGateway, audit: Audit, person: Person, serial_number: str, first: str, second: str
) -> None:
    """Make a hardware TOTP token one of the person's devices (EnableMFADevice), by the number on its back.

    first, second: codes in a row.

    Raises MfaAlreadyEnabled, Refused with `field`, NoResponse.
    """
    try:
        trust(iam, audit, person, serial_number, first, second)
    except (AlreadyExists, MfaSessionNeeded) as refusal:
        if assigned(iam, person, serial_number) or isinstance(refusal, MfaSessionNeeded):
            raise MfaAlreadyEnabled() from refusal
        raise Refused(
            _("Another user has the token with this number. Check the number on the back of yours."),
            field="serial_number",
            request_id=refusal.request_id,
        ) from refusal
    except NotFound as refusal:
        raise Refused(
            _(
                "AWS has no token with this number. Check the number on its back, like GAHT12345678. Only tokens "
                "made for AWS work."
            ),
            field="serial_number",
            request_id=refusal.request_id,
        ) from refusal
    except WrongMfaCode as refusal:
        raise Refused(
            _(
                "AWS didn’t accept these codes. Press the token’s button and enter the code, wait until it shows "
                "another one, and enter that."
            ),
            field="first_code",
            request_id=refusal.request_id,
        ) from refusal
