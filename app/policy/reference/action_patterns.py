"""Which actions an entry of Action or NotAction like "iam:List*" names."""

from __future__ import annotations

from app.policy.patterns import Pattern
from app.policy.reference.actions import covered, real_name


def is_all(entry: str) -> bool:
    """Return whether an entry names every action: "*", "*:*", "*:?*"."""
    pattern = Pattern(entry, variables=False)
    return set(entry) <= {"*", "?", ":"} and all(pattern.matches(each, {}) for each in ("a:b", "service:Action"))


def named_by(pattern: str) -> tuple[str, ...]:
    """Return the real actions that "iam:List*" or "iam:ListUsers" names. None if the service has a wildcard."""
    if "*" in pattern or "?" in pattern:
        return covered(pattern)
    real = real_name(pattern)
    return (real,) if real else ()


def open_service(pattern: str) -> bool:
    """Return whether the service's name has a wildcard."""
    service = pattern.partition(":")[0]
    return "*" in service or "?" in service
