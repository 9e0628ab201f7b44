"""Labels of the audit log: what was done, what came of it, and why."""

from __future__ import annotations

from typing import NamedTuple

from app.activity.queries import Entry
from app.audit.events import HAPPENED, NEW_BROWSER, OPEN, Event, Phase
from app.audit.log import COMMAND_LINE
from app.text.browser_names import browser_name
from app.text.dates import written
from app.text.messages import N_, _


class EventLabels(NamedTuple):
    """Labels of an event: when it was done, and when it was tried."""

    done: str
    tried: str


EVENTS: dict[str, EventLabels] = {event.value: EventLabels(event.done, event.tried) for event in Event}

OF_ADMINS = frozenset(
    {
        Event.COMPLIANCE_REFRESHED,
        Event.CREDENTIAL_REPORT_UPLOADED,
        Event.DETAILS_UPLOADED,
        Event.EXCEPTION_ADDED,
        Event.EXCEPTION_REQUESTED,
        Event.EXCEPTION_APPROVED,
        Event.EXCEPTION_ENDED,
        Event.EXCEPTION_RESTORED,
        Event.USER_SESSIONS_ENDED,
        Event.SIGN_OUT_BY_COMPANY,
        Event.COMPLIANCE_EXPORTED,
        Event.NOTICES_SENT,
        Event.NOTICE_SENT_AGAIN,
        Event.NOTICE_CANCELLED,
        Event.NOTICES_CAME_BACK,
        Event.CAMPAIGN_CREATED,
        Event.CAMPAIGN_STARTED,
        Event.CAMPAIGN_PAUSED,
        Event.CAMPAIGN_ENDED,
        Event.AUDIT_LOG_EXPORTED,
        Event.AUDIT_LOG_SHORTENED,
        Event.AUDIT_LOG_KEY_CHANGED,
    }
)
"""What nobody else can do."""

OUTCOMES: dict[str, str] = {
    Phase.INTENDED: N_("Unknown"),
    Phase.DONE: N_("Done"),
    Phase.REFUSED: N_("Failed"),
    Phase.UNKNOWN: N_("Unknown"),
    Phase.FOUND_DONE: N_("Done (checked later)"),
    Phase.FOUND_UNDONE: N_("Didn’t happen (checked later)"),
}

ICONS = {
    "sign-in": "arrow-right-end-on-rectangle",
    "sign-out": "arrow-left-start-on-rectangle",
    "session": "x-circle",
    "somebodys-sessions": "x-circle",
    "mfa": "device-phone-mobile",
    "password": "lock-closed",
    "access-key": "key",
    "ssh-key": "command-line",
    "certificate": "document-check",
    "credential-report": "arrow-up-tray",
    "compliance": "chart-bar",
    "exception": "shield-exclamation",
}
"""The beginning of an event's name to the icon of its kind."""

