"""Parsers for settings with rules of their own. What is wrong is reported with `at.wrong`, and what to set."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from limits import parse_many
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.audit.chain import Keyring
from app.policy.documents import read
from app.policy.evaluation import PolicyError
from app.policy.portal_actions import allowed_actions
from app.settings.account_lists import known_accounts, lines_of
from app.settings.table import Parser, Reading
from app.settings.values import listed, one_of, whole


def accounts(text: str, at: Reading) -> frozenset[str]:
    """12-digit account IDs."""
    found = frozenset(listed(text))
    if not found or any(not re.fullmatch(r"\d{12}", account) for account in found):
        at.wrong(f"{at.name} is missing or wrong: set the 12-digit ids of your accounts, like 123456789012.")
    return found


_MAKE_ONE = "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"


def secret_key(text: str, at: Reading) -> str:
    """A key of at least 32 characters."""
    if len(text) < 32:  # not repeated: it is a secret
        at.wrong(f"{at.name} needs at least 32 random characters. {_MAKE_ONE}")
    return text


def evidence_key(text: str, at: Reading) -> str:
    """Such a key, "" for none."""
    return secret_key(text, at) if text else ""


def secret_keys(text: str, at: Reading) -> list[str]:
    """Keys of at least 32 characters, or none."""
    found = listed(text)
    if any(len(key) < 32 for key in found):
        at.wrong(f"{at.name}: each key needs at least 32 random characters. {_MAKE_ONE}")
    return found


def log_level(text: str, at: Reading) -> str:
    """A level of Python's logging."""
    return str(one_of("DEBUG", "INFO", "WARNING", "ERROR")(text.upper(), at))


def metrics_token(text: str, at: Reading) -> str:
    """A token, "" for none."""
    if text and len(text) < 16:
        at.wrong(f"{at.name} is shorter than 16 characters: set a longer one, or none.")
    return text


def policy(text: str, at: Reading) -> dict[str, Any]:
    """The Force_MFA document, {} where it can't be read."""
    try:
        return read(text)
    except PolicyError as error:
        at.wrong(f"{at.name}: {error}")
        return {}


_USUAL = {"https": 443, "http": 80}
"""Ports that browsers leave out."""


def bind(text: str, at: Reading) -> str:
    """Return the address to listen on, as gunicorn reads it. Also checks PORT."""
    whole(1, 65535)(at.env.get("PORT") or "8000", replace(at, name="PORT"))
    found = re.fullmatch(r"(?:\[[0-9a-fA-F:.]+\]|[\w.-]+):(\d{1,5})|unix:/\S+", text)
    if text and (not found or (found[1] and not 1 <= int(found[1]) <= 65535)):
        at.wrong(f"{at.name} is {text!r}: set HOST:PORT, like 127.0.0.1:8000, or unix:/PATH/TO/SOCKET.")
    if text.startswith("unix:") and not at.values["TRUSTED_PROXIES"]:
        at.wrong(f"{at.name} is a socket: set TRUSTED_PROXIES to 1. Only the proxy knows the addresses of users.")
    return text


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


def region(text: str, at: Reading) -> str:
    """A region of the partition."""
    partition = at.values["AWS_PARTITION"]
    looks_like, default = _REGIONS.get(partition, _REGIONS["aws"])
    name = text or default
    if not re.fullmatch(looks_like, name):
        at.wrong(f"{at.name} is {name!r}: set a region of the partition {partition}, like {default}.")
    return name


def public_url(text: str, at: Reading) -> str:
    """The address as browsers write it: in lower case, without the default port."""
    url = text or f"http://127.0.0.1:{at.env.get('PORT') or 8000}"
    parts, port = _parts(url)
    host = parts.hostname or ""
    local = parts.scheme == "http" and host == "127.0.0.1"
    nothing_else = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    if not host or not host.isascii() or not nothing_else or not (local or parts.scheme == "https"):
        at.wrong(
            f"{at.name} is {url!r}: set https://HOST, or http://127.0.0.1:PORT for a portal on this machine; a HOST "
            "with other letters than a to z in the form that begins with xn--."
        )
    written = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{written}" + (f":{port}" if port not in (None, _USUAL.get(parts.scheme)) else "")


def limit(text: str, at: Reading) -> str:
    """A rate limit as the limits library reads it: "30 per 5 minutes"."""
    try:
        parse_many(text)
    except ValueError:
        at.wrong(f"{at.name} is {text!r}: set something like '10 per 5 minutes'.")
    return text


