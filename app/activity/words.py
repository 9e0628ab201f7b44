"""Labels of the audit log: what was done, what came of it, and why."""

from __future__ import annotations

from typing import NamedTuple

from app.activity.queries import Entry
from app.audit.events import HAPPENED, Event, Phase
from app.audit.log import COMMAND_LINE
from app.text.browser_names import browser_name


class Words(NamedTuple):
    """An event as something that was done, and as something that was tried."""

    done: str
    tried: str


EVENTS: dict[str, Words] = {event.value: Words(event.done, event.tried) for event in Event}

OF_ADMINS = frozenset(
    {
        Event.COMPLIANCE_REFRESHED,
        Event.CREDENTIAL_REPORT_TAKEN,
        Event.EXCEPTION_ADDED,
        Event.EXCEPTION_ENDED,
        Event.SOMEBODYS_SESSIONS_ENDED,
        Event.COMPLIANCE_EXPORTED,
        Event.AUDIT_LOG_EXPORTED,
        Event.AUDIT_LOG_SHORTENED,
        Event.AUDIT_LOG_KEY_CHANGED,
    }
)
"""What nobody else can do."""

OUTCOMES: dict[str, str] = {
    Phase.INTENDED: "unknown",
    Phase.DONE: "done",
    Phase.REFUSED: "refused",
    Phase.UNKNOWN: "unknown",
    Phase.FOUND_DONE: "done, found later",
    Phase.FOUND_UNDONE: "did not happen, found later",
}

REASONS: dict[str, str] = {
    "already-exists": "it already existed",
    "aws-server-error": "AWS failed",
    "clock-skew": "the portal’s clock is wrong",
    "code-already-used": "the code was already used",
    "code-may-be-used": "AWS didn’t answer, the code may be used up",
    "code-outcome-unknown": "AWS didn’t answer, the code may be used up",
    "code-refused": "AWS didn’t accept the code",
    "codes-not-consecutive": "the two codes didn’t follow each other",
    "codes-not-of-this-entry": "the codes were of another entry",
    "codes-swapped": "the two codes were swapped",
    "concurrent-modification": "AWS was still applying an earlier change",
    "credentials-refused": "AWS doesn’t know the key, or it is inactive",
    "device-name-taken": "another user has a device of this name",
    "device-not-deleted": "the policy doesn’t allow deleting it",
    "devices-unreadable": "the policy doesn’t allow reading MFA devices",
    "different-user": "another user was signed in to AWS",
    "duplicate-certificate": "another user has it",
    "duplicate-ssh-key": "AWS already has it",
    "enrollment-replaced": "the setup was restarted or cancelled elsewhere",
    "exception-already-exists": "the exception already existed",
    "failed": "it failed",
    "first-code-not-of-this-entry": "the first code was of another entry",
    "foreign-state": "an answer of AWS to another user’s sign-in",
    "iam-refuses-session": "IAM requires MFA first",
    "in-use": "it was in use",
    "invalid-value": "AWS didn’t accept a value",
    "invalid-verification-code": "not the verification code of this sign-in",
    "key-already-uploaded": "the user already had it",
    "key-not-active-yet": "AWS didn’t know the new key yet",
    "last-device": "it was the only MFA device",
    "leftover-device": "an earlier device has the name, and the policy doesn’t allow deleting it",
    "mfa-already-enabled": "MFA was already set up",
    "mfa-not-recognized": "AWS couldn’t check the code",
    "mfa-session-needed": "AWS requires MFA first",
    "next-code-needed": "the code was not accepted",
    "no-credentials": "there were no AWS credentials",
    "no-password": "there was no console password",
    "no-replacement-allowed": "the policy doesn’t allow another device",
    "no-response": "AWS didn’t answer",
    "not-a-report": "not a credential report",
    "not-allowed": "the policy doesn’t allow it",
    "not-for-this-portal": "not an IAM user of this portal’s accounts",
    "not-found": "it no longer existed",
    "not-recorded": "the audit log couldn’t be written",
    "older-qr-code": "the codes were for an older QR code",
    "other-verification-code": "the verification code of another sign-in",
    "only-security-keys": "a security key can’t be used with an access key",
    "password-outcome-unknown": "AWS didn’t answer",
    "password-policy-violation": "it breaks the password policy",
    "password-was-changed": "the password was changed",
    "pasted-text-refused": "not a key or certificate that can be used",
    "pkcs12-pasted": "it usually contains a private key, of which nothing was kept",
    "private-key-pasted": "it was or contained a private key, of which nothing was kept",
    "public-key-refused": "AWS didn’t accept it",
    "quota-exceeded": "AWS allows no more",
    "refresh-already-running": "another refresh was running",
    "refresh-replaced": "another refresh took over",
    "refresh-session-expired": "the session ended during the refresh",
    "refresh-stopped": "another part of the refresh failed",
    "refused": "for another reason",
    "renewal-not-permitted": "the policy no longer allows AWS Sign-In",
    "renewal-refused": "AWS didn’t renew the session",
    "same-code-twice": "the same code was entered twice",
    "second-code-not-of-this-entry": "the second code was of another entry",
    "secret-lost": "AWS created the key, but its secret never arrived",
    "session-expired": "the session had ended",
    "sign-in-expired": "the sign-in at AWS had ended",
    "sign-in-not-permitted": "the policy doesn’t allow AWS Sign-In",
    "signed-in-without-code": "without the MFA code",
    "stale-codes": "the codes were too old",
    "strength-check-busy": "too many passwords were being checked",
    "throttled": "AWS was busy",
    "too-many-access-keys": "there were two access keys already",
    "too-many-public-keys": "AWS allows no more",
    "upload-outcome-unknown": "AWS didn’t answer",
    "user-not-found": "no such user",
    "verification-code-missing": "no verification code",
    "verification-code-not-whole": "not a whole verification code",
    "verification-code-too-long": "longer than a verification code",
    "weak-password": "the password is easy to guess",
    "would-lock-out": "the user would have been locked out",
    "wrong-key-type": "CodeCommit doesn’t take this type of key",
    "wrong-last-characters": "not the end of the new secret",
    "wrong-mfa-code": "wrong or used code",
    "wrong-old-password": "wrong current password",
    "wrong-secret": "wrong secret access key",
}
"""By `PortalError.code`: why something was refused, or its outcome isn't known."""


def said(entry: Entry) -> str:
    """What was done or tried, "Enabled an MFA device"."""
    words = EVENTS.get(entry.event, Words(entry.event, entry.event))
    return words.done if entry.phase in HAPPENED else words.tried


def outcome(entry: Entry) -> str:
    """What became of it, "refused: wrong or used code"."""
    if entry.under_way:
        return "under way"
    told = OUTCOMES.get(entry.phase, entry.phase)
    reason = REASONS.get(entry.reason, entry.reason)
    return f"{told}: {reason}" if reason else told


def by_command(entry: Entry) -> bool:
    """Was it a command on the portal's machine? Whatever came through the web has an address."""
    return not entry.address


def who(entry: Entry) -> str:
    """Return the user's name for the beginning of an entry."""
    return entry.user_name or ("A command" if by_command(entry) else "Someone")


def where(entry: Entry) -> str:
    """From where: "Firefox on Linux · 192.0.2.7", or "a command on ..., run by root"."""
    if not by_command(entry):
        return f"{browser_name(entry.user_agent)} · {entry.address}"
    login = entry.user_agent.removeprefix(COMMAND_LINE)
    return "a command on the portal’s machine" + (f", run by {login}" if login else "")
