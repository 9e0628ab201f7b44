"""The words of the audit log: what can be attempted, and where an attempt stands."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from app.audit.chain import KEY_CHANGED, SHORTENED


class Event(StrEnum):
    """What can be attempted."""

    SIGN_IN = "sign-in"
    SIGN_OUT = "sign-out"
    SESSION_ENDED = "session-ended"
    MFA_DEVICE_CREATED = "mfa-device-created"
    MFA_DEVICE_DELETED = "mfa-device-deleted"
    MFA_DEVICE_ENABLED = "mfa-device-enabled"
    MFA_DEVICE_DEACTIVATED = "mfa-device-deactivated"
    MFA_DEVICE_RESYNCED = "mfa-device-resynced"
    MFA_SESSION = "mfa-session"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 # an event
    PASSWORD_SET = "password-set"  # noqa: S105 # an event
    PASSWORD_REMOVED = "password-removed"  # noqa: S105 # an event
    ACCESS_KEY_CREATED = "access-key-created"
    ACCESS_KEY_UNSAVED = "access-key-unsaved"
    ACCESS_KEY_SAVED = "access-key-saved"
    ACCESS_KEY_ACTIVATED = "access-key-activated"
    ACCESS_KEY_DEACTIVATED = "access-key-deactivated"
    ACCESS_KEY_DELETED = "access-key-deleted"
    SSH_KEY_UPLOADED = "ssh-key-uploaded"
    SSH_KEY_ACTIVATED = "ssh-key-activated"
    SSH_KEY_DEACTIVATED = "ssh-key-deactivated"
    SSH_KEY_DELETED = "ssh-key-deleted"
    CERTIFICATE_UPLOADED = "certificate-uploaded"
    CERTIFICATE_ACTIVATED = "certificate-activated"
    CERTIFICATE_DEACTIVATED = "certificate-deactivated"
    CERTIFICATE_DELETED = "certificate-deleted"
    COMPLIANCE_REFRESHED = "compliance-refreshed"
    CREDENTIAL_REPORT_TAKEN = "credential-report-taken"
    EXCEPTION_ADDED = "exception-added"
    EXCEPTION_ENDED = "exception-ended"
    SOMEBODYS_SESSIONS_ENDED = "somebodys-sessions-ended"
    COMPLIANCE_EXPORTED = "compliance-exported"
    AUDIT_LOG_EXPORTED = "record-exported"
    AUDIT_LOG_SHORTENED = SHORTENED
    AUDIT_LOG_KEY_CHANGED = KEY_CHANGED


class Phase(StrEnum):
    """Where an attempt stands; the latest row of it counts."""

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
