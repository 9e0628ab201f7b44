"""Signing in through AWS Sign-In: asking AWS, reading its answer, and finding out who signed in."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from app.audit.events import Event
from app.audit.log import Audit
from app.aws.clients import using_credentials
from app.aws.iam import IamGateway
from app.aws.signin import SignInGateway, SignInTokens, oauth_client_for
from app.aws.sts import Identity, StsGateway
from app.errors import CredentialsRefused, NotAllowed, PortalError, Refused
from app.sessions.contents import PendingAwsSignIn, Person, Way
from app.signin.service import DevicesUnreadable, only_users_of, why_unreadable
from app.text.messages import N_
from app.text.typed import without_blanks

AT_AWS = timedelta(minutes=10)
"""How long an answer of AWS is waited for, as the AWS CLI does."""
LONGEST_CODE = 4096


class InvalidVerificationCode(Refused):
    """What was pasted can't be the verification code of this sign-in."""

    code = "invalid-verification-code"
    field = "verification_code"


class VerificationCodeMissing(InvalidVerificationCode):
    """Nothing was pasted."""

    code = "verification-code-missing"
    message = N_("Paste the code that AWS shows.")


class VerificationCodeTooLong(InvalidVerificationCode):
    """Longer than any code."""

    code = "verification-code-too-long"
    message = N_("This is too long to be a code from AWS. Copy only the code.")


class VerificationCodeNotWhole(InvalidVerificationCode):
    """A piece of a code, or something else."""

    code = "verification-code-not-whole"
    message = N_("This isn’t a complete code from AWS. Copy all of it, from the first character to the last.")


class OtherVerificationCode(InvalidVerificationCode):
    """The code of another sign-in."""

    code = "other-verification-code"
    message = N_(
        "This code is from another sign-in, perhaps an earlier one. Open AWS sign-in with the button on this page, "
        "and paste the code AWS shows then."
    )


class SignedInWithoutCode(Refused):
    """The user has a device, but AWS answered with a console session without MFA."""

    code = "signed-in-without-code"

    def __init__(self, user_name: str) -> None:
        super().__init__()
        self.user_name = user_name


class IamRefusesSession(Refused):
    """AWS signed the user in, but IAM doesn't accept the credentials."""

    code = "iam-refuses-session"


class DifferentUser(Refused):
    """AWS answered with another user's console session."""

    code = "different-user"

    def __init__(self, user_name: str) -> None:
        super().__init__()
        self.user_name = user_name


class NotArrived(Exception):
    """The sign-in is over, and nobody is signed in. refusal: the reason. str() of it is the sentence users read."""

    def __init__(self, refusal: PortalError) -> None:
        super().__init__(refusal)
        self.refusal = refusal


@dataclass(frozen=True)
class Arrived:
    """A user whom AWS Sign-In let in."""

    identity: Identity
    tokens: SignInTokens
    with_mfa: bool

    def person(self, now: datetime) -> Person:
        """Return the user as the session stores them."""
        who = self.identity
        identity = (who.account_id, who.user_name, who.path, who.partition)
        return Person(*identity, self.with_mfa, now, user_id=who.user_id)


def begin(
    gateway: SignInGateway,
    public_url: str,
    now: datetime,
    *,
    sign_out_first: bool = False,
    expected_user_id: str = "",
    back: str = "",
) -> PendingAwsSignIn:
    """Return a new sign-in at AWS. Nothing is asked yet. public_url: of the portal. now: UTC."""
    client, callback = oauth_client_for(public_url)
    asked = gateway.request(client, callback)
    return PendingAwsSignIn(
        asked.client_id,
        asked.redirect_uri,
        asked.state,
        asked.verifier,
        now + AT_AWS,
        sign_out_first,
        expected_user_id,
        back,
    )


def address_at_aws(gateway: SignInGateway, pending: PendingAwsSignIn) -> str:
    """Return AWS's sign-in address, by way of its sign-out where an old console session would answer."""
    url = gateway.authorization_url(pending.asked)
    return gateway.sign_out_url(url) if pending.sign_out_first else url


def read_verification_code(pasted: str | None, pending: PendingAwsSignIn) -> str:
    """Return the authorization code in what AWS's page showed: base64 of "state=...&code=...", blanks ignored.

    Raises InvalidVerificationCode: VerificationCodeMissing, VerificationCodeTooLong, VerificationCodeNotWhole or
    OtherVerificationCode.
    """
    text = without_blanks(pasted)
    if not text:
        raise VerificationCodeMissing
    if len(text) > LONGEST_CODE:
        raise VerificationCodeTooLong
    try:
        said = parse_qs(base64.b64decode(text, validate=True).decode("ascii"), max_num_fields=10)
    except (binascii.Error, ValueError) as error:
        raise VerificationCodeNotWhole from error
    states, codes = said.get("state", []), said.get("code", [])
    if len(states) != 1 or len(codes) != 1 or len(codes[0]) > 512:
        raise VerificationCodeNotWhole
    if states[0] != pending.state:
        raise OtherVerificationCode
    return codes[0]


def finish(
    gateway: SignInGateway,
    sts: StsGateway,
    iam: IamGateway,
    accounts: Collection[str],
    pending: PendingAwsSignIn,
    code: str,
) -> Arrived:
    """Turn the code into credentials, and ask AWS whose they are and whether they have MFA.

    Raises CodeRefused, SignInNotPermitted, SignInExpired, NotForThisPortal, DifferentUser, DevicesUnreadable,
    IamRefusesSession, SignedInWithoutCode, Throttled, NoResponse.
    """
    tokens = gateway.exchange(pending.asked, code)
    with using_credentials(tokens.credentials):
        identity = sts.caller()
        only_users_of(accounts, identity)
        if pending.expected_user_id and identity.user_id != pending.expected_user_id:
            raise DifferentUser(identity.user_name)
        try:
            devices = iam.mfa_devices(identity.user_name)
        except NotAllowed as refusal:
            raise DevicesUnreadable(why_unreadable(identity)) from refusal
        except CredentialsRefused as refusal:
            raise IamRefusesSession from refusal
        with_mfa = bool(devices) and iam.session_has_mfa(identity.user_name, _no_device(identity))
    if devices and not with_mfa:
        raise SignedInWithoutCode(identity.user_name)
    return Arrived(identity, tokens, with_mfa)


@contextmanager
def ended_by_refusals(audit: Audit) -> Iterator[None]:
    """Record a refusal inside the block, and raise NotArrived for it; NotRecorded where it can't be recorded."""
    try:
        yield
    except PortalError as refusal:
        audit.note(Event.SIGN_IN, Way.AWS_SIGN_IN, refusal)
        raise NotArrived(refusal) from refusal


def _no_device(identity: Identity) -> str:
    """A serial number that nothing has."""
    return f"arn:{identity.partition}:iam::{identity.account_id}:mfa/latchkey-{uuid.uuid4().hex}"
