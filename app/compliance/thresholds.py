"""The terms of an account's rules: its own numbers and those of its standards, and what the policy matches."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from app.compliance.data.judgements import TermsOf
from app.compliance.rules.subjects import Terms
from app.compliance.standards.shipped import followed
from app.compliance.standards.standard import Standard, asked_by, variants_of
from app.credentials.max_age import access_key_max_age
from app.policy.permits import Permits


def _chosen(config: Mapping[str, Any], account_id: str) -> dict[str, Any]:
    chosen: dict[str, Any] = {"key_days": access_key_max_age(config, account_id).days}
    for account in ("", account_id):
        chosen |= config["COMPLIANCE_THRESHOLDS"].get(account, {})
    return chosen


def terms_of(config: Mapping[str, Any], account_id: str, others: int | None, now: datetime) -> Terms:
    """Return the account's terms. config: Flask's. others: MFA devices in use that aren't virtual, at most."""
    chosen = _chosen(config, account_id)
    blind = is_path_blind(Document(config["FORCE_MFA_DOCUMENT"]), account_id, config["AWS_PARTITION"])
    partition = config["AWS_PARTITION"]
    terms = Terms(now, **chosen, path_blind=blind, others_at_most=others, partition=partition)
    terms = terms._replace(service_users=config["SERVICE_USERS"])
    standards = standards_of(config, account_id)
    return terms._replace(variants=variants_of(standards, terms), asked=asked_by(standards, terms))


def terms_for(config: Mapping[str, Any], account_id: str) -> TermsOf:
    """Return a function that makes the account's terms as of the moment it is called. config: Flask's."""
    settings = dict(config)

    # Not functools.partial: its repr(), and that of whatever holds it, would show the secrets among the settings.
    def terms_now(others: int | None) -> Terms:
        return terms_of(settings, account_id, others, datetime.now(UTC))

    return terms_now


def standards_of(config: Mapping[str, Any], account_id: str) -> tuple[Standard, ...]:
    """Return the standards that the account follows. config: Flask's."""
    return followed(config["COMPLIANCE_STANDARDS"], account_id)


class Document:
    """A policy document as a cache key. The same object is the same document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def __hash__(self) -> int:
        return id(self.document)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Document) and self.document is other.document


@cache
def is_path_blind(document: Document, account_id: str, partition: str) -> bool:
    """Does the policy match a user at "/", but not a user with another path?"""

    def reached(path: str) -> bool:
        permits = Permits.of_user(document.document, account_id, partition, "any-user", path)
        return permits.allows("iam:EnableMFADevice", permits.arn, mfa=None)

    return reached("/") and not reached("/some/path/")
