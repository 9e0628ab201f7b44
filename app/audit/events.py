"""The words of the audit log: events that can be attempted, and the phases of an attempt."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Self

from app.audit.chain import KEY_CHANGED, SHORTENED


class Event(StrEnum):
    """What can be attempted: the name that is stored, and labels for when it was done and when it was tried."""

    done: str
    tried: str

    def __new__(cls, name: str, done: str = "", tried: str = "") -> Self:
        event = str.__new__(cls, name)
        event._value_, event.done, event.tried = name, done, tried
        return event

    SIGN_IN = "sign-in", "Signed in", "Tried to sign in"
    SIGN_OUT = "sign-out", "Signed out", "Tried to sign out"
    SESSION_ENDED = "session-ended", "Ended a session", "Tried to end a session"
    MFA_DEVICE_CREATED = (
        "mfa-device-created",
        "Began to set up an MFA device",
        "Tried to begin setting up an MFA device",
    )
    MFA_DEVICE_DELETED = "mfa-device-deleted", "Deleted a virtual MFA device", "Tried to delete a virtual MFA device"
    MFA_DEVICE_ENABLED = "mfa-device-enabled", "Enabled an MFA device", "Tried to enable an MFA device"
    MFA_DEVICE_DEACTIVATED = (
        "mfa-device-deactivated",
        "Deactivated an MFA device",
        "Tried to deactivate an MFA device",
    )
    MFA_DEVICE_RESYNCED = "mfa-device-resynced", "Resynced an MFA device", "Tried to resync an MFA device"
    MFA_SESSION = "mfa-session", "Gave an MFA code", "Gave an MFA code that did not count"
    PASSWORD_CHANGED = "password-changed", "Changed the console password", "Tried to change the console password"
    PASSWORD_SET = "password-set", "Set a new console password", "Tried to set a new console password"
    PASSWORD_REMOVED = "password-removed", "Removed the console password", "Tried to remove the console password"
    ACCESS_KEY_CREATED = "access-key-created", "Created an access key", "Tried to create an access key"
    ACCESS_KEY_UNSAVED = (
        "access-key-unsaved",
        "Lost the secret of a new access key",
        "Lost the secret of a new access key",
    )
    ACCESS_KEY_SAVED = (
        "access-key-saved",
        "Saved the secret of a new access key",
        "Tried to save the secret of a new key",
    )
    ACCESS_KEY_ACTIVATED = "access-key-activated", "Activated an access key", "Tried to activate an access key"
    ACCESS_KEY_DEACTIVATED = (
        "access-key-deactivated",
        "Deactivated an access key",
        "Tried to deactivate an access key",
    )
    ACCESS_KEY_SEEN_INACTIVE = (
        "access-key-seen-inactive",
        "Saw that an access key was deactivated elsewhere",
        "Saw that an access key was deactivated elsewhere",
    )
    ACCESS_KEY_SEEN_ACTIVE = (
        "access-key-seen-active",
        "Saw that an access key was activated elsewhere",
        "Saw that an access key was activated elsewhere",
    )
    ACCESS_KEY_DELETED = "access-key-deleted", "Deleted an access key", "Tried to delete an access key"
    SSH_KEY_UPLOADED = "ssh-key-uploaded", "Uploaded an SSH key", "Tried to upload an SSH key"
    SSH_KEY_ACTIVATED = "ssh-key-activated", "Activated an SSH key", "Tried to activate an SSH key"
    SSH_KEY_DEACTIVATED = "ssh-key-deactivated", "Deactivated an SSH key", "Tried to deactivate an SSH key"
    SSH_KEY_DELETED = "ssh-key-deleted", "Deleted an SSH key", "Tried to delete an SSH key"
    CERTIFICATE_UPLOADED = (
        "certificate-uploaded",
        "Uploaded a signing certificate",
        "Tried to upload a signing certificate",
    )
    CERTIFICATE_ACTIVATED = (
        "certificate-activated",
        "Activated a signing certificate",
        "Tried to activate a signing certificate",
    )
    CERTIFICATE_DEACTIVATED = (
        "certificate-deactivated",
        "Deactivated a signing certificate",
        "Tried to deactivate a signing certificate",
    )
    CERTIFICATE_DELETED = (
        "certificate-deleted",
        "Deleted a signing certificate",
        "Tried to delete a signing certificate",
    )
    COMPLIANCE_REFRESHED = (
        "compliance-refreshed",
        "Refreshed the compliance pages",
        "Tried to refresh the compliance pages",
    )
    CREDENTIAL_REPORT_TAKEN = (
        "credential-report-taken",
        "Brought a credential report",
        "Tried to bring a credential report",
    )
    EXCEPTION_ADDED = "exception-added", "Made an exception", "Tried to make an exception"
    EXCEPTION_ENDED = "exception-ended", "Ended an exception", "Tried to end an exception"
    SOMEBODYS_SESSIONS_ENDED = (
        "somebodys-sessions-ended",
        "Ended somebody’s sessions",
        "Tried to end somebody’s sessions",
    )
    COMPLIANCE_EXPORTED = "compliance-exported", "Exported compliance findings", "Tried to export compliance findings"
    AUDIT_LOG_EXPORTED = "record-exported", "Exported the audit log", "Tried to export the audit log"
    AUDIT_LOG_SHORTENED = SHORTENED, "Retention removed older entries", "Retention tried to remove older entries"
    AUDIT_LOG_KEY_CHANGED = (
        KEY_CHANGED,
        "Changed the key of the audit log",
        "Tried to change the key of the audit log",
    )


class Phase(StrEnum):
    """The phase of an attempt. The latest row of an attempt counts."""

    INTENDED = "intended"
    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    FOUND_DONE = "found-done"
    """AWS was asked later, and it had happened."""
    FOUND_UNDONE = "found-undone"


OPEN = (Phase.INTENDED, Phase.UNKNOWN)
HAPPENED = (Phase.DONE, Phase.FOUND_DONE)
STILL_RUNNING = timedelta(seconds=60)
"""An intent this young may still get its outcome: no request lasts longer."""
SPREADING = timedelta(seconds=30)
"""AWS may not yet show a change this young (observed: some 10 to 15 s): that it is not seen proves nothing."""
