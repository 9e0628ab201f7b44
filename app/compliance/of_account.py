"""What each rule about the account says. Pure; the table that names them is `app.compliance.rules`."""

from __future__ import annotations

from datetime import timedelta

from app.compliance.subjects import Account, Terms
from app.compliance.verdicts import FAIL, PASS, UNKNOWN, Verdict


def root_keys(account: Account, terms: Terms) -> Verdict:
    if account.root_keys is None:
        return Verdict(UNKNOWN, account.why_no_summary)
    if account.root_keys:
        return Verdict(FAIL, "The root user has an access key.")
    return Verdict(PASS, "The root user has no access key.")


def root_mfa(account: Account, terms: Terms) -> Verdict:
    if account.root_mfa is None:
        return Verdict(UNKNOWN, account.why_no_summary)
    return Verdict(PASS, "The root user has MFA.") if account.root_mfa else Verdict(FAIL, "The root user has no MFA.")


def root_hardware(account: Account, terms: Terms) -> Verdict:
    mfa = root_mfa(account, terms)
    if mfa.state is not PASS:
        return mfa
    if account.root_virtual_mfa is None:
        return Verdict(UNKNOWN, "The list of virtual MFA devices was not read yet.")
    if account.root_virtual_mfa:
        return Verdict(FAIL, "The root user has a virtual MFA device.")
    return Verdict(PASS, "The root user has MFA, and none of its devices is virtual.")


def root_use(account: Account, terms: Terms) -> Verdict:
    if not account.root_use_known:
        return Verdict(UNKNOWN, "When the root user was last used is only in the credential report.")
    used, limit = account.root_used_at, timedelta(days=terms.root_days)
    if used is None:
        return Verdict(PASS, "The root user was never used, or not since AWS keeps track.")
    if terms.now <= used + limit:
        return Verdict(FAIL, "The root user was used on {}.", (used,), used + limit)
    return Verdict(PASS, "The root user was last used on {}.", (used,))


def password_length(account: Account, terms: Terms) -> Verdict:
    if account.password_length is None:
        return Verdict(UNKNOWN, account.why_no_password_policy)
    enough = account.password_length >= terms.password_length
    return Verdict(PASS if enough else FAIL, "Passwords have at least {} characters.", (account.password_length,))


def password_reuse(account: Account, terms: Terms) -> Verdict:
    if account.password_reuse is None:
        return Verdict(UNKNOWN, account.why_no_password_policy)
    if account.password_reuse >= terms.password_reuse:
        return Verdict(PASS, "The last {} passwords may not come back.", (account.password_reuse,))
    if account.password_reuse:
        return Verdict(FAIL, "Only the last {} passwords may not come back.", (account.password_reuse,))
    return Verdict(FAIL, "Earlier passwords may come back.")
