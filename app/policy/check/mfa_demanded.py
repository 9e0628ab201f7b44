"""Does a document demand MFA of access keys and of passwords, for everything but getting MFA?

`mfa_enforcement` says what is wrong with the deny, `exempted_actions` what it exempts, and `mfa_probes` has the last
word: requests without MFA, evaluated one by one.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.policy.check.exempted_actions import exempted_actions
from app.policy.check.findings import Finding, Severity
from app.policy.check.mfa_enforcement import ONE_A_SERVICE, spared_services, unforced
from app.policy.check.mfa_probes import unproven
from app.policy.check.portal_features import example_user
from app.policy.check.statement_scope import denies_of
from app.policy.parsed import ParsedPolicy
from app.text.messages import _


def mfa_demanded(policy: ParsedPolicy) -> Iterator[Finding]:
    """Why a document doesn't demand MFA of a plain key and of a password. Warnings where it nearly doesn't."""
    denies = denies_of(policy)
    reasons = [*unforced(denies), *exempted_actions(denies)]
    yield from reasons
    if not any(each.severity is Severity.ERROR for each in reasons):
        yield from filter(None, [unproven(denies, example_user(policy))])
    yield from spared_services(denies)


def locked_out(policy: ParsedPolicy) -> Iterator[Finding]:
    """A deny that MFA does not end."""
    for each in denies_of(policy):
        if each.broad and each.firm(True) and all(each.names(action) for action in ONE_A_SERVICE):
            yield Finding(
                "denied-with-mfa",
                Severity.ERROR,
                each.place(),
                _("This deny also applies to users with MFA, so nothing that other policies grant works."),
                _('Give it the condition "BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}.'),
            )
