"""`policy check`: all checks of a document, in one tuple, and the report of their findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from app.policy.check.access_analyzer import validations
from app.policy.check.action_names import misspelt, unsupported
from app.policy.check.findings import Finding, Severity
from app.policy.check.mfa_demanded import locked_out, mfa_demanded
from app.policy.check.parse import LARGEST, read_text
from app.policy.check.placeholders import accounts_missing, invisible_characters, mixed_accounts, variables_misspelt
from app.policy.check.portal_features import features_of, missing_features, not_evaluated
from app.policy.check.privilege_escalation import escalations
from app.policy.check.redundancy import redundancies
from app.policy.check.report import Report
from app.policy.check.risks import (
    device_without_mfa,
    devices_of_others,
    first_sign_in,
    password_without_mfa,
    users_with_a_path,
)
from app.policy.check.similarity import likeness
from app.policy.documents import PLACEHOLDER
from app.policy.parsed import ParsedPolicy, parsed

Check = Callable[[ParsedPolicy], Iterator[Finding]]

ALL_CHECKS: tuple[Check, ...] = (
    misspelt,
    unsupported,
    accounts_missing,
    invisible_characters,
    variables_misspelt,
    mixed_accounts,
    validations,
    redundancies,
    mfa_demanded,
    locked_out,
    password_without_mfa,
    device_without_mfa,
    devices_of_others,
    first_sign_in,
    users_with_a_path,
    escalations,
    missing_features,
    not_evaluated,
)
"""Findings of the same severity are reported in this order."""
OF_FORCE_MFA: frozenset[Check] = frozenset(
    {
        mfa_demanded, locked_out, password_without_mfa, device_without_mfa, devices_of_others, first_sign_in,
        users_with_a_path, missing_features, not_evaluated,
    }
)  # fmt: skip
"""What only a policy that forces MFA has to do, and other policies don't."""


def check_attached(text: str) -> Report:
    """Check the text of a policy that an account has. One that doesn't mention MFA isn't meant to force it, so only
    what is wrong with any policy is found in it. Raises nothing.
    """
    if mentions_mfa(text):
        return check(text)
    return check(text, [each for each in ALL_CHECKS if each not in OF_FORCE_MFA])


def mentions_mfa(text: str) -> bool:
    """Return whether a document names a condition key about MFA."""
    return "aws:multifactorauth" in text.lower()


def check(text: str, checks: Sequence[Check] = ALL_CHECKS) -> Report:
    """Check the text of a document and return the report, the most severe findings first. Raises nothing: a mistake
    is a finding.

    A document that is too long for IAM isn't evaluated, because nobody can have such a policy and it could take long.
    """
    reading = read_text(text)
    if reading.document is None or reading.size > LARGEST:
        return Report(_sorted(reading.findings), reading.size)
    policy = parsed(reading.document)
    findings = [*reading.findings, *(finding for each in checks for finding in each(policy))]
    if not policy.has_placeholder:  # a remedy is copied as it is, so it names any account where none is known
        findings = [replace(each, remedy=each.remedy.replace(f":{PLACEHOLDER}:", ":*:")) for each in findings]
    return Report(_sorted(findings), reading.size, features_of(policy), likeness(policy.source), policy)


_ORDER = list(Severity)


def _sorted(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda each: _ORDER.index(each.severity))
