"""What can go wrong, as a small tree: AWS's codes in, sentences for people out.

    PortalError
    |-- Refused             AWS said no: nothing changed
    |   |-- NotAllowed (and MfaSessionNeeded, SignInNotPermitted), NotFound, AlreadyExists, InUse, QuotaExceeded,
    |   |-- ConcurrentModification, Throttled, WrongMfaCode, MfaNotRecognized
    |   |-- CredentialsRefused    the key or session itself no longer counts
    |   |   |-- WrongSecret, SessionExpired
    |   |   `-- SignInExpired       a sign-in through AWS Sign-In has ended
    |   |       `-- PasswordWasChanged, RenewalRefused, RenewalNotPermitted
    |   |-- CodeRefused             by AWS Sign-In
    |   |-- InvalidValue            a value AWS does not take
    |   |-- PasswordPolicyViolation, WrongOldPassword
    |   |-- PublicKeyRefused, DuplicateSshKey, DuplicateCertificate   a public key or certificate
    |   `-- ClockSkew
    |-- NoResponse          no usable answer: it may or may not have happened
    |   `-- AwsServerError  AWS said that it failed
    `-- NotRecorded         the audit log can't be written, so AWS wasn't asked

    Use cases add kinds of their own, beside the code that raises them. Each has a `code` of its own, with a label in
    `app.activity.labels`.

A `field` names the form field the refusal is about.
"""

from __future__ import annotations

from typing import ClassVar

from app.text.messages import N_, _, administrator, ask_admin


class PortalError(Exception):
    """Something that a user must learn. `str()` of it is the sentence they read."""

    code: ClassVar[str] = "failed"
    """Stable name of this kind of error, unique: the audit log and metrics have it. It outlives the class's name."""
    diagnoses: ClassVar[frozenset[str]] = frozenset()
    """Stable names of the several things that an error of this kind may tell. docs/errors.md has each."""
    aws_codes: ClassVar[tuple[str, ...]] = ()
    message: ClassVar[str] = N_("Something went wrong. Try again.")
    field: str | None = None
    status: ClassVar[int] = 409

    def __init__(
        self,
        message: str = "",
        *,
        action: str = "",
        request_id: str = "",
        aws_message: str = "",
        field: str | None = None,
        diagnosis: str = "",
    ) -> None:
        super().__init__(message or self.sentence())
        self.diagnosis = diagnosis
        """Which of its `diagnoses` it tells, "cut-short", or with a detail "too-small:1024"; "" for none."""
        self.action = action
        """What was asked of AWS, "iam:ListUsers"; empty where AWS was not asked."""
        self.request_id = request_id
        self.aws_message = aws_message
        """AWS's own words, for telling cases apart; never shown as they are."""
        if field:
            self.field = field

    @classmethod
    def sentence(cls) -> str:
        """Return `message` in the reader's language. `%(ask_admin)s` in it is whom to ask."""
        return _(cls.message, ask_admin=ask_admin(), administrator=administrator())

    @property
    def full_code(self) -> str:
        """Return what a page that shows it is marked with: the code, and the diagnosis where there is one."""
        return f"{self.code}:{self.diagnosis}" if self.diagnosis else self.code


class Refused(PortalError):
    """AWS refused, or the portal did before asking. Nothing was changed."""

    code: ClassVar[str] = "refused"
    message = N_("AWS didn’t accept this. Nothing was changed.")


class NotAllowed(Refused):
    """The user's policy doesn't permit it."""

    code: ClassVar[str] = "not-allowed"
    aws_codes: ClassVar[tuple[str, ...]] = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
    message = N_("Your AWS permissions don’t allow this. Nothing was changed. %(ask_admin)s to allow it.")
    status = 403


class MfaSessionNeeded(NotAllowed):
    """A user with a device needs an MFA session for this, whatever the policy says (AWS-2023-001)."""

    code: ClassVar[str] = "mfa-session-needed"
    aws_codes: ClassVar[tuple[str, ...]] = ()
    message = N_("You already have an MFA device, so AWS needs a code from it first. Sign in again with a code.")


class WrongMfaCode(Refused):
    """The codes aren't the ones the device shows now."""

    code: ClassVar[str] = "wrong-mfa-code"
    aws_codes: ClassVar[tuple[str, ...]] = ("InvalidAuthenticationCode",)
    message = N_("AWS didn’t accept this code. Enter the code your device shows now. Each code works only once.")


class MfaNotRecognized(Refused):
    """STS doesn't recognize the device (yet), or there were too many tries. AWS has one message for both."""

    code: ClassVar[str] = "mfa-not-recognized"
    message = N_("AWS couldn’t check the code yet. Wait a minute, then try again.")


class NotFound(Refused):
    """What this was about does not exist."""

    code: ClassVar[str] = "not-found"
    aws_codes: ClassVar[tuple[str, ...]] = ("NoSuchEntity",)
    message = N_(
        "This no longer exists in AWS. It may have been removed elsewhere. Reload the page to see what’s there now."
    )
    status = 404


