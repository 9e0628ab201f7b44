"""What AWS's lists said of an account, as one text: its hash identifies a refresh, and it can be read again. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple, cast

import orjson

from app.compliance.data.merge import ListedUser
from app.compliance.rules.sources import UserListFacts

_FIELDS = ("user_name", "user_id", "arn", "path", "created_at", "password_last_used")


class Listed(NamedTuple):
    """A user as the lists have it."""

    user_name: str
    user_id: str
    arn: str
    path: str
    created_at: datetime
    password_last_used: datetime | None


class Lists(NamedTuple):
    """What the lists said."""

    account_id: str
    at: datetime
    users: list[Listed]
    virtual: dict[str, int]
    """Number of virtual MFA devices by user name."""
    facts: UserListFacts


def as_json(
    account_id: str, users: Iterable[ListedUser], virtual: Mapping[str, int], facts: UserListFacts, at: datetime
) -> bytes:
    """Return the lists as JSON, the same for the same lists in whatever order AWS gave them."""
    lists = {
        "account_id": account_id,
        "collected_at": at,
        "users": [
            {name: getattr(user, name) for name in _FIELDS} for user in sorted(users, key=lambda user: user.user_name)
        ],
        "virtual_mfa_devices": dict(virtual),
        "account": dict(facts),
    }
    return orjson.dumps(lists, option=orjson.OPT_SORT_KEYS)


def digest(content: bytes) -> str:
    """Return the SHA-256 of the text, in hex."""
    return hashlib.sha256(content).hexdigest()


def read(content: bytes) -> Lists:
    """Return the lists of `as_json`."""
    lists: dict[str, Any] = orjson.loads(content)
    users = [
        Listed(
            each["user_name"],
            each["user_id"],
            each["arn"],
            each["path"],
            datetime.fromisoformat(each["created_at"]),
            datetime.fromisoformat(each["password_last_used"]) if each["password_last_used"] else None,
        )
        for each in lists["users"]
    ]
    facts = cast("UserListFacts", lists["account"])
    return Lists(
        lists["account_id"], datetime.fromisoformat(lists["collected_at"]), users, lists["virtual_mfa_devices"], facts
    )
