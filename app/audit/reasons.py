"""Reasons in the audit log: what entries of earlier releases have in place of `PortalError.code`.

Entries are chained, so stored ones are never rewritten. They are translated when they are read.
"""

from __future__ import annotations

FORMER: dict[str, str] = {
    "Already": "key-already-uploaded",
    "AlreadyOn": "mfa-already-enabled",
    "AlreadyRunning": "refresh-already-running",
    "AlreadyThere": "already-exists",
    "AlreadyTwo": "too-many-access-keys",
    "AlreadyYours": "duplicate-ssh-key",
    "AskForNextCode": "next-code-needed",
    "AwsFailure": "aws-server-error",
    "BreaksPasswordPolicy": "password-policy-violation",
    "Busy": "strength-check-busy",
    "BusyChanging": "concurrent-modification",
    "ClockOff": "clock-skew",
    "CodeInDoubt": "code-outcome-unknown",
    "CodeRefused": "code-refused",
    "CredentialsRefused": "credentials-refused",
    "DevicesUnreadable": "devices-unreadable",
    "ExceptedAlready": "exception-already-exists",
    "ForeignState": "foreign-state",
    "Full": "too-many-public-keys",
    "Gone": "not-found",
    "HeldByAnother": "duplicate-certificate",
    "IamRefusesSession": "iam-refuses-session",
    "InDoubt": "no-response",
    "InUse": "in-use",
    "LastDevice": "last-device",
    "LeftBehind": "device-not-deleted",
    "LeftoverInTheWay": "leftover-device",
    "MfaNotRecognized": "mfa-not-recognized",
    "MfaSessionNeeded": "mfa-session-needed",
    "NameTaken": "device-name-taken",
    "NoCredentials": "no-credentials",
    "NoPassword": "no-password",
    "NoRoom": "no-replacement-allowed",
    "NoSuchPerson": "user-not-found",
    "NoWayBack": "would-lock-out",
    "NotAReport": "not-a-report",
    "NotAcceptable": "invalid-value",
    "NotAllowed": "not-allowed",
    "NotForThisPortal": "not-for-this-portal",
    "NotKnownYet": "key-not-active-yet",
    "NotRecorded": "not-recorded",
    "NotSaved": "wrong-last-characters",
    "NotTaken": "public-key-refused",
    "NotTheCode": "invalid-verification-code",
    "NotUsable": "pasted-text-refused",
    "OnlySecurityKeys": "only-security-keys",
    "Overtaken": "refresh-replaced",
    "PasswordWasChanged": "password-was-changed",
    "Pkcs12Pasted": "pkcs12-pasted",
    "PortalError": "failed",
    "PrivateKeyPasted": "private-key-pasted",
    "QuotaReached": "quota-exceeded",
    "RefreshRefused": "renewal-refused",
    "Refused": "refused",
    "SecretLost": "secret-lost",
    "SessionEnded": "refresh-session-expired",
    "SessionExpired": "session-expired",
    "SignInNotPermitted": "sign-in-not-permitted",
    "SignInOver": "sign-in-expired",
    "SignedInWithoutCode": "signed-in-without-code",
    "SomeoneElse": "different-user",
    "SpentCode": "code-already-used",
    "StaleCodes": "stale-codes",
    "StartedElsewhere": "enrollment-replaced",
    "Stopped": "refresh-stopped",
    "Throttled": "throttled",
    "Unanswered": "no-response",
    "Weak": "weak-password",
    "WrongKind": "wrong-key-type",
    "WrongMfaCode": "wrong-mfa-code",
    "WrongOldPassword": "wrong-old-password",
    "WrongSecret": "wrong-secret",
}
"""Name of an error's class, which releases before `PortalError.code` stored, to its code now. It never changes.

Two classes were called InDoubt. Both meant that AWS didn't answer.
"""


def code_of(stored: str) -> str:
    """Return the code for the reason of any entry, "" for none. An unknown reason is returned as it is."""
    return FORMER.get(stored, stored)


def stored_as(code: str) -> tuple[str, ...]:
    """Return every value that the reason column may have for a code, to use in a query."""
    return (code, *(name for name, now in FORMER.items() if now == code))
