"""The rules about the account: how each judges, and at the end of the file the table of them. Pure."""

from __future__ import annotations

from datetime import timedelta

from app.compliance.rules.rule import Rule
from app.compliance.rules.subjects import Account, Terms
from app.compliance.rules.verdicts import FAIL, PASS, UNKNOWN, Verdict, fresh
from app.text.messages import N_

US_GOV = "aws-us-gov"
_CANNOT_SIGN_IN = Verdict(PASS, N_("The root user has no password, so it can’t sign in and needs no MFA."))


def root_keys(account: Account, terms: Terms) -> Verdict | None:
    """Does the root user have no access key?"""
    if account.root_keys is None:
        return Verdict(UNKNOWN, account.why_no_summary)
    verdict = Verdict(PASS, N_("The root user has no access key."))
    if account.root_keys:
        verdict = Verdict(FAIL, N_("The root user has an access key."))
    return fresh(verdict, terms, account.seen.get("root_keys"))


def root_mfa(account: Account, terms: Terms) -> Verdict | None:
    """Does the root user have MFA?

    None in GovCloud, where the root user doesn't sign in to the console, so that the benchmark leaves it out.
    """
    if terms.partition == US_GOV:
        return None
    if account.root_password is False:
        return fresh(_CANNOT_SIGN_IN, terms, account.seen.get("root_password"))
    if account.root_mfa is None:
        return Verdict(UNKNOWN, account.why_no_summary)
    verdict = Verdict(PASS, N_("The root user has MFA."))
    if not account.root_mfa:
        verdict = Verdict(FAIL, N_("The root user has no MFA."))
    return fresh(verdict, terms, account.seen.get("root_mfa"))


def root_hardware(account: Account, terms: Terms) -> Verdict | None:
    """Is the root user's MFA device hardware? Judged as `root_mfa` where the root user has no MFA, or needs none."""
    mfa = root_mfa(account, terms)
    if mfa is None or mfa.state is not PASS or account.root_password is False:
        return mfa
    if account.root_virtual_mfa is None:
        return Verdict(UNKNOWN, N_("The list of virtual MFA devices hasn’t been read yet."))
    verdict = Verdict(PASS, N_("The root user has MFA, and none of its devices is virtual."))
    if account.root_virtual_mfa:
        verdict = Verdict(FAIL, N_("The root user has a virtual MFA device."))
    return fresh(verdict, terms, account.seen.get("root_mfa"), account.seen.get("root_virtual_mfa"))


def root_use(account: Account, terms: Terms) -> Verdict | None:
    """Was the root user not used in the last `root_days`?"""
    if not account.root_use_known:
        return Verdict(UNKNOWN, N_("Only a credential report shows when the root user was last used."))
    used, limit, seen = account.root_used_at, timedelta(days=terms.root_days), account.seen.get("root_used_at")
    if used and terms.now <= used + limit:
        return fresh(Verdict(FAIL, N_("The root user was used on {}."), (used,), used + limit), terms, seen)
    verdict = Verdict(PASS, N_("AWS has no record of the root user being used."))
    if used:
        verdict = Verdict(PASS, N_("The root user was last used on {}."), (used,))
    # Older evidence says nothing about these days.
    return fresh(verdict, terms._replace(evidence_days=min(terms.evidence_days, terms.root_days)), seen)


def password_length(account: Account, terms: Terms) -> Verdict | None:
    """Does the password policy require at least `password_length` characters?"""
    if account.password_length is None:
        return Verdict(UNKNOWN, account.why_no_password_policy)
    enough = account.password_length >= terms.password_length
    why = N_("The password policy requires at least {} characters.")
    verdict = Verdict(PASS if enough else FAIL, why, (account.password_length,))
    return fresh(verdict, terms, account.seen.get("password_policy"))


def password_reuse(account: Account, terms: Terms) -> Verdict | None:
    """Does the password policy prevent the reuse of the last `password_reuse` passwords?"""
    if account.password_reuse is None:
        return Verdict(UNKNOWN, account.why_no_password_policy)
    about = (account.password_reuse,)
    if account.password_reuse >= terms.password_reuse:
        verdict = Verdict(PASS, N_("The last {} passwords can’t be reused."), about)
    elif account.password_reuse:
        verdict = Verdict(FAIL, N_("Only the last {} passwords can’t be reused."), about)
    else:
        verdict = Verdict(FAIL, N_("Passwords can be reused."))
    return fresh(verdict, terms, account.seen.get("password_policy"))


RULES: tuple[Rule, ...] = (
    Rule("root-key", N_("The root user has no access key"),
         N_("The root user has no access key, so nobody can use its permissions from the command line."),
         root_keys, ("root_keys",), about_account=True, severity="critical"),
    Rule("root-mfa", N_("The root user has MFA"),
         N_("Signing in as the root user requires MFA."),
         root_mfa, ("root_mfa", "root_password"), about_account=True, severity="critical"),
    Rule("root-hardware-mfa", N_("The root user has hardware MFA"),
         N_("The root user’s MFA device is hardware, not an app."),
         root_hardware, ("root_mfa", "root_virtual_mfa", "root_password"), about_account=True,
         severity="high"),
    Rule("root-use", N_("The root user isn’t used for daily work"),
         N_("Nobody has signed in as the root user, or used its key, in the last {root_days} days."),
         root_use, ("root_used_at",), "root_days", about_account=True, severity="high"),
    Rule("password-length", N_("The password policy sets a minimum length"),
         N_("The account’s password policy requires at least {password_length} characters."),
         password_length, ("password_policy",), "password_length", about_account=True),
    Rule("password-reuse", N_("The password policy prevents reuse"),
         N_("The account’s password policy prevents the reuse of the last {password_reuse} passwords."),
         password_reuse, ("password_policy",), "password_reuse", about_account=True, severity="low"),
)  # fmt: skip
"""In the order of the pages."""
