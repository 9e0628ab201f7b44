"""The record in plain words."""

from __future__ import annotations

from typing import NamedTuple

from app.activity.queries import Entry
from app.audit.log import COMMAND_LINE, HAPPENED, Event, Phase
from app.text.browser_names import browser_name


class Words(NamedTuple):
    """An event as something that was done, and as something that was tried."""

    done: str
    tried: str


EVENTS: dict[str, Words] = {
    Event.SIGN_IN: Words("Signed in", "Tried to sign in"),
    Event.SIGN_OUT: Words("Signed out", "Tried to sign out"),
    Event.SESSION_ENDED: Words("Ended a session", "Tried to end a session"),
    Event.MFA_DEVICE_CREATED: Words("Began to set up an MFA device", "Tried to begin setting up an MFA device"),
    Event.MFA_DEVICE_DELETED: Words("Deleted a virtual MFA device", "Tried to delete a virtual MFA device"),
    Event.MFA_DEVICE_ENABLED: Words("Enabled an MFA device", "Tried to enable an MFA device"),
    Event.MFA_DEVICE_DEACTIVATED: Words("Deactivated an MFA device", "Tried to deactivate an MFA device"),
    Event.MFA_DEVICE_RESYNCED: Words("Resynced an MFA device", "Tried to resync an MFA device"),
    Event.MFA_SESSION: Words("Gave an MFA code", "Gave an MFA code that did not count"),
    Event.PASSWORD_CHANGED: Words("Changed the console password", "Tried to change the console password"),
    Event.PASSWORD_SET: Words("Set a new console password", "Tried to set a new console password"),
    Event.PASSWORD_REMOVED: Words("Removed the console password", "Tried to remove the console password"),
    Event.ACCESS_KEY_CREATED: Words("Created an access key", "Tried to create an access key"),
    Event.ACCESS_KEY_UNSAVED: Words("Lost the secret of a new access key", "Lost the secret of a new access key"),
    Event.ACCESS_KEY_SAVED: Words("Saved the secret of a new access key", "Tried to save the secret of a new key"),
    Event.ACCESS_KEY_ACTIVATED: Words("Activated an access key", "Tried to activate an access key"),
    Event.ACCESS_KEY_DEACTIVATED: Words("Deactivated an access key", "Tried to deactivate an access key"),
    Event.ACCESS_KEY_DELETED: Words("Deleted an access key", "Tried to delete an access key"),
    Event.SSH_KEY_UPLOADED: Words("Uploaded an SSH key", "Tried to upload an SSH key"),
    Event.SSH_KEY_ACTIVATED: Words("Activated an SSH key", "Tried to activate an SSH key"),
    Event.SSH_KEY_DEACTIVATED: Words("Deactivated an SSH key", "Tried to deactivate an SSH key"),
    Event.SSH_KEY_DELETED: Words("Deleted an SSH key", "Tried to delete an SSH key"),
    Event.CERTIFICATE_UPLOADED: Words("Uploaded a signing certificate", "Tried to upload a signing certificate"),
    Event.CERTIFICATE_ACTIVATED: Words("Activated a signing certificate", "Tried to activate a signing certificate"),
    Event.CERTIFICATE_DEACTIVATED: Words(
        "Deactivated a signing certificate", "Tried to deactivate a signing certificate"
    ),
    Event.CERTIFICATE_DELETED: Words("Deleted a signing certificate", "Tried to delete a signing certificate"),
    Event.COMPLIANCE_REFRESHED: Words("Refreshed the compliance pages", "Tried to refresh the compliance pages"),
    Event.CREDENTIAL_REPORT_TAKEN: Words("Brought a credential report", "Tried to bring a credential report"),
    Event.EXCEPTION_ADDED: Words("Made an exception", "Tried to make an exception"),
    Event.EXCEPTION_ENDED: Words("Ended an exception", "Tried to end an exception"),
    Event.SOMEBODYS_SESSIONS_ENDED: Words("Ended somebody’s sessions", "Tried to end somebody’s sessions"),
    Event.COMPLIANCE_EXPORTED: Words("Exported compliance findings", "Tried to export compliance findings"),
    Event.RECORD_EXPORTED: Words("Exported the record", "Tried to export the record"),
    Event.RECORD_SHORTENED: Words("Retention removed older rows", "Retention tried to remove older rows"),
    Event.RECORD_KEY_CHANGED: Words("Changed the key of the audit log", "Tried to change the key of the audit log"),
}

OF_ADMINS = frozenset(
    {
        Event.COMPLIANCE_REFRESHED,
        Event.CREDENTIAL_REPORT_TAKEN,
        Event.EXCEPTION_ADDED,
        Event.EXCEPTION_ENDED,
        Event.SOMEBODYS_SESSIONS_ENDED,
        Event.COMPLIANCE_EXPORTED,
        Event.RECORD_EXPORTED,
        Event.RECORD_SHORTENED,
        Event.RECORD_KEY_CHANGED,
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

REASONS = {
    "BusyChanging": "AWS was still applying an earlier change",
    "CodeInDoubt": "AWS did not answer, the code may be used up",
    "InDoubt": "AWS did not answer",
    "NotAcceptable": "AWS did not accept a value",
    "Refused": "refused",
    "SessionExpired": "the session had ended",
    "SignInOver": "the sign-in at AWS was over",
    "AskForNextCode": "the code was not accepted",
    "AlreadyOn": "it was enabled already",
    "AlreadyThere": "AWS has it already",
    "AwsFailure": "AWS failed",
    "ClockOff": "the portal’s clock is wrong",
    "BreaksPasswordPolicy": "it breaks the password policy",
    "CodeRefused": "AWS did not accept the code",
    "CredentialsRefused": "AWS does not know the key, or it is inactive",
    "ExceptedAlready": "the exception already exists",
    "DevicesUnreadable": "the policy does not show MFA devices",
    "ForeignState": "an answer of AWS to somebody else’s sign-in",
    "Gone": "it was gone",
    "IamRefusesSession": "IAM wants MFA first",
    "InUse": "it is in use",
    "MfaNotRecognized": "AWS could not check the code",
    "MfaSessionNeeded": "AWS wants MFA first",
    "NotAllowed": "the policy does not allow it",
    "NotForThisPortal": "not an IAM user of this portal’s accounts",
    "OnlySecurityKeys": "a security key cannot be used with an access key",
    "PasswordWasChanged": "the password was changed",
    "QuotaReached": "AWS allows no more",
    "SignInNotPermitted": "the policy does not allow AWS Sign-In",
    "SignedInWithoutCode": "without the MFA code",
    "SomeoneElse": "someone else was signed in to AWS",
    "AlreadyYours": "AWS has it already",
    "HeldByAnother": "another user has it",
    "NotTaken": "AWS does not take it",
    "PrivateKeyPasted": "it was or held a private key, of which nothing was kept",
    "Pkcs12Pasted": "it held a private key as a rule, of which nothing was kept",
    "Throttled": "AWS was busy",
    "Unanswered": "AWS did not answer",
    "WrongMfaCode": "wrong or used code",
    "WrongOldPassword": "wrong current password",
    "WrongSecret": "wrong secret access key",
}


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
    """Whose name stands before what was done."""
    return entry.user_name or ("A command" if by_command(entry) else "Someone")


def where(entry: Entry) -> str:
    """From where: "Firefox on Linux · 192.0.2.7", or "a command on ..., run by root"."""
    if not by_command(entry):
        return f"{browser_name(entry.user_agent)} · {entry.address}"
    login = entry.user_agent.removeprefix(COMMAND_LINE)
    return "a command on the portal’s machine" + (f", run by {login}" if login else "")