REASONS: dict[str, str] = {
    "account-closed": N_("the account is suspended or closed"),
    "account-sync-failed": N_("the account couldn’t be read or stored"),
    "campaign-already-exists": N_("a campaign with this name hadn’t ended"),
    "no-organization": N_("the account belongs to no organization"),
    "not-a-list-of-accounts": N_("the file was no list of accounts"),
    "already-exists": N_("it already existed"),
    "another-person-needed": N_("another administrator must approve it"),
    "aws-server-error": N_("AWS failed"),
    "clock-skew": N_("the portal’s clock is wrong"),
    "code-already-used": N_("the code was already used"),
    "code-may-be-used": N_("AWS didn’t answer, the code may be used up"),
    "code-outcome-unknown": N_("AWS didn’t answer, the code may be used up"),
    "code-refused": N_("AWS didn’t accept the code"),
    "codes-not-consecutive": N_("the two codes didn’t follow each other"),
    "codes-not-of-this-entry": N_("the codes were from another entry"),
    "codes-swapped": N_("the two codes were swapped"),
    "company-logout-refused": N_("the company’s sign-in sent an invalid sign-out"),
    "company-sign-in-no-group": N_("none of their groups may use this portal"),
    "company-sign-in-refused": N_("the company’s sign-in gave an invalid answer"),
    "company-sign-in-unavailable": N_("the company’s sign-in couldn’t be reached"),
    "company-sign-in-without-mfa": N_("the company’s sign-in didn’t confirm MFA"),
    "concurrent-modification": N_("AWS was still applying an earlier change"),
    "credentials-refused": N_("AWS doesn’t know the key, or it is inactive"),
    "device-name-taken": N_("another user has a device with this name"),
    "device-not-deleted": N_("the policy doesn’t allow deleting it"),
    "devices-unreadable": N_("the policy doesn’t allow reading MFA devices"),
    "different-user": N_("another user was signed in to AWS"),
    "duplicate-certificate": N_("another user has it"),
    "duplicate-ssh-key": N_("AWS already has it"),
    "enrollment-replaced": N_("the setup was restarted or cancelled elsewhere"),
    "exception-already-exists": N_("the exception already existed"),
    "failed": N_("it failed"),
    "first-code-not-of-this-entry": N_("the first code was from another entry"),
    "foreign-state": N_("AWS’s answer to another user’s sign-in"),
    "iam-refuses-session": N_("IAM requires MFA first"),
    "in-use": N_("it was in use"),
    "invalid-value": N_("AWS didn’t accept a value"),
    "invalid-verification-code": N_("not the verification code of this sign-in"),
    "key-already-uploaded": N_("the user already had it"),
    "key-not-active-yet": N_("AWS didn’t know the new key yet"),
    "last-device": N_("it was the only MFA device"),
    "leftover-device": N_("an earlier device has the name, and the policy doesn’t allow deleting it"),
    "list-changed": N_("the list had changed meanwhile"),
    "mfa-already-enabled": N_("MFA was already set up"),
    "mfa-not-recognized": N_("AWS couldn’t check the code"),
    "mfa-session-needed": N_("AWS requires MFA first"),
    "next-code-needed": N_("the code was not accepted"),
    "no-credentials": N_("there were no AWS credentials"),
    "no-password": N_("there was no console password"),
    "no-replacement-allowed": N_("the policy doesn’t allow another device"),
    "no-response": N_("AWS didn’t answer"),
    "account-not-watched": N_("the account isn’t one of those of this portal"),
    "no-bucket": N_("there is no such bucket"),
    "object-changed": N_("the object changed while it was read"),
    "no-such-day": N_("there is no list for that day"),
    "nothing-kept": N_("no source from that day is kept"),
    "source-unreadable": N_("a kept source could not be read"),
    "not-a-report": N_("not a credential report"),
    "report-took-too-long": N_("AWS was still creating the credential report"),
    "not-allowed": N_("the policy doesn’t allow it"),
    "not-details": N_("not an account’s authorization details"),
    "not-for-this-portal": N_("not an IAM user of this portal’s accounts"),
    "not-found": N_("it no longer existed"),
    "not-recorded": N_("the audit log couldn’t be written"),
    "older-qr-code": N_("the codes were for an older QR code"),
    "other-verification-code": N_("the verification code of another sign-in"),
    "only-security-keys": N_("a security key can’t be used with an access key"),
    "password-outcome-unknown": N_("AWS didn’t answer"),
    "password-policy-violation": N_("it breaks the password policy"),
    "password-was-changed": N_("the password was changed"),
    "too-many-users": N_("too many users at once"),
    "pasted-text-refused": N_("not a key or certificate that can be used"),
    "pkcs12-pasted": N_("it usually contains a private key, which wasn’t kept"),
    "private-key-pasted": N_("it was or contained a private key, which wasn’t kept"),
    "public-key-refused": N_("AWS didn’t accept it"),
    "quota-exceeded": N_("AWS allows no more"),
    "refresh-already-running": N_("another refresh was running"),
    "refresh-replaced": N_("another refresh took over"),
    "refresh-session-expired": N_("the session ended during the refresh"),
    "refresh-stopped": N_("another part of the refresh failed"),
    "refused": N_("for another reason"),
    "renewal-not-permitted": N_("the policy no longer allows AWS Sign-In"),
    "renewal-refused": N_("AWS didn’t renew the session"),
    "same-code-twice": N_("the same code was entered twice"),
    "second-code-not-of-this-entry": N_("the second code was from another entry"),
    "secret-lost": N_("AWS created the key, but its secret never arrived"),
    "session-expired": N_("the session had ended"),
    "sign-in-expired": N_("the sign-in at AWS had ended"),
    "sign-in-not-permitted": N_("the policy doesn’t allow AWS Sign-In"),
    "signed-in-without-code": N_("without the MFA code"),
    "stale-codes": N_("the codes were too old"),
    "strength-check-busy": N_("too many passwords were being checked"),
    "throttled": N_("AWS was busy"),
    "too-many-access-keys": N_("there were two access keys already"),
    "too-many-public-keys": N_("AWS allows no more"),
    "upload-outcome-unknown": N_("AWS didn’t answer"),
    "user-not-found": N_("no such user"),
    "verification-code-missing": N_("no verification code"),
    "verification-code-not-whole": N_("not a whole verification code"),
    "verification-code-too-long": N_("longer than a verification code"),
    "weak-password": N_("the password is easy to guess"),
    "would-lock-out": N_("the user would have been locked out"),
    "wrong-key-type": N_("CodeCommit doesn’t accept this type of key"),
    "wrong-last-characters": N_("not the end of the new secret"),
    "wrong-mfa-code": N_("wrong or used code"),
    "wrong-old-password": N_("wrong current password"),
    "wrong-secret": N_("wrong secret access key"),
}
"""By `PortalError.code`: why something was refused, or its outcome isn't known."""


