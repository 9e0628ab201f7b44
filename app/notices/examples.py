"""Data of a notice of each kind, for previews and tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.notices.kinds import KINDS, Group
from app.notices.texts.security import SEEN

_USER = {"user": "jane.doe", "account": "123456789012"}
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
_HERE = {"at": "2026-05-03T10:00:00+00:00", "address": "203.0.113.7", "user_agent": _FIREFOX, "seq": 17}
_OUTSIDE = {"at": "2026-05-03T10:00:00+00:00", "since": "2026-05-02T10:00:00+00:00"}
_TARGETS = {
    "mfa": {"target": "arn:aws:iam::123456789012:mfa/jane.doe", "name": "Work phone"},
    "access": {"target": "AKIAIOSFODNN7EXAMPLE", "name": "Backup script"},
    "ssh": {"target": "APKAEIBAERJR2EXAMPLE"},
    "certificate": {"target": "TA7SMP42TDN5Z26OBPJE7EXAMPLE"},
}
_CAMPAIGN = {
    **_USER,
    "campaign": "MFA for everyone",
    "title": "Set up MFA",
    "told": "You don’t have MFA yet.",
    "deadline": "2026-05-31",
    "days": 7,
    "fix": "overview.index",
    "fix_label": "Set up MFA",
}
_OTHERS: Mapping[str, Mapping[str, Any]] = {
    "key-age": {
        **_USER,
        "target": "AKIAIOSFODNN7EXAMPLE",
        "created_at": "2026-02-09T10:00:00+00:00",
        "due_at": "2026-05-10",
        "days": 7,
    },
    "certificate-expiry": {**_USER, **_TARGETS["certificate"], "expires_at": "2026-05-10T10:00:00+00:00", "days": 7},
    "mfa-missing": {**_USER, "due_at": "2026-05-31"},
    "unused-credentials": {
        **_USER,
        "days": 45,
        "items": [
            {"thing": "password", "last_used_at": "2026-01-15"},
            {"thing": "access-key", "target": "AKIAIOSFODNN7EXAMPLE"},
        ],
    },
    "digest": {
        "account": "123456789012",
        "account_name": "Production",
        "from": "2026-04-27",
        "to": "2026-05-03",
        "users": 240,
        "failing_users": 31,
        "rules": [
            {"rule": "mfa", "title": "Every user has an MFA device", "failing": 12, "before": 19},
            {"rule": "key-age", "title": "Access keys are rotated on time", "failing": 21, "before": 18},
            {"rule": "unused", "title": "No unused credentials", "failing": 4, "before": 4},
        ],
        "exceptions": [{"user": "build-agent", "title": "Access keys are rotated on time", "until": "2026-05-08"}],
        "undelivered": 2,
        "without_address": 5,
    },
    "rule-worse": {
        "account": "123456789012",
        "account_name": "Production",
        "rule": "key-age",
        "title": "Access keys are rotated on time",
        "failing": 21,
        "before": 18,
        "bound": 20,
        "at": "2026-05-03T10:00:00+00:00",
    },
    "campaign-announcement": _CAMPAIGN
    | {
        "own_subject": "Set up MFA by {deadline}",
        "own_text": "Hello {user},\n\nfrom {deadline} on, AWS asks everyone for MFA.\n\nThanks, {contact}",
    },
    "campaign-reminder": _CAMPAIGN,
    "campaign-day": _CAMPAIGN | {"days": 0},
    "campaign-manager": _CAMPAIGN
    | {"people": [{"user": "jane.doe", "account": "123456789012"}, {"user": "john.roe", "account": "123456789012"}]},
    "test": {},
}


def example(kind: str) -> dict[str, Any]:
    """Return data for a notice of a kind. Raises KeyError for an unknown kind."""
    if KINDS[kind].group is not Group.SECURITY:
        return dict(_OTHERS[kind])
    where = _OUTSIDE if kind.startswith(SEEN) else _HERE
    return {**_USER, **where, **_TARGETS.get(kind.removeprefix(SEEN).partition("-")[0], {})}