def methods(text: str, at: Reading) -> frozenset[str]:
    """Ways to sign in."""
    text = text or ("aws-sign-in,access-key" if at.values["AWS_PARTITION"] == "aws" else "access-key")
    chosen, policy = frozenset(listed(text)), at.values["FORCE_MFA_DOCUMENT"]
    if not chosen or chosen - {"aws-sign-in", "access-key"}:
        at.wrong(f"{at.name} is {text!r}: set aws-sign-in, access-key, or both separated by a comma.")
    if "aws-sign-in" in chosen and policy and "iam:DeactivateMFADevice" not in allowed_actions(policy):
        at.wrong(
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
    "password-expiry": 1095,
    "tls-days": 3650,
    "evidence-days": 3650,
}
"""Names COMPLIANCE_THRESHOLDS may give, and the largest number for each."""


def thresholds(text: str, at: Reading) -> dict[str, dict[str, int]]:
    """By account, "" for all: numbers by their name in `app.compliance.rules.subjects.Terms`."""
    chosen: dict[str, dict[str, int]] = {}
    accounts = known_accounts(at)
    for part in listed(text):
        found = re.fullmatch(r"(?:(\d{12}):)?([a-z-]+)=(\d{1,4})", part)
        if not found or found[2] not in THRESHOLDS or not 1 <= int(found[3]) <= THRESHOLDS[found[2]]:
            at.wrong(
                f"COMPLIANCE_THRESHOLDS: {part!r} is not NAME=NUMBER or ACCOUNT:NAME=NUMBER with one of "
                f"{', '.join(THRESHOLDS)}."
            )
        elif found[1] and found[1] not in accounts:
            at.wrong(
                f"COMPLIANCE_THRESHOLDS: {part!r} names an account that is not one of ACCOUNTS or WATCHED_ACCOUNTS."
            )
        else:
            chosen.setdefault(found[1] or "", {})[found[2].replace("-", "_")] = int(found[3])
    return chosen


def service_users(text: str, at: Reading) -> tuple[tuple[str, str], ...]:
    """Return which users are programs: "name", "path" or "tag", and a pattern, of a tag "KEY=PATTERN"."""
    found: list[tuple[str, str]] = []
    for part in listed(text):
        kind, _, pattern = part.partition(":")
        if kind == "tag":
            if not re.fullmatch(r"[\w +.:/@-]{1,128}=[\w +=.:/@*?-]{1,256}", pattern):
                at.wrong(f"{at.name}: {part!r} must be tag:KEY=PATTERN, like tag:kind=service. KEY has no wildcards.")
        elif kind not in ("name", "path") or not re.fullmatch(r"[\w+=.@/*?-]+", pattern):
            at.wrong(
                f"{at.name}: {part!r} must be path:PATTERN, name:PATTERN or tag:KEY=PATTERN, like path:/service/*, "
                "name:svc-* or tag:kind=service."
            )
        found.append((kind, pattern))
    return tuple(found)


_AUDIT_KEY = re.compile(r"(\+?)([A-Za-z0-9_-]{1,16})(?:@(\d{4}-\d\d-\d\d|\d{8}T\d{4}Z))?:(.{32,})", re.DOTALL)
"""+ for a key that doesn't sign yet, id, end, secret."""


def audit_keys(text: str, at: Reading) -> Keyring:
    """The keys of the audit log, the newest first; the first without a + signs."""
    keys: dict[str, bytes] = {}
    ends: dict[str, datetime] = {}
    prepared = 0
    for part in listed(text):
        found = _AUDIT_KEY.fullmatch(part)
        if not found or found[2] in keys:
            at.wrong(
                "AUDIT_KEYS: each must be KEYID:SECRET, the id 1 to 16 letters and digits and used once, the secret "
                "at least 32 characters. +KEYID:SECRET for one that does not sign yet."
            )
            return Keyring({})
        newer, key_id, end, secret = found.groups()
        if newer and prepared < len(keys):
            at.wrong(f"AUDIT_KEYS: +{key_id} comes after a key that signs. The newest keys come first.")
        if moment := _end_of(key_id, end, at):
            ends[key_id] = moment
        if end and prepared == len(keys):
            at.wrong(
                f"AUDIT_KEYS: {key_id} has an end, but it is the key that signs. Only replaced keys have an end."
            )
        prepared += bool(newer)
        keys[key_id] = secret.encode()
    if keys and prepared == len(keys):
        at.wrong("AUDIT_KEYS: every key has a +, so none signs. Leave it out where the key signs.")
    if not keys:
        at.wrong(
            "AUDIT_KEYS is missing: set KEYID:SECRET with a secret of its own. "
            "Make one: echo k1:$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')"
        )
    return Keyring(keys, ends, prepared)


