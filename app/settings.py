"""How single settings are read: text in, value out. What is wrong is added to `problems`, with what to set.

`config.py` has the list of all of them. Where one is wrong, what is returned is never used.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from limits import parse_many
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.audit.chain import Keyring
from app.policy.documents import allowed_actions

_USUAL = {"https": 443, "http": 80}
"""Ports that browsers leave out."""


def whole(env: Mapping[str, str], name: str, default: int, low: int, high: int, problems: list[str]) -> int:
    """A whole number from `low` to `high`."""
    text = env.get(name) or str(default)
    if text.isdecimal() and low <= int(text) <= high:
        return int(text)
    problems.append(f"{name} is {text!r}: set a whole number from {low} to {high}.")
    return default


def bind(env: Mapping[str, str], problems: list[str]) -> None:
    """Where to listen, as gunicorn reads it."""
    whole(env, "PORT", 8000, 1, 65535, problems)
    text = env.get("BIND", "")
    found = re.fullmatch(r"(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})|unix:/\S+", text)
    if text and (not found or (found[1] and not 1 <= int(found[1]) <= 65535)):
        problems.append(f"BIND is {text!r}: set HOST:PORT, like 127.0.0.1:8000, or unix:/PATH/TO/SOCKET.")


def _parts(url: str) -> tuple[SplitResult, int | None]:
    """A URL and its port; of an empty one where this is none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return urlsplit(""), None
    return parts, port


_REGIONS = {
    "aws": (r"(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d", "us-east-1"),
    "aws-cn": (r"cn-[a-z]+-\d", "cn-north-1"),
    "aws-us-gov": (r"us-gov-[a-z]+-\d", "us-gov-west-1"),
    "aws-eusc": (r"eusc-de-[a-z]+-\d", "eusc-de-east-1"),
}
"""By partition: how its regions are called (botocore's partitions.json), and the one asked where none is set."""


def region(env: Mapping[str, str], partition: str, problems: list[str]) -> str:
    """A region of the partition."""
    looks_like, default = _REGIONS.get(partition, _REGIONS["aws"])
    name = env.get("AWS_REGION") or default
    if not re.fullmatch(looks_like, name):
        problems.append(f"AWS_REGION is {name!r}: set a region of the partition {partition}, like {default}.")
    return name


def public_url(url: str, problems: list[str]) -> str:
    """The address as browsers write it: in small letters, without the usual port."""
    parts, port = _parts(url)
    host = parts.hostname or ""
    local = parts.scheme == "http" and host == "127.0.0.1"
    nothing_else = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    if not host or not host.isascii() or not nothing_else or not (local or parts.scheme == "https"):
        problems.append(
            f"PUBLIC_URL is {url!r}: set https://HOST, or http://127.0.0.1:PORT for a portal on this machine; a HOST "
            "with other letters than a to z in the form that begins with xn--."
        )
    written = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{written}" + (f":{port}" if port not in (None, _USUAL.get(parts.scheme)) else "")


def limit(env: Mapping[str, str], name: str, default: str, problems: list[str]) -> str:
    """How often in how long, as the library of rate limits reads it: "30 per 5 minutes"."""
    text = env.get(name) or default
    try:
        parse_many(text)
    except ValueError:
        problems.append(f"{name} is {text!r}: set something like {default!r}.")
    return text


def methods(env: Mapping[str, str], partition: str, policy: Mapping[str, Any], problems: list[str]) -> frozenset[str]:
    """Ways to sign in. policy: the Force_MFA document, {} where it cannot be read."""
    text = env.get("SIGN_IN_METHODS") or ("aws-sign-in,access-key" if partition == "aws" else "access-key")
    chosen = frozenset(part.strip() for part in text.split(",") if part.strip())
    if not chosen or chosen - {"aws-sign-in", "access-key"}:
        problems.append(f"SIGN_IN_METHODS is {text!r}: set aws-sign-in, access-key, or both separated by a comma.")
    if "aws-sign-in" in chosen and policy and "iam:DeactivateMFADevice" not in allowed_actions(policy):
        problems.append(
            "FORCE_MFA_POLICY does not allow iam:DeactivateMFADevice, which AWS Sign-In needs: the answer to it is "
            "what shows that a session has MFA. Allow it, or set SIGN_IN_METHODS=access-key."
        )
    return chosen


THRESHOLDS = {
    "key-days": 3650,
    "unused-days": 3650,
    "certificate-days": 3650,
    "ssh-days": 3650,
    "first-sign-in-days": 3650,
    "root-days": 3650,
    "password-length": 128,
    "password-reuse": 24,
    "evidence-days": 3650,
}
"""Names COMPLIANCE_THRESHOLDS may give, and the largest number for each."""


