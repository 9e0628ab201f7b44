"""Entries of Action and NotAction: which actions a pattern like "iam:List*" names."""

from __future__ import annotations

from app.policy.patterns import Pattern
from app.policy.reference.actions import covered, real_name


def is_all(entry: str) -> bool:
    """Does an entry of Action or NotAction name every action: "*", "*:*", "*:?*"?"""
    pattern = Pattern(entry, variables=False)
    return set(entry) <= {"*", "?", ":"} and all(pattern.matches(each, {}) for each in ("a:b", "service:Action"))


def named_by(pattern: str) -> tuple[str, ...]:
    """Real actions that "iam:List*" or "iam:ListUsers" names. Without a service of its own it names none."""
    if "*" in pattern or "?" in pattern:
        return covered(pattern)
    real = real_name(pattern)
    return (real,) if real else ()


def open_service(pattern: str) -> bool:
    """Return whether it has a wildcard in the service's name."""
    service = pattern.partition(":")[0]
    return "*" in service or "?" in service
