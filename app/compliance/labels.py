"""The labels of findings, and messages to users with the page that fixes each finding."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from flask import current_app, url_for

from app.compliance.data.queries import RuleFinding
from app.compliance.rules.subjects import Seen, Source
from app.compliance.rules.table import BY_ID, GROUPS
from app.compliance.rules.verdicts import Fix, State

STATE_WORDS = {
    State.PASS: "passes",
    State.FAIL: "fails",
    State.UNKNOWN: "not known",
    State.EXCEPTED: "excepted",
}
WORST_FIRST = (State.FAIL, State.UNKNOWN, State.EXCEPTED, State.PASS)
FACTS = {
    "user": "the user",
    "mfa": "MFA devices",
    "password": "whether there is a password",
    "password_last_used": "last use of the password",
    "keys": "access keys",
    "key_use": "last use of access keys",
    "certificates": "signing certificates",
    "ssh_keys": "SSH public keys",
    "root_keys": "root’s access keys",
    "root_mfa": "root’s MFA",
    "root_virtual_mfa": "root’s virtual MFA",
    "root_password": "whether root has a password",
    "root_used_at": "last use of root",
    "password_policy": "the password policy",
}
SOURCES = {
    Source.USER_LIST: "the account’s lists",
    Source.REPORT: "the credential report",
    Source.SELF: "their own visit",
}


def address(fix: Fix) -> str:
    """Return the address of the page where a user can fix a finding, on this portal."""
    return str(current_app.config["PUBLIC_URL"]) + url_for(fix.endpoint)


def source(seen: Seen) -> str:
    """Return where a fact comes from, as in "the credential report, 3 May 2026, 10:00 UTC"."""
    return f"{SOURCES[seen.source]} of {seen.at:%-d %B %Y, %H:%M} UTC"


def ago(then: datetime, now: datetime) -> str:
    """Return the time between the two, as in "3 hours ago"."""
    passed = now - then
    for size, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        number = passed // size
        if number:
            return f"{number} {name}{'s' if number > 1 else ''} ago"
    return "just now"


def message(user_name: str, account: str, findings: Iterable[RuleFinding]) -> str:
    """Return what to write to a user: each failing finding with the page that fixes it, "" where none fails."""
    failing = [finding for finding in findings if finding.verdict.state is State.FAIL]
    if not failing:
        return ""
    lines = [f"Hello {user_name},", "", f"some of your credentials in AWS account {account} need your attention:", ""]
    told: set[str] = set()
    for finding in failing:
        if finding.rule.id == "mfa-console" and "mfa" in told:
            continue  # the same device fixes both
        told.add(finding.rule.id)
        fix = finding.fix
        lines.append(f"- {finding.rule.title}: {finding.verdict.sentence}")
        lines.append(f"  {fix.action}: {address(fix)}" if fix else "  Your administrator will look after this one.")
    return "\n".join([*lines, "", "Thank you!"])


def reminders(names: Iterable[str], rule: str) -> str:
    """Return the names to copy, a line each, with the page that fixes the rule or group asked for ("" for any)."""
    asked = BY_ID.get(GROUPS[rule].first if rule in GROUPS else rule)
    fix = (asked and asked.fix) or BY_ID["mfa"].fix
    page = address(fix) if fix else ""
    return "\n".join(f"{name}\t{page}" for name in names)