def thresholds(text: str, accounts: Collection[str], problems: list[str]) -> dict[str, dict[str, int]]:
    """By account, "" for all: names as `app.compliance.rules.subjects.Terms` spells them."""
    chosen: dict[str, dict[str, int]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = re.fullmatch(r"(?:(\d{12}):)?([a-z-]+)=(\d{1,4})", part)
        if not found or found[2] not in THRESHOLDS or not 1 <= int(found[3]) <= THRESHOLDS[found[2]]:
            problems.append(
                f"COMPLIANCE_THRESHOLDS: {part!r} is not NAME=NUMBER or ACCOUNT:NAME=NUMBER with one of "
                f"{', '.join(THRESHOLDS)}."
            )
        elif found[1] and found[1] not in accounts:
            problems.append(f"COMPLIANCE_THRESHOLDS: {part!r} names an account that is not one of ACCOUNTS.")
        else:
            chosen.setdefault(found[1] or "", {})[found[2].replace("-", "_")] = int(found[3])
    return chosen


_AUDIT_KEY = re.compile(r"(\+?)([A-Za-z0-9_-]{1,16})(?:@(\d{4}-\d\d-\d\d|\d{8}T\d{4}Z))?:(.{32,})", re.DOTALL)
"""+ for a key that doesn't sign yet, id, end, secret."""


def audit_keys(text: str, problems: list[str]) -> Keyring:
    """The keys of the audit log, the newest first; the first without a + signs."""
    keys: dict[str, bytes] = {}
    ends: dict[str, datetime] = {}
    prepared = 0
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _AUDIT_KEY.fullmatch(part)
        if not found or found[2] in keys:
            problems.append(
                "AUDIT_KEYS: each must be KEYID:SECRET, the id 1 to 16 letters and digits and used once, the secret "
                "at least 32 characters. +KEYID:SECRET for one that does not sign yet."
            )
            return Keyring({})
        newer, key_id, end, secret = found.groups()
        if newer and prepared < len(keys):
            problems.append(f"AUDIT_KEYS: +{key_id} comes after a key that signs. The newest keys come first.")
        try:
            if end:
                ends[key_id] = datetime.fromisoformat(end).replace(tzinfo=UTC)
        except ValueError:
            problems.append(
                f"AUDIT_KEYS: the end in {key_id}@{end} isn’t a date such as 2026-05-03, or a minute such as "
                "20260503T1000Z."
            )
        if end and prepared == len(keys):
            problems.append(
                f"AUDIT_KEYS: {key_id} has an end, but it is the key that signs. Only replaced keys have an end."
            )
        prepared += bool(newer)
        keys[key_id] = secret.encode()
    if keys and prepared == len(keys):
        problems.append("AUDIT_KEYS: every key has a +, so none signs. Leave it out where the key signs.")
    if not keys:
        problems.append(
            "AUDIT_KEYS is missing: set KEYID:SECRET with a secret of its own. "
            "Make one: echo k1:$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')"
        )
    return Keyring(keys, ends, prepared)


_ADMIN = re.compile(
    r"(?:(\d{12})=)?(?:(arn:[a-z-]+:iam::(\d{12}):user/\S+?)(?:#(AIDA[A-Z0-9]{4,124}))?|(AIDA[A-Z0-9]{4,124}))"
)


def admins(text: str, accounts: Collection[str], problems: list[str]) -> dict[str, frozenset[str]]:
    """Account to those who look after it: unique ids (AIDA...), and ARNs where no id was given."""
    by_account: dict[str, frozenset[str]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _ADMIN.fullmatch(part)
        account = (found[1] or found[3]) if found else None
        if not found or not account:
            problems.append(
                f"ADMINS: {part!r} must be ARN, ARN#ID, ACCOUNT=ARN#ID or ACCOUNT=ID, where ARN is that of a user "
                "and ID its unique ID (AIDA...)."
            )
            continue
        if account not in accounts or (found[3] or account) not in accounts:
            problems.append(f"ADMINS: {part!r} names an account that is not one of ACCOUNTS.")
        by_account[account] = by_account.get(account, frozenset()) | {found[4] or found[5] or found[2]}
    return by_account


def database_url(env: Mapping[str, str], default: str, problems: list[str]) -> str:
    """As SQLAlchemy reads it; of the databases and drivers that the portal knows."""
    url = env.get("DATABASE_URL") or default
    try:
        made = make_url(url)
        kind, folder = made.drivername, Path(made.database or "").parent
    except (ArgumentError, ValueError):
        kind, folder = "", Path()
    if kind == "sqlite" and folder.is_absolute() and not folder.is_dir() and url != default:
        problems.append(f"DATABASE_URL: there is no folder {folder}. Make it, or name another.")
    if kind not in ("sqlite", "postgresql+psycopg"):
        # Not repeated: it may hold a password.
        problems.append(
            "DATABASE_URL: set sqlite:////PATH/TO/FILE, or postgresql+psycopg://USER:PASSWORD@HOST/NAME; Latchkey "
            "knows no other database or driver."
        )
    return url


def redis(url: str, problems: list[str]) -> str:
    """The URL, "" for none."""
    if not url:
        return ""
    parts, _ = _parts(url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or not re.fullmatch(r"/?\d*", parts.path):
        # Not repeated: it may hold a password.
        problems.append("REDIS_URL: set redis://HOST:PORT/NUMBER, with :PASSWORD@ before HOST where it wants one.")
    return url


def workers(env: Mapping[str, str], problems: list[str]) -> int:
    """How many processes serve."""
    name = "WEB_CONCURRENCY" if env.get("WEB_CONCURRENCY") and not env.get("WORKERS") else "WORKERS"
    number = whole(env, name, 1, 1, 64, problems)
    if number > 1 and not env.get("REDIS_URL"):
        problems.append(
            f"{name} is {number}, but without REDIS_URL sessions, rate limits and locks are those of one process: "
            "set REDIS_URL, or one worker."
        )
    return number
