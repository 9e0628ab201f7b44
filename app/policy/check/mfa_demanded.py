"""Find out whether a document requires MFA of access keys and of passwords, for everything except getting MFA.

`mfa_enforcement` says what is wrong with the deny, `exempted_actions` what it exempts, and `mfa_probes` decides in
the end by evaluating requests without MFA one by one.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.policy.check.exempted_actions import exempted_actions
from app.policy.check.findings import Finding, Severity
from app.policy.check.mfa_enforcement import ONE_A_SERVICE, exempted_services, unforced
from app.policy.check.mfa_probes import unproven
from app.policy.check.portal_features import example_user
from app.policy.check.statement_scope import denies_of
from app.policy.parsed import ParsedPolicy
from app.text.messages import _


def mfa_demanded(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield findings that say why a document doesn't require MFA of a plain key or a password, and warnings if it
    almost does.
    """
    denies = denies_of(policy)
    reasons = [*unforced(denies), *exempted_actions(denies)]
    yield from reasons
    if not any(each.severity is Severity.ERROR for each in reasons):
        yield from filter(None, [unproven(denies, example_user(policy))])
    yield from exempted_services(denies)


def locked_out(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield findings for denies that still apply after the user signs in with MFA."""
    for each in denies_of(policy):
        if each.broad and each.firm(True) and all(each.names(action) for action in ONE_A_SERVICE):
            yield Finding(
                "denied-with-mfa",
                Severity.ERROR,
                each.place(),
                _("This deny also applies to users with MFA, so nothing that other policies grant works."),
                _('Give it the condition "BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}.'),
            )