class AlreadyExists(Refused):
    """The name is taken."""

    code: ClassVar[str] = "already-exists"
    aws_codes: ClassVar[tuple[str, ...]] = ("EntityAlreadyExists",)
    message = N_("This already exists in AWS. Reload the page to see what’s there now.")


class InUse(Refused):
    """A device that is assigned can't be deleted."""

    code: ClassVar[str] = "in-use"
    aws_codes: ClassVar[tuple[str, ...]] = ("DeleteConflict",)
    message = N_("This MFA device is still in use, so AWS can’t delete it. Deactivate it first.")


class QuotaExceeded(Refused):
    """A quota is reached. Unlike after throttling, trying again doesn't help."""

    code: ClassVar[str] = "quota-exceeded"
    aws_codes: ClassVar[tuple[str, ...]] = ("LimitExceeded",)
    message = N_("You can’t have more of these in AWS. Remove one first, or ask %(administrator)s.")


class ConcurrentModification(Refused):
    """An earlier change is still being applied."""

    code: ClassVar[str] = "concurrent-modification"
    aws_codes: ClassVar[tuple[str, ...]] = ("EntityTemporarilyUnmodifiable", "ConcurrentModification")
    message = N_("AWS is still applying an earlier change, so nothing was changed. Wait a minute, then try again.")


class Throttled(Refused):
    """Too many requests in the account. All users share its limits."""

    code: ClassVar[str] = "throttled"
    aws_codes: ClassVar[tuple[str, ...]] = (
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "SlowDown",
        "TooManyRequestsError",
        "rate_exceeded",
    )
    message = N_(
        "AWS is getting too many requests from your account. Nothing was changed. Wait 30 seconds, then try again."
    )
    status = 503


class InvalidValue(Refused):
    """A value that AWS doesn't accept."""

    code: ClassVar[str] = "invalid-value"
    aws_codes: ClassVar[tuple[str, ...]] = (
        "ValidationError",
        "InvalidInput",
        "InvalidParameterValue",
        "MalformedInput",
    )
    message = N_("AWS didn’t accept one of the values. Nothing was changed. Check what you entered.")


class PasswordPolicyViolation(Refused):
    """The account's password policy doesn't accept the new password."""

    code: ClassVar[str] = "password-policy-violation"
    aws_codes: ClassVar[tuple[str, ...]] = ("PasswordPolicyViolation",)
    message = N_(
        "The new password doesn’t meet your account’s password policy. Nothing was changed. Choose another password."
    )
    field = "new"


class PublicKeyRefused(Refused):
    """AWS can't read a public key or certificate, or doesn't accept it. Its codes don't say which."""

    code: ClassVar[str] = "public-key-refused"
    aws_codes: ClassVar[tuple[str, ...]] = (
        "InvalidPublicKey",
        "UnrecognizedPublicKeyEncoding",
        "MalformedCertificate",
        "InvalidCertificate",
    )
    message = N_(
        "AWS didn’t accept this, although it looks right. Nothing was changed. Create a new one and upload that."
    )
    field = "pasted"


class DuplicateSshKey(Refused):
    """The user already has this SSH key."""

    code: ClassVar[str] = "duplicate-ssh-key"
    aws_codes: ClassVar[tuple[str, ...]] = ("DuplicateSSHPublicKey",)
    message = N_("You’ve already uploaded this key. If it isn’t listed yet, wait a few seconds and reload the list.")
    field = "pasted"


class DuplicateCertificate(Refused):
    """Another user of the account has this certificate."""

    code: ClassVar[str] = "duplicate-certificate"
    aws_codes: ClassVar[tuple[str, ...]] = ("DuplicateCertificate",)
    message = N_(
        "Another user in your account has this certificate, and AWS accepts each certificate only once. Nothing "
        "was changed. If it should be yours, ask %(administrator)s."
    )
    field = "pasted"


class WrongOldPassword(Refused):
    """The current password is wrong, or the new one was used before. AWS gives one answer for both."""

    code: ClassVar[str] = "wrong-old-password"
    message = N_(
        "AWS didn’t accept your current password. Nothing was changed. Check it. If it’s right, you may have used "
        "the new password before: choose another one."
    )
    field = "old"


class CredentialsRefused(Refused):
    """AWS doesn't recognize the key, or it is inactive. AWS gives one answer for both."""

    code: ClassVar[str] = "credentials-refused"
    aws_codes: ClassVar[tuple[str, ...]] = (
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "UnrecognizedClientException",
        "AuthFailure",
    )
    message = N_("AWS doesn’t recognize this access key, or the key is inactive. Check the access key ID.")
    field: str | None = "access_key_id"
    status = 403


