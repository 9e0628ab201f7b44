"""The words of the audit log: events that can be attempted, and the phases of an attempt."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Self

from app.audit.chain import KEY_CHANGED, SHORTENED
from app.text.messages import N_


class Event(StrEnum):
    """What can be attempted: the name that is stored, and labels for when it was done and when it was tried.

    The labels are English. Pages translate them.
    """

    done: str
    tried: str

    def __new__(cls, name: str, done: str = "", tried: str = "") -> Self:
        event = str.__new__(cls, name)
        event._value_, event.done, event.tried = name, done, tried
        return event

    SIGN_IN = "sign-in", N_("Signed in"), N_("Tried to sign in")
    SIGN_OUT = "sign-out", N_("Signed out"), N_("Tried to sign out")
    SIGN_OUT_BY_COMPANY = (
        "sign-out-by-company",
        N_("Was signed out by the company’s sign-in"),
        N_("Was to be signed out by the company’s sign-in"),
    )
    SESSION_ENDED = "session-ended", N_("Ended a session"), N_("Tried to end a session")
    MFA_DEVICE_CREATED = (
        "mfa-device-created",
        N_("Started setting up an MFA device"),
        N_("Tried to start setting up an MFA device"),
    )
    MFA_DEVICE_DELETED = (
        "mfa-device-deleted",
        N_("Deleted a virtual MFA device"),
        N_("Tried to delete a virtual MFA device"),
    )
    MFA_DEVICE_ENABLED = (
        "mfa-device-enabled",
        N_("Activated an MFA device"),
        N_("Tried to activate an MFA device"),
    )
    MFA_DEVICE_DEACTIVATED = (
        "mfa-device-deactivated",
        N_("Deactivated an MFA device"),
        N_("Tried to deactivate an MFA device"),
    )
    MFA_DEVICE_RESYNCED = (
        "mfa-device-resynced",
        N_("Fixed rejected codes of an MFA device"),
        N_("Tried to fix rejected codes of an MFA device"),
    )
    MFA_SESSION = "mfa-session", N_("Entered an MFA code"), N_("Entered an MFA code that wasn’t accepted")
    PASSWORD_CHANGED = (
        "password-changed",
        N_("Changed the console password"),
        N_("Tried to change the console password"),
    )
    PASSWORD_SET = (
        "password-set",
        N_("Set a new console password"),
        N_("Tried to set a new console password"),
    )
    PASSWORD_REMOVED = (
        "password-removed",
        N_("Removed the console password"),
        N_("Tried to remove the console password"),
    )
    ACCESS_KEY_CREATED = "access-key-created", N_("Created an access key"), N_("Tried to create an access key")
    ACCESS_KEY_UNSAVED = (
        "access-key-unsaved",
        N_("Lost the secret of a new access key"),
        N_("Lost the secret of a new access key"),
    )
    ACCESS_KEY_SAVED = (
        "access-key-saved",
        N_("Saved the secret of a new access key"),
        N_("Tried to save the secret of a new access key"),
    )
    ACCESS_KEY_ACTIVATED = (
        "access-key-activated",
        N_("Activated an access key"),
        N_("Tried to activate an access key"),
    )
    ACCESS_KEY_DEACTIVATED = (
        "access-key-deactivated",
        N_("Deactivated an access key"),
        N_("Tried to deactivate an access key"),
    )
    ACCESS_KEY_SEEN_INACTIVE = (
        "access-key-seen-inactive",
        N_("An access key was deactivated elsewhere"),
        N_("An access key was deactivated elsewhere"),
    )
    ACCESS_KEY_SEEN_ACTIVE = (
        "access-key-seen-active",
        N_("An access key was activated elsewhere"),
        N_("An access key was activated elsewhere"),
    )
    CREDENTIAL_LABELED = (
        "credential-labeled",
        N_("Changed the name or note of a credential"),
        N_("Tried to change the name or note of a credential"),
    )
    ACCESS_KEY_DELETED = "access-key-deleted", N_("Deleted an access key"), N_("Tried to delete an access key")
    SSH_KEY_UPLOADED = "ssh-key-uploaded", N_("Uploaded an SSH key"), N_("Tried to upload an SSH key")
    SSH_KEY_ACTIVATED = "ssh-key-activated", N_("Activated an SSH key"), N_("Tried to activate an SSH key")
    SSH_KEY_DEACTIVATED = "ssh-key-deactivated", N_("Deactivated an SSH key"), N_("Tried to deactivate an SSH key")
    SSH_KEY_DELETED = "ssh-key-deleted", N_("Deleted an SSH key"), N_("Tried to delete an SSH key")
    CERTIFICATE_UPLOADED = (
        "certificate-uploaded",
        N_("Uploaded a signing certificate"),
        N_("Tried to upload a signing certificate"),
    )
    CERTIFICATE_ACTIVATED = (
        "certificate-activated",
        N_("Activated a signing certificate"),
        N_("Tried to activate a signing certificate"),
    )
    CERTIFICATE_DEACTIVATED = (
        "certificate-deactivated",
        N_("Deactivated a signing certificate"),
        N_("Tried to deactivate a signing certificate"),
    )
    CERTIFICATE_DELETED = (
        "certificate-deleted",
        N_("Deleted a signing certificate"),
        N_("Tried to delete a signing certificate"),
    )
    COMPLIANCE_REFRESHED = (
        "compliance-refreshed",
        N_("Refreshed the compliance data"),
        N_("Tried to refresh the compliance data"),
    )
    CREDENTIAL_REPORT_UPLOADED = (
        "credential-report-taken",
        N_("Uploaded a credential report"),
        N_("Tried to upload a credential report"),
    )
    DETAILS_UPLOADED = (
        "details-taken",
        N_("Uploaded authorization details"),
        N_("Tried to upload authorization details"),
    )
    EXCEPTION_ADDED = "exception-added", N_("Added an exception"), N_("Tried to add an exception")
    EXCEPTION_REQUESTED = "exception-requested", N_("Asked for an exception"), N_("Tried to ask for an exception")
    EXCEPTION_APPROVED = "exception-approved", N_("Approved an exception"), N_("Tried to approve an exception")
    EXCEPTION_ENDED = "exception-ended", N_("Ended an exception"), N_("Tried to end an exception")
    EXCEPTION_RESTORED = "exception-restored", N_("Restored an exception"), N_("Tried to restore an exception")
    USER_SESSIONS_ENDED = (
        "somebodys-sessions-ended",
        N_("Ended another user’s sessions"),
        N_("Tried to end another user’s sessions"),
    )
    COMPLIANCE_EXPORTED = (
        "compliance-exported",
        N_("Exported compliance findings"),
        N_("Tried to export compliance findings"),
    )
    NOTICES_SENT = "notices-sent", N_("Sent notices"), N_("Tried to send notices")
    NOTICE_SENT_AGAIN = "notice-sent-again", N_("Sent a notice again"), N_("Tried to send a notice again")
    NOTICE_CANCELLED = "notice-cancelled", N_("Cancelled a notice"), N_("Tried to cancel a notice")
    NOTICES_CAME_BACK = (
        "notices-came-back",
        N_("Marked notices that came back"),
        N_("Tried to mark notices that came back"),
    )
    CALENDAR_ADDRESS_CREATED = (
        "calendar-address-created",
        N_("Created an address for a calendar"),
        N_("Tried to create an address for a calendar"),
    )
    CALENDAR_ADDRESS_REMOVED = (
        "calendar-address-removed",
        N_("Removed the address of a calendar"),
        N_("Tried to remove the address of a calendar"),
    )
    CAMPAIGN_CREATED = "campaign-created", N_("Created a campaign"), N_("Tried to create a campaign")
    CAMPAIGN_STARTED = "campaign-started", N_("Started a campaign"), N_("Tried to start a campaign")
    CAMPAIGN_PAUSED = "campaign-paused", N_("Paused a campaign"), N_("Tried to pause a campaign")
    CAMPAIGN_ENDED = "campaign-ended", N_("Ended a campaign"), N_("Tried to end a campaign")
    AUDIT_LOG_EXPORTED = "record-exported", N_("Exported the audit log"), N_("Tried to export the audit log")
    AUDIT_LOG_SHORTENED = (
        SHORTENED,
        N_("Removed entries past the retention period"),
        N_("Tried to remove entries past the retention period"),
    )
    AUDIT_LOG_KEY_CHANGED = (
        KEY_CHANGED,
        N_("Changed the key of the audit log"),
        N_("Tried to change the key of the audit log"),
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


NEW_BROWSER = "new-browser"
"""The remark on a sign-in with a browser that the user hadn't used before."""
OPEN = (Phase.INTENDED, Phase.UNKNOWN)
HAPPENED = (Phase.DONE, Phase.FOUND_DONE)
STILL_RUNNING = timedelta(seconds=60)
"""An intent this young may still get its outcome: no request lasts longer."""
SPREADING = timedelta(seconds=30)
"""AWS may not yet show a change this young (observed: some 10 to 15 s): that it is not seen proves nothing."""
