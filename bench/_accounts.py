"""What the entries about compliance share: an account of thousands, as lists and as a credential report."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from app.aws.user_list import UserListEntry
from app.compliance.rules.subjects import Terms

ACCOUNT = "123456789012"
NOW = datetime.now(UTC).replace(microsecond=0)
HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,"
    "access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,"
    "access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,"
    "cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
)


def terms_of(others: int | None) -> Terms:
    """Default thresholds."""
    return Terms(datetime.now(UTC), others_at_most=others)


def users(number: int, account: str = ACCOUNT) -> list[UserListEntry]:
    """So many users; two of three have signed in."""
    chance = random.Random(number)
    return [
        UserListEntry(
            f"employee-{each:05d}",
            f"arn:aws:iam::{account}:user/employee-{each:05d}",
            "/",
            NOW - timedelta(days=chance.randrange(900), seconds=each),
            NOW - timedelta(days=chance.randrange(90), seconds=each) if each % 3 else None,
            f"AIDA{each:017d}",
        )
        for each in range(number)
    ]


def virtual(people: list[UserListEntry]) -> dict[str, int]:
    """Three of five have a virtual device."""
    return {user.user_name: 1 for place, user in enumerate(people) if place % 5 < 3}


def report(
    people: list[UserListEntry], account: str = ACCOUNT, days_ago: int = 0, worked: float | None = None
) -> bytes:
    """The same people as a credential report: everyone has a password, two of three an access key.

    days_ago: everything was last used so many days earlier. worked: the share of them who work every day and used
    what they have days_ago. The others used nothing in these days.
    """
    chance, held = random.Random(1), virtual(people)
    no_key = "false,N/A,N/A,N/A,N/A"
    lines = [
        HEADER,
        f"<root_account>,arn:aws:iam::{account}:root,2020-01-01T00:00:00Z,not_supported,no_information,not_supported,"
        f"not_supported,true,{no_key},{no_key},false,N/A,false,N/A",
    ]
    for place, user in enumerate(people):
        made = NOW - timedelta(days=chance.randrange(200), seconds=place)
        used = NOW - timedelta(days=chance.randrange(60) + (days_ago if worked is None else 0), seconds=place)
        signed_in = user.password_last_used
        if signed_in and worked is None:
            signed_in -= timedelta(days=days_ago)
        if worked and place * 37 % 100 < worked * 100:
            used = signed_in = max(NOW - timedelta(days=days_ago, seconds=place), user.created_at)
        key = f"true,{_text(made)},{_text(max(made, used))},us-east-1,s3" if place % 3 else no_key
        password = _text(signed_in) if signed_in else "no_information"
        lines.append(
            f"{user.user_name},{user.arn},{_text(user.created_at)},true,{password},{_text(user.created_at)},N/A,"
            f"{str(user.user_name in held).lower()},{key},{no_key},false,N/A,false,N/A"
        )
    return "\n".join(lines).encode()


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
