"""Whether stored details have to be judged again."""

from __future__ import annotations

from app.compliance.data.rows import AccountRow
from app.compliance.rules.service_users import tag_keys
from app.compliance.rules.subjects import Terms

ENGINE = 2
"""Raise this where `app.policy.forced` decides otherwise than before: stored details are then judged again."""


def are_outdated(stored: AccountRow, terms: Terms) -> bool:
    """Were the stored details judged by an earlier release, or for settings that named other tags?"""
    summary = stored.details
    return summary is not None and (
        summary["judged_by"] != ENGINE or summary.get("tag_keys", []) != tag_keys(terms.service_users)
    )