def _end_of(key_id: str, end: str | None, at: Reading) -> datetime | None:
    """When an older key ended; None where it has no end."""
    try:
        return datetime.fromisoformat(end).replace(tzinfo=UTC) if end else None
    except ValueError:
        at.wrong(
            f"AUDIT_KEYS: the end in {key_id}@{end} isn’t a date such as 2026-05-03, or a minute such as "
            "20260503T1000Z."
        )
        return None


_ADMIN = re.compile(
    r"(?:(\d{12}|\*)=)?(?:(arn:[a-z-]+:iam::(\d{12}):user/[^\s#]+)(?:#(AIDA[A-Z0-9]{4,124}))?|(AIDA[A-Z0-9]{4,124}))"
)


def admins(text: str, at: Reading) -> dict[str, frozenset[str]]:
    """By account, those named for it: unique IDs (AIDA...), or ARNs where no ID was given."""
    by_account: dict[str, frozenset[str]] = {}
    known = known_accounts(at)
    for part in lines_of(text, at):
        found = _ADMIN.fullmatch(part)
        account = (found[1] or found[3]) if found else None
        if not found or not account:
            at.wrong(
                f"{at.name}: {part!r} must be ARN, ARN#ID, ACCOUNT=ARN#ID or ACCOUNT=ID, where ARN is that of a user "
                "and ID its unique ID (AIDA...). ACCOUNT is * for all accounts."
            )
            continue
        if account != "*" and account not in known:
            at.wrong(f"{at.name}: {part!r} names an account that is not one of ACCOUNTS or WATCHED_ACCOUNTS.")
        elif found[3] and found[3] not in at.values["ACCOUNTS"]:
            at.wrong(f"{at.name}: {part!r} names a user whose account is not one of ACCOUNTS, so they can’t sign in.")
        for each in known if account == "*" else (account,):
            by_account[each] = by_account.get(each, frozenset()) | {found[4] or found[5] or found[2]}
    return by_account


def database_url(default: str) -> Parser:
    """A URL as SQLAlchemy reads it, of the databases and drivers the portal supports. default: where none is set."""

    def parse(text: str, at: Reading) -> str:
        url = text or default
        _check_database(url, at, own=url == default)
        return url

    return parse


def _check_database(url: str, at: Reading, *, own: bool) -> None:
    try:
        made = make_url(url)
        driver, folder = made.drivername, Path(made.database or "").parent
    except (ArgumentError, ValueError):
        driver, folder = "", Path()
    if driver == "sqlite" and folder.is_absolute() and not folder.is_dir() and not own:
        at.wrong(f"DATABASE_URL: there is no folder {folder}. Make it, or name another.")
    if driver not in ("sqlite", "postgresql+psycopg"):
        # Not repeated: it may hold a password.
        at.wrong(
            "DATABASE_URL: set sqlite:////PATH/TO/FILE, or postgresql+psycopg://USER:PASSWORD@HOST/NAME; Latchkey "
            "knows no other database or driver."
        )


def redis(url: str, at: Reading) -> str:
    """The URL, "" for none."""
    if not url:
        return ""
    parts, _ = _parts(url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or not re.fullmatch(r"/?\d*", parts.path):
        # Not repeated: it may hold a password.
        at.wrong("REDIS_URL: set redis://HOST:PORT/NUMBER, with :PASSWORD@ before HOST where it wants one.")
    return url


def workers(text: str, at: Reading) -> int:
    """How many processes serve, at least 1."""
    name = at.name if text else "WEB_CONCURRENCY"
    number = int(whole(1, 64)(text or at.env.get("WEB_CONCURRENCY") or "1", replace(at, name=name)))
    if number > 1 and not at.values["REDIS_URL"]:
        at.wrong(
            f"{name} is {number}, but without REDIS_URL sessions, rate limits and locks are those of one process: "
            "set REDIS_URL, or one worker."
        )
    return number
