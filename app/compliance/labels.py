"""The labels of findings, and messages to users with the page that fixes each finding."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from flask import current_app, url_for

from app.compliance.data.kept_sources import How
from app.compliance.data.queries import RuleFinding
from app.compliance.rules.subjects import Seen, Source
from app.compliance.rules.table import BY_ID, GROUPS
from app.compliance.rules.verdicts import Fix, State
from app.compliance.standard_results import ItemState
from app.places import LATCHKEY
from app.text.messages import N_, _, administrator, ngettext

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
    "tls_number": N_("number of TLS certificates"),
    "tls_certificates": N_("TLS certificates"),
}
SOURCES = {
    Source.USER_LIST: N_("refresh from AWS"),
    Source.REPORT: N_("credential report"),
    Source.SELF: N_("the user’s visit"),
    Source.DETAILS: N_("authorization details"),
}
HOW = {
    How.UPLOADED: N_("uploaded on a page"),
    How.FETCHED: N_("fetched from AWS"),
    How.IMPORTED: N_("imported by a command"),
}
"""How a source came."""

GET_REPORT = "aws iam generate-credential-report\naws iam get-credential-report > report.json"
"""The commands that get a credential report."""
GET_DETAILS = "aws iam get-account-authorization-details --output json > details.json"
"""The command that gets authorization details."""


def cron_line(account_id: str) -> str:
    """Return the command that keeps an account's data fresh. Its profile is a placeholder."""
    return f"{LATCHKEY} compliance refresh --report --details --quiet --profile PROFILE-{account_id}"


def to_sandbox(url: str) -> str:
    """Return the command that directs the AWS CLI to the sandbox. url: where it listens."""
    return f"export AWS_ENDPOINT_URL={url} AWS_DEFAULT_REGION=us-east-1"


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
    """Return the findings without those that another one covers, so that each problem is mentioned once."""
    found = list(findings)
    alike = {(finding.rule.id, finding.verdict.state) for finding in found}
    return [finding for finding in found if (finding.rule.part_of, finding.verdict.state) not in alike]


_ROTATE_IF_USED = Fix("access_keys.index", N_("Rotate it if you still use it"))


def advice(findings: Iterable[RuleFinding]) -> list[RuleFinding]:
    """Return the failing findings to tell a user, each credential once.

    A key to delete isn't also listed as one to rotate, and a password that was never used is listed only as that.
    """
    failing = {finding.rule.id: finding for finding in one_each(findings) if finding.verdict.state is State.FAIL}
    unused = failing["unused"].fix if "unused" in failing else None
    if unused and unused.endpoint == "access_keys.index":
        failing.pop("key-at-creation", None)
    if unused and unused.endpoint == "password.index" and "signed-in" in failing:
        del failing["unused"]
    if "key-age" in failing and (unused or "key-at-creation" in failing):
        old = failing["key-age"]
        failing["key-age"] = replace(old, verdict=old.verdict._replace(fix=_ROTATE_IF_USED))
    return list(failing.values())


def message(user_name: str, account: str, findings: Iterable[RuleFinding]) -> str:
    """Return what to write to a user: each failing finding with the page that fixes it, "" where none fails."""
    failing = advice(findings)
    if not failing:
        return ""
    lines = [
        _("Hello %(name)s,", name=user_name),
        "",
        _("Some of your credentials in AWS account %(account)s need your attention:", account=account),
        "",
    ]
    for finding in failing:
        sentence, fix = _(finding.rule.message), finding.fix
        if fix:
            lines += [_("- %(finding)s", finding=sentence), f"  {_(fix.action)}: {address(fix)}"]
        else:
            lines.append(_("- %(finding)s", finding=sentence))
    return "\n".join([*lines, "", _("Thank you!")])


SEE_WHAT_TO_DO = Fix("overview.index", N_("Open this page and sign in. It shows what to do"))
"""Where users are sent who have different things to do."""


def announcement(rule: str, account: str) -> str:
    """Return one message for all users of a filter, with what to do and where.

    rule: id of a rule or group, "" for any. account: the account's ID or name.
    """
    asked = BY_ID.get(GROUPS[rule].first if rule in GROUPS else rule)
    if asked and asked.fix and asked.fix == BY_ID["mfa"].fix:
        todo = [
            _("Your IAM user in AWS account %(account)s has no MFA yet.", account=account),
            _("With MFA, AWS also asks for a code from your phone when you sign in. It takes two minutes:"),
            "",
            _("1. Install an authenticator app on your phone, if you have none."),
            _("2. Open %(address)s and sign in.", address=address(asked.fix)),
            _("3. Choose “Set up MFA” and follow the steps."),
        ]
    else:
        page, said = SEE_WHAT_TO_DO, _("Some of your credentials need your attention.")
        if asked and asked.fix and not asked.several_fixes:
            page, said = asked.fix, _(asked.message)
        todo = [
            _("This is about your IAM user in AWS account %(account)s.", account=account),
            said,
            _("%(action)s: %(address)s", action=_(page.action), address=address(page)),
        ]
    closing = _(
        "We never ask you for a code, a password or a secret access key by mail. If you have questions, ask "
        "%(administrator)s.",
        administrator=administrator(),
    )
    return "\n".join([_("Hello,"), "", *todo, "", closing])


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
