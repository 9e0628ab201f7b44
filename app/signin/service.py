"""Signing in with an access key: whose it is, whether they have MFA, and whether they may sign in."""

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
from app.text.messages import N_, _, ask_admin


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
    message = N_("AWS didn’t answer, and your code may be used up. Enter the next code your device shows.")


class NextCodeNeeded(Refused):
    """The code is spent, or AWS cannot check it: the next one is needed."""

    code = "next-code-needed"
    field = "code"


NOTE_ABOUT_THE_CIRCLE = N_(
    "I have a temporary console password and no MFA yet. Our Force_MFA policy requires MFA before I can change the "
    "password, and AWS requires a new password before I can set up MFA.\n\n"
    "You can fix this for everyone: allow users to change their password before MFA. They need the old password for "
    "it. In the policy’s deny statement, add to NotAction\n"
    '  "iam:ChangePassword", "iam:GetAccountPasswordPolicy"\n\n'
    "Or you can fix it once, for me: keep the password as it is\n"
    "  aws iam update-login-profile --user-name MY-USER-NAME --no-password-reset-required\n\n"
    "Then I sign in, set up MFA, and change the password."
)


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
            _(
                "Your only MFA device is a security key or passkey, which gives no codes. So you can’t sign in with "
                "an access key. Sign in with your user name and password: AWS then asks for the security key."
            )
        )
    return known


def only_users_of(accounts: Collection[str], identity: Identity) -> None:
    """Raises NotForThisPortal for root, roles, federated users and other accounts."""
    if identity.principal_type == "root":
        raise NotForThisPortal(
            _(
                "These credentials belong to the account’s root user. Sign in as an IAM user instead. If the root "
                "user has an access key, delete it."
            )
        )
    if identity.principal_type != "user":
        raise NotForThisPortal(_("These credentials belong to a role or a federated user. Sign in as an IAM user."))
    if identity.account_id not in accounts:
        raise NotForThisPortal(
            _(
                "%(name)s belongs to AWS account %(account)s, which this site doesn’t serve.",
                name=identity.user_name,
                account=identity.account_id,
            )
        )


def why_unreadable(identity: Identity) -> str:
    """What is missing when iam:ListMFADevices is denied, and the line that grants it."""
    if identity.path != "/":
        line = f"arn:{identity.partition}:iam::{identity.account_id}:user/*/${{aws:username}}"
        return _(
            "Your IAM user has the path %(path)s, and your policy covers only users without a path. So AWS doesn’t "
            "let you list your MFA devices (iam:ListMFADevices). %(ask_admin)s to add this line to the Resource "
            'lists of the policy: "%(line)s"',
            path=identity.path,
            line=line,
            ask_admin=ask_admin(),
        )
    return _(
        "AWS doesn’t let you list your MFA devices, so we can’t tell whether you need a code. %(ask_admin)s to allow "
        "iam:ListMFADevices for your user.",
        ask_admin=ask_admin(),
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
                WrongMfaCode.sentence()
                + " "
                + _(
                    "In an app, use the entry for this account. If AWS keeps rejecting your codes, check that your "
                    "phone sets its time automatically."
                ),
                request_id=refusal.request_id,
            ) from refusal
        except MfaNotRecognized as refusal:
            raise NextCodeNeeded(
                _(
                    "AWS couldn’t check this code. You may have set up the device a moment ago, or there were too "
                    "many attempts. Wait a minute, then enter the code your device shows."
                ),
                request_id=refusal.request_id,
            ) from refusal
        except NoResponse as silence:
            raise CodeOutcomeUnknown from silence