def said(entry: Entry) -> str:
    """Return what was done or tried, "Activated an MFA device"."""
    event_labels = EVENTS.get(entry.event)
    if event_labels is None:
        return entry.event
    return _(event_labels.done if entry.phase in HAPPENED else event_labels.tried)


def icon_of(entry: Entry) -> str:
    """Return the name of the icon of the event's kind."""
    return next((icon for kind, icon in ICONS.items() if entry.event.startswith(kind)), "clipboard-document-list")


def tone(entry: Entry) -> str:
    """Return the tone of the outcome: "good", "bad", or "warn" where it isn't known."""
    return "good" if entry.phase in HAPPENED else "warn" if entry.phase in OPEN else "bad"


def outcome(entry: Entry) -> str:
    """Return the label of the outcome, "Failed"."""
    if entry.under_way:
        return _("In progress")
    found = OUTCOMES.get(entry.phase)
    return _(found) if found else entry.phase


_REMARKS = {NEW_BROWSER: N_("with a new browser")}
"""What an entry says besides its outcome where nothing was refused."""


def reason(entry: Entry) -> str:
    """Return the label of the reason, "wrong or used code", or of a remark. "" if there is none."""
    found = REASONS.get(entry.reason) or _REMARKS.get(entry.reason)
    return _(found) if found else entry.reason


def by_command(entry: Entry) -> bool:
    """Was it a command on the portal's machine? Everything that came through the web has an address."""
    return not entry.address


def who(entry: Entry) -> str:
    """Return the user's name for the beginning of an entry."""
    return entry.user_name or (_("A command") if by_command(entry) else _("Someone"))


def where(entry: Entry) -> str:
    """Return from where: "Firefox on Linux, 192.0.2.7", or "a command on ..., run by root"."""
    if not by_command(entry):
        return f"{browser_name(entry.user_agent)}, {entry.address}"
    login = entry.user_agent.removeprefix(COMMAND_LINE)
    if not login:
        return _("a command on the portal’s machine")
    return _("a command on the portal’s machine, run by %(login)s", login=login)


def note(entry: Entry, arn: str) -> str:
    """Return what users send to their administrator about an entry that wasn't caused by them. arn: theirs."""
    why = "" if entry.reason in _REMARKS else reason(entry)
    lines = [
        _("I didn’t do this in Latchkey:"),
        _("%(what)s (%(outcome)s)", what=said(entry), outcome=outcome(entry)),
        *([_("Reason: %(reason)s", reason=why)] if why else []),
        _("User: %(arn)s", arn=arn),
        _("Time: %(time)s", time=written(entry.at, "sortable")),
        *([_("Target: %(target)s", target=entry.target)] if entry.target else []),
        _("From: %(where)s", where=where(entry)),
        *([_("AWS request: %(id)s", id=entry.request_id)] if entry.request_id else []),
        _("Audit log entry: %(number)s", number=entry.seq),
    ]
    return "\n".join(lines)