class WrongSecret(CredentialsRefused):
    """The signature doesn't match the access key ID."""

    code: ClassVar[str] = "wrong-secret"
    aws_codes: ClassVar[tuple[str, ...]] = ("SignatureDoesNotMatch", "IncompleteSignature")
    message = N_("This secret access key doesn’t belong to the access key ID. Copy it again, all 40 characters.")
    field = "secret_access_key"


class SessionExpired(CredentialsRefused):
    """Temporary credentials have expired."""

    code: ClassVar[str] = "session-expired"
    aws_codes: ClassVar[tuple[str, ...]] = ("ExpiredToken", "ExpiredTokenException", "RequestExpired")
    message = N_("AWS ended this session. Sign in again.")
    field = None


class SignInExpired(CredentialsRefused):
    """A sign-in through AWS Sign-In can't be continued."""

    code: ClassVar[str] = "sign-in-expired"
    aws_codes: ClassVar[tuple[str, ...]] = ("TOKEN_EXPIRED",)
    message = N_("Your AWS sign-in has expired. Sign in again to continue.")
    field = None


class RenewalRefused(SignInExpired):
    """AWS Sign-In doesn't accept its own refresh token: INVALID_REQUEST or TOKEN_EXPIRED, also early (observed)."""

    code: ClassVar[str] = "renewal-refused"
    aws_codes: ClassVar[tuple[str, ...]] = ()
    message = N_(
        "AWS didn’t renew your session. This has nothing to do with a code you entered. Sign in again to continue "
        "where you were."
    )


class RenewalNotPermitted(SignInExpired):
    """The policy doesn't allow AWS Sign-In any more."""

    code: ClassVar[str] = "renewal-not-permitted"
    aws_codes: ClassVar[tuple[str, ...]] = ()
    message = N_(
        "Your permissions no longer allow signing in through AWS Sign-In, so this session ended. Sign in with an "
        "access key, or ask %(administrator)s."
    )


class PasswordWasChanged(SignInExpired):
    """The console password was changed, which ends sessions that began with the old one."""

    code: ClassVar[str] = "password-was-changed"
    aws_codes: ClassVar[tuple[str, ...]] = ("USER_CREDENTIALS_CHANGED",)
    message = N_("Your console password was changed, so AWS ended this session. Sign in with the new password.")


class SignInNotPermitted(NotAllowed):
    """The policy lacks the actions AWS Sign-In needs."""

    code: ClassVar[str] = "sign-in-not-permitted"
    aws_codes: ClassVar[tuple[str, ...]] = ("INSUFFICIENT_PERMISSIONS",)
    message = N_(
        "Your AWS permissions don’t allow signing in this way. Sign in with an access key, or ask %(administrator)s."
    )


class CodeRefused(Refused):
    """AWS Sign-In doesn't accept this code, or this refresh token."""

    code: ClassVar[str] = "code-refused"
    aws_codes: ClassVar[tuple[str, ...]] = (
        "AUTHCODE_EXPIRED",
        "invalid_grant",
        "invalid_request",
        "INVALID_REQUEST",
        "ValidationException",
    )
    message = N_("AWS didn’t accept the code. It may be too old, already used, or incomplete. Sign in again.")


class ClockSkew(Refused):
    """Signatures are refused because the portal's clock differs from AWS's by 15 minutes or more."""

    code: ClassVar[str] = "clock-skew"
    aws_codes: ClassVar[tuple[str, ...]] = ("RequestTimeTooSkewed",)
    message = N_(
        "The clock of this server is wrong, so AWS rejects its requests. Your key is fine. %(ask_admin)s to set "
        "the clock."
    )
    status = 503


class NoResponse(PortalError):
    """No answer from AWS: a change may or may not have happened."""

    code: ClassVar[str] = "no-response"
    message = N_("AWS couldn’t be reached. Try again in a moment.")
    status = 503


class AwsServerError(NoResponse):
    """AWS answered that it failed. The outcome of a change is unknown."""

    code: ClassVar[str] = "aws-server-error"
    aws_codes: ClassVar[tuple[str, ...]] = (
        "ServiceFailure",
        "InternalFailure",
        "InternalError",
        "ServiceUnavailable",
        "InternalServerException",
        "server_error",
        "service_unavailable",
    )
    message = N_("AWS has a problem right now. Try again in a moment.")


class NotRecorded(PortalError):
    """The audit log can't be written, so nothing was attempted."""

    code: ClassVar[str] = "not-recorded"
    message = N_("The audit log can’t be written right now, so nothing was changed. Try again in a moment.")
    status = 503


def _family(error_class: type[PortalError]) -> list[type[PortalError]]:
    return [error_class, *(member for child in error_class.__subclasses__() for member in _family(child))]


MEANING: dict[str, type[PortalError]] = {
    code: error_class for error_class in _family(PortalError) for code in error_class.aws_codes
}
"""AWS error code to the kind of error it is here."""
