"""The rules about the TLS certificates that IAM stores ("server certificates"), and the table of them. Pure.

The account's summary says how many there are. When they expire is only in a list that commands read.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.compliance.rules.rule import Rule
from app.compliance.rules.subjects import Account, Seen, Terms
from app.compliance.rules.verdicts import FAIL, PASS, UNKNOWN, Verdict, fresh
from app.text.messages import N_

NAMED = 5
"""How many certificates a sentence names."""
_NONE = Verdict(PASS, N_("IAM stores no TLS certificate."))
_NOT_LISTED = N_(
    "Only `compliance refresh` and `compliance sync` read when TLS certificates expire. IAM stores {} of them."
)


def expired(account: Account, terms: Terms) -> Verdict | None:
    """Has none of the certificates expired?"""
    return _judged(account, terms, 0)


def expiring(account: Account, terms: Terms) -> Verdict | None:
    """Does none of the certificates that haven't expired do so within `tls_days`?"""
    return _judged(account, terms, terms.tls_days)


def _judged(account: Account, terms: Terms, days: int) -> Verdict | None:
    number, listed = account.seen.get("tls_number"), account.seen.get("tls_certificates")
    newer = number is not None and (listed is None or number.at > listed.at)
    if newer and account.tls_number == 0:
        return fresh(_NONE, terms, number)
    if account.tls_certificates is None or listed is None:
        if account.tls_number is None:
            return Verdict(UNKNOWN, account.why_no_summary)
        if account.why_no_tls:
            return Verdict(UNKNOWN, account.why_no_tls)
        return Verdict(UNKNOWN, _NOT_LISTED, (account.tls_number,))
    if newer and account.tls_number != len(account.tls_certificates):
        why = N_("Since the TLS certificates were listed, on {}, their number has changed to {}.")
        return Verdict(UNKNOWN, f"{why}\n{_AGAIN}", (listed.at, account.tls_number))
    return fresh(_of(account.tls_certificates, listed, terms.now, days), terms, listed)


_AGAIN = N_("Run `compliance refresh` again.")


def _of(certificates: Sequence[tuple[str, datetime]], listed: Seen, now: datetime, days: int) -> Verdict:
    """Return the verdict on the list. What passed a limit after the list was read may be replaced by now: unknown."""
    if days:
        certificates = [(name, ends) for name, ends in certificates if ends > now]
    limits = [(name, ends, ends - timedelta(days=days)) for name, ends in certificates]
    over = [(name, ends) for name, ends, limit in limits if listed.at >= limit]
    if over:
        why = N_("These TLS certificates have expired: {}.")
        if days:
            why = N_("These TLS certificates expire soon: {}.")
        ends_next = min(ends for _, ends in over) if days else None
        return Verdict(FAIL, why, (_names([name for name, _ in over]),), ends_next)
    since = [name for name, _, limit in limits if now >= limit]
    if since:
        why = N_("These TLS certificates may be due since they were listed, on {}: {}.")
        return Verdict(UNKNOWN, f"{why}\n{_AGAIN}", (listed.at, _names(since)))
    if not limits:
        return _NONE if not days else Verdict(PASS, N_("No TLS certificate expires soon."))
    name, ends, limit = min(limits, key=lambda each: each[2])
    return Verdict(PASS, N_("The first TLS certificate to expire is {}, on {}."), (name, ends), limit)


def _names(names: Sequence[str]) -> str:
    some = ", ".join(names[:NAMED])
    return f"{some}, …" if len(names) > NAMED else some


RULES: tuple[Rule, ...] = (
    Rule("tls-expired", N_("No expired TLS certificate is stored in IAM"),
         N_("IAM stores no TLS certificate that has expired."),
         expired, ("tls_number", "tls_certificates"), about_account=True, on_demand=True),
    Rule("tls-expiring", N_("TLS certificates are replaced in time"),
         N_("No TLS certificate stored in IAM expires within {tls_days} days."),
         expiring, ("tls_number", "tls_certificates"), "tls_days", about_account=True, on_demand=True),
)  # fmt: skip
"""In the order of the pages."""
