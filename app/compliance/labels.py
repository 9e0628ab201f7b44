"""The labels of findings, and messages to users with the page that fixes each finding."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from datetime import datetime, timedelta

from flask import current_app, url_for

from app.compliance.data.queries import RuleFinding
from app.compliance.rules.subjects import Seen, Source
from app.compliance.rules.table import BY_ID, GROUPS
from app.compliance.rules.verdicts import Fix, State
from app.compliance.standard_results import ItemState
from app.text.messages import N_, _, ngettext

STATE_WORDS = {
    State.PASS: N_("passes"),
    State.FAIL: N_("fails"),
    State.UNKNOWN: N_("unknown"),
    State.EXCEPTED: N_("excepted"),
}
TONES = {State.PASS: "good", State.FAIL: "bad", State.UNKNOWN: "warn", State.EXCEPTED: "off"}
"""As pages colour the states."""
ITEM_WORDS = {
    ItemState.FAIL: N_("fails"),
    ItemState.UNKNOWN: N_("unknown"),
    ItemState.EXCEPTED: N_("excepted"),
    ItemState.PASS: N_("passes"),
    ItemState.MANUAL: N_("manual"),
    ItemState.NOT_COVERED: N_("not covered"),
    ItemState.NOT_APPLICABLE: N_("doesn’t apply"),
}
"""Of the items of a standard."""
ITEM_TONES = {
    ItemState.FAIL: "bad", ItemState.UNKNOWN: "warn", ItemState.EXCEPTED: "off", ItemState.PASS: "good",
    ItemState.MANUAL: "off", ItemState.NOT_COVERED: "off", ItemState.NOT_APPLICABLE: "off",
}  # fmt: skip
SEVERITIES = {"low": N_("low"), "medium": N_("medium"), "high": N_("high"), "critical": N_("critical")}
WORST_FIRST = (State.FAIL, State.UNKNOWN, State.EXCEPTED, State.PASS)
FACTS = {
    "user": N_("user"),
    "mfa": N_("MFA devices"),
    "password": N_("password"),
    "password_last_used": N_("last use of the password"),
    "keys": N_("access keys"),
    "key_use": N_("last use of access keys"),
    "certificates": N_("signing certificates"),
    "ssh_keys": N_("SSH keys"),
    "policies": N_("policies"),
    "root_keys": N_("access keys of the root user"),
    "root_mfa": N_("MFA of the root user"),
    "root_virtual_mfa": N_("virtual MFA of the root user"),
    "root_password": N_("password of the root user"),
    "root_used_at": N_("last use of the root user"),
    "password_policy": N_("password policy"),
}
SOURCES = {
    Source.USER_LIST: N_("refresh from AWS"),
    Source.REPORT: N_("credential report"),
    Source.SELF: N_("the user’s visit"),
    Source.DETAILS: N_("authorization details"),
}

GET_REPORT = "aws iam generate-credential-report\naws iam get-credential-report > report.json"
"""The commands that get a credential report."""
GET_DETAILS = "aws iam get-account-authorization-details --output json > details.json"
"""The command that gets authorization details."""


def cron_line(account_id: str) -> str:
    """Return the command that keeps an account's data fresh. Its profile is a placeholder."""
    return f".venv/bin/flask --app wsgi compliance refresh --report --details --quiet --profile PROFILE-{account_id}"


def address(fix: Fix) -> str:
    """Return the address of the page where a user can fix a finding, on this portal."""
    return str(current_app.config["PUBLIC_URL"]) + url_for(fix.endpoint)


def source(seen: Seen) -> str:
    """Return where a fact comes from, as in "credential report, 3 May 2026, 10:00 UTC"."""
    return _("%(source)s, %(time)s UTC", source=_(SOURCES[seen.source]), time=f"{seen.at:%-d %B %Y, %H:%M}")


def ago(then: datetime, now: datetime) -> str:
    """Return the time between the two, as in "3 hours ago"."""
    passed = now - then
    if days := passed // timedelta(days=1):
        return ngettext("%(num)d day ago", "%(num)d days ago", days)
    if hours := passed // timedelta(hours=1):
        return ngettext("%(num)d hour ago", "%(num)d hours ago", hours)
    if minutes := passed // timedelta(minutes=1):
        return ngettext("%(num)d minute ago", "%(num)d minutes ago", minutes)
    return _("just now")


def one_each(findings: Iterable[RuleFinding]) -> list[RuleFinding]:
    """Return the findings without those that another one is about as well: one problem is told once."""
    found = list(findings)
    alike = {(finding.rule.id, finding.verdict.state) for finding in found}
    return [finding for finding in found if (finding.rule.part_of, finding.verdict.state) not in alike]


def message(user_name: str, account: str, findings: Iterable[RuleFinding]) -> str:
    """Return what to write to a user: each failing finding with the page that fixes it, "" where none fails."""
    failing = [finding for finding in one_each(findings) if finding.verdict.state is State.FAIL]
    if not failing:
        return ""
    lines = [
        _("Hello %(name)s,", name=user_name),
        "",
        _("Some of your credentials in AWS account %(account)s need your attention:", account=account),
        "",
    ]
    for finding in failing:
        told, fix = _(finding.rule.told), finding.fix
        if fix:
            lines += [_("- %(finding)s", finding=told), f"  {_(fix.action)}: {address(fix)}"]
        else:
            lines.append(_("- %(finding)s", finding=told))
    return "\n".join([*lines, "", _("Thank you!")])


def _fix_of(rule: str) -> Fix | None:
    """Return where users fix the rule or group of a filter ("" for any)."""
    asked = BY_ID.get(GROUPS[rule].first if rule in GROUPS else rule)
    return (asked and asked.fix) or BY_ID["mfa"].fix


def announcement(rule: str) -> str:
    """Return one message for all users of a filter, with the page that fixes its rule or group ("" for any)."""
    asked = BY_ID.get(GROUPS[rule].first if rule in GROUPS else rule)
    fix = _fix_of(rule)
    said = _(asked.told) if asked and asked.fix else _("Some of your AWS credentials need your attention.")
    lines = [_("Hello,"), "", said]
    if fix:
        lines.append(f"{_(fix.action)}: {address(fix)}")
    return "\n".join([*lines, "", _("Thank you!")])


def mfa_reset(user_name: str) -> str:
    """Return the commands with which an administrator removes a user's MFA devices. Names have no blanks at AWS."""
    name = shlex.quote(user_name)
    return "\n".join(
        [
            f"aws iam list-mfa-devices --user-name {name} --query 'MFADevices[].SerialNumber'",
            f"aws iam deactivate-mfa-device --user-name {name} --serial-number SERIAL",
            "aws iam delete-virtual-mfa-device --serial-number SERIAL",
        ]
    )
