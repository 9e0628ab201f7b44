"""Signing in with an access key: who is it, have they MFA, may they come in."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from app.aws.clients import AwsCredentials, using_credentials
from app.aws.iam import IamGateway, MfaDevice
from app.aws.sts import Identity, StsGateway
from app.errors import MfaNotRecognized, NoResponse, NotAllowed, Refused, WrongMfaCode
from app.policy.documents import SIGN_IN_ACTIONS, sign_in_client
from app.policy.permits import Permits


class NotForThisPortal(Refused):
    """The credentials are good, but not those of an IAM user of a configured account."""

    code = "not-for-this-portal"
    status = 403
    field = "access_key_id"


class DevicesUnreadable(Refused):
    """Whether the person has MFA cannot be known, so they cannot come in."""

    code = "devices-unreadable"
    status = 403


class OnlySecurityKeys(Refused):
    """STS takes no security key, and the person has nothing else."""

    code = "only-security-keys"
    status = 403


class CodeOutcomeUnknown(NoResponse):
    """No answer: the code may be used up, so the next one is needed."""

    code = "code-outcome-unknown"
    field = "code"
    message = "AWS did not answer, and the code may be used up. Type the next one your device shows."


class NextCodeNeeded(Refused):
    """The code is spent, or AWS cannot check it: the next one is needed."""

    code = "next-code-needed"
    field = "code"


NOTE_ABOUT_THE_CIRCLE = """\
I have a temporary console password and no MFA yet, and our Force_MFA policy lets me do neither first.

Either let everyone change their password before MFA, which takes the old password: in the policy's deny
statement, add to NotAction
  "iam:ChangePassword", "iam:GetAccountPasswordPolicy"
Or, once, for me: let me in with the password as it is
  aws iam update-login-profile --user-name MY-USER-NAME --no-password-reset-required
After that I sign in, set up MFA in Latchkey, and change the password there."""


@dataclass(frozen=True)
class FirstWayIn:
    """What a document lets someone do who has a temporary console password and no MFA yet."""

    changes_password: bool
    """When AWS asks for another password at sign-in, it may be given."""
    signs_in_here: bool
    """AWS Sign-In lets them on to this portal."""


def first_way_in(document: Mapping[str, Any], account_id: str, partition: str, region: str) -> FirstWayIn:
    """Judged for any user of the account without a path."""
    permits = Permits.of_user(document, account_id, partition, "someone")
    client = sign_in_client(partition, account_id, region)
    return FirstWayIn(
        permits.allows("iam:ChangePassword", permits.arn, mfa=False),
        all(permits.allows(action, client, mfa=False) for action in SIGN_IN_ACTIONS),
    )


@dataclass(frozen=True)
class KnownKey:
    """A key AWS vouches for."""

    identity: Identity
    devices: list[MfaDevice]

    @property
    def code_devices(self) -> list[MfaDevice]:
        """Devices STS takes codes of."""
        return [device for device in self.devices if device.gives_codes]


def present_key(sts: StsGateway, iam: IamGateway, accounts: Collection[str], key: AwsCredentials) -> KnownKey:
    """Ask AWS whose key this is and which devices they have.

    Raises CredentialsRefused, WrongSecret, ClockSkew, NotForThisPortal, DevicesUnreadable,
    OnlySecurityKeys, Throttled, NoResponse.
    """
    with using_credentials(key):
        identity = sts.caller()
        only_users_of(accounts, identity)
        try:
            devices = iam.mfa_devices(identity.user_name)
        except NotAllowed as refusal:
            raise DevicesUnreadable(why_unreadable(identity)) from refusal
    known = KnownKey(identity, devices)
    if devices and not known.code_devices:
        raise OnlySecurityKeys(
            "Your only MFA device is a security key or passkey. AWS takes no codes from those here, "
            "so you cannot sign in with an access key. Sign in through AWS, where the key can be touched."
        )
    return known


def only_users_of(accounts: Collection[str], identity: Identity) -> None:
    """Raises NotForThisPortal for root, roles, federated users and other accounts."""
    if identity.principal_type == "root":
        raise NotForThisPortal(
            "These are credentials of the account’s root user. Latchkey is for IAM users: sign in as your "
            "IAM user, and if root has an access key, consider deleting it."
        )
    if identity.principal_type != "user":
        raise NotForThisPortal("These credentials belong to a role or a federated user. Latchkey is for IAM users.")
    if identity.account_id not in accounts:
        raise NotForThisPortal(
            f"{identity.user_name} belongs to AWS account {identity.account_id}, which this portal does not serve."
        )


def why_unreadable(identity: Identity) -> str:
    """What is missing when iam:ListMFADevices is denied, and the line that grants it."""
    if identity.path != "/":
        line = f"arn:{identity.partition}:iam::{identity.account_id}:user/*/${{aws:username}}"
        return (
            f"Your IAM user has the path {identity.path}, and your policy matches only users without one, so "
            "AWS does not let you see your own MFA devices (iam:ListMFADevices). Ask your administrator to "
            f'add this line to the Resource lists of the policy: "{line}"'
        )
    return (
        "AWS does not let you see your own MFA devices, so Latchkey cannot tell whether you need a code. "
        "Ask your administrator to allow iam:ListMFADevices on your own user."
    )


def give_code(
    sts: StsGateway, key: AwsCredentials, serial_number: str, code: str, lasts: timedelta
) -> AwsCredentials:
    """Turn key and code into an MFA session; the code is spent whatever comes of it.

    Raises NextCodeNeeded, CodeOutcomeUnknown, CredentialsRefused, Throttled.
    """
    with using_credentials(key):
        try:
            return sts.mfa_session(serial_number, code, lasts)
        except WrongMfaCode as refusal:
            raise NextCodeNeeded(
                f"{WrongMfaCode.message} In an app, use the entry of this account. If codes keep being refused, "
                "check that your phone sets its clock by itself.",
                request_id=refusal.request_id,
            ) from refusal
        except MfaNotRecognized as refusal:
            raise NextCodeNeeded(
                "AWS could not check this code. Either the device was set up a moment ago, or there were too "
                "many tries. Wait a minute, then type the code your device shows.",
                request_id=refusal.request_id,
            ) from refusal
        except NoResponse as silence:
            raise CodeOutcomeUnknown from silence
