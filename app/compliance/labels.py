"""What people are told about findings, with the way to the exact fix."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from flask import current_app, url_for

from app.compliance.data.queries import RuleFinding
from app.compliance.rules.subjects import Seen, Source
from app.compliance.rules.table import BY_ID, TWINS
from app.compliance.rules.verdicts import State, Verdict

FIXES = {
    "mfa": ("overview.index", "Set up an MFA device"),
    "mfa-console": ("overview.index", "Set up an MFA device"),
    "key-age": ("access_keys.index", "Replace the access key"),
    "one-active-key": ("access_keys.index", "Retire the access key you no longer use"),
    "unused": ("password.index", "Remove the password you do not use"),
    "key-at-creation": ("access_keys.index", "Delete the access key you never used"),
    "signed-in": ("overview.index", "Sign in once, or have the password removed"),
    "certificate-age": ("certificates.index", "Replace the signing certificate"),
    "ssh-key-age": ("ssh_keys.index", "Replace the SSH public key"),
}
"""Rule to page, and to what is to be done there. What is missing here, only an administrator can put right."""
SHORT = {
    "mfa": "no MFA",
    "mfa-console": "no MFA at the console",
    "key-age": "old access key",
    "one-active-key": "two active keys",
    "unused": "unused",
    "key-at-creation": "key made with the user",
    "signed-in": "never signed in",
    "certificate-age": "old certificate",
    "ssh-key-age": "old SSH key",
    "within-reach": "out of the policy’s reach",
}
"""Rule to the finding, in a list."""
SHORT |= {twin.id: f"{SHORT[twin.twin_of]}, by CIS" for twin in TWINS if twin.twin_of in SHORT}
WHO = {
    "within-reach": "Only people with an IAM path can be out of its reach.",
}
"""Rule to whom it is about and why, where its title alone leaves one guessing."""
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
    Source.ROSTER: "the account’s lists",
    Source.REPORT: "the credential report",
    Source.SELF: "their own visit",
}


def fix(rule: str, verdict: Verdict | None = None) -> tuple[str, str]:
    """Address and words of the page that puts a finding right; ("", "") where only an administrator can."""
    rule = BY_ID[rule].twin_of or rule if rule in BY_ID else rule
    endpoint, what = FIXES.get(rule, ("", ""))
    if rule == "unused" and verdict and "access key" in verdict.why:
        endpoint, what = "access_keys.index", "Delete the access key you do not use"
    if not endpoint:
        return "", ""
    return str(current_app.config["PUBLIC_URL"]) + url_for(endpoint), what


def source(seen: Seen) -> str:
    """ "the credential report of 3 May 2026, 10:00 UTC"."""
    return f"{SOURCES[seen.source]} of {seen.at:%-d %B %Y, %H:%M} UTC"


def ago(then: datetime, now: datetime) -> str:
    """ "3 hours ago"."""
    passed = now - then
    for size, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        number = passed // size
        if number:
            return f"{number} {name}{'s' if number > 1 else ''} ago"
    return "just now"


def message(user_name: str, account: str, findings: Iterable[RuleFinding]) -> str:
    """What to write to somebody: each finding with the way to its fix."""
    failing = [finding for finding in findings if finding.verdict.state is State.FAIL]
    if not failing:
        return ""
    lines = [f"Hello {user_name},", "", f"some of your credentials in AWS account {account} need your attention:", ""]
    told: set[str] = set()
    for finding in failing:
        address, what = fix(finding.rule.id, finding.verdict)
        if finding.rule.id == "mfa-console" and "mfa" in told:
            continue  # the same device puts both right
        told.add(finding.rule.id)
        lines.append(f"- {finding.rule.title}: {finding.verdict.sentence}")
        lines.append(f"  {what}: {address}" if address else "  Your administrator will look after this one.")
    return "\n".join([*lines, "", "Thank you!"])


def reminders(names: Iterable[str], rules: Sequence[str]) -> str:
    """Names to copy, a line each, with the page that puts the first of the rules right."""
    address = next((found for rule in rules if (found := fix(rule)[0])), fix("mfa")[0])
    return "\n".join(f"{name}\t{address}" for name in names)
