"""Every setting of the portal: read from the environment once, checked at start, all problems told together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from app import settings
from app.policy.documents import PARTITIONS, read
from app.policy.evaluation import PolicyError

ROOT = Path(__file__).parent

SETTINGS: dict[str, str] = {
    "ACCOUNTS": "Account ids (12 digits, separated by commas) whose IAM users may sign in. Required.",
    "SECRET_KEY": "At least 32 random characters; sessions are encrypted with keys derived from it. Required. "
    "Make one: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'",
    "SECRET_KEY_FALLBACKS": "Earlier SECRET_KEYs, separated by commas: open sessions stay readable while you rotate.",
    "AUDIT_KEYS": "Keys of the record of activity, KEYID:SECRET, separated by commas; secrets of at least 32 random "
    "characters. The first makes new rows; keep earlier ones behind it, or their rows cannot be verified, each with "
    "its end: KEYID@2026-05-03:SECRET. +KEYID:SECRET in front: does not sign yet. Required.",
    "AUDIT_RETENTION_DAYS": "Age at which `flask activity prune` removes rows, 30 to 3650. Default: rows are kept.",
    "AUDIT_STREAM": "stdout: every row also goes to standard output as a JSON line. Default: none.",
    "ADMINS": "Who sees everyone's activity, the compliance pages and those about the policy, separated by commas: "
    "ARN#ID of IAM users, where ID is AWS's unique id (AIDA...), each for its own account, or ACCOUNT=ARN#ID for "
    "another one. Without the id a later user of that name is an administrator, too. Default: nobody.",
    "PUBLIC_URL": "Address people type, without a path. https, or http://127.0.0.1:PORT. "
    "Default http://127.0.0.1:8000.",
    "TRUSTED_PROXIES": "How many reverse proxies in front set X-Forwarded-For, -Proto and -Host. Default 0.",
    "DATABASE_URL": "sqlite:////PATH/TO/FILE, or postgresql+psycopg://USER:PASSWORD@HOST/NAME. "
    "Default: SQLite in instance/latchkey.db.",
    "REDIS_URL": "redis://HOST:PORT/NUMBER (rediss:// with TLS): sessions, rate limits and what else replicas share. "
    "Needed for more than one worker or replica. Default: none, sessions are in the database.",
    "WORKERS": "Processes of `make serve`, 1 to 64; more than one needs REDIS_URL. Default: WEB_CONCURRENCY, else 1.",
    "BIND": "HOST:PORT or unix:/PATH to listen on. Default 127.0.0.1:PORT; in a container 0.0.0.0:PORT.",
    "LOG_LEVEL": "DEBUG, INFO, WARNING or ERROR. Default INFO: a line per request.",
    "METRICS_TOKEN": "At least 16 characters: a bearer token that opens /metrics. Default: there is no /metrics.",
    "FORCE_MFA_POLICY": "The policy your users are under: recommended, tutorial, a date AWS published one at "
    "(docs/policy.md), or a file. Default recommended.",
    "AWS_PARTITION": "aws, aws-cn, aws-us-gov or aws-eusc. Default aws.",
    "AWS_REGION": "Region whose STS and AWS Sign-In endpoints are used. Default us-east-1, or one of the partition.",
    "SIGN_IN_METHODS": "aws-sign-in, access-key, or both, separated by a comma. Default both; in partitions other "
    "than aws, which had no AWS Sign-In for programs when last looked at, access-key.",
    "COMPLIANCE_THRESHOLDS": "Numbers the compliance rules go by, NAME=NUMBER, separated by commas; for one "
    "account ACCOUNT:NAME=NUMBER: key-days (default ACCESS_KEY_MAX_AGE_DAYS), unused-days 45, certificate-days 365, "
    "ssh-days 365, first-sign-in-days 30, root-days 30, password-length 14, password-reuse 24, "
    "evidence-days 90 (what is older vouches for nothing).",
    "ACCESS_KEY_MAX_AGE_DAYS": "Age at which an access key is due to be replaced, 1 to 365. Default 90.",
    "SESSION_IDLE_MINUTES": "Minutes without a request after which a session ends, 1 to 60. Default 15.",
    "CONFIRM_MINUTES": "Minutes after a sign-in within which credentials may be added or given up, 5 to 60. "
    "Default 30.",
    "SESSION_MAX_MINUTES": "Minutes after which an MFA session from an access key ends, 15 to 720. Default 60.",
    "SIGN_IN_SESSION_MAX_MINUTES": "The same for sessions from AWS Sign-In, 15 to 720. Default 480.",
    "SIGN_IN_LIMIT_PER_ADDRESS": "Sign-in attempts per address. Default 30 per 5 minutes.",
    "SIGN_IN_LIMIT_PER_KEY": "Sign-in attempts per access key id, and codes after it. Default 10 per 5 minutes.",
}

BEFORE_MFA = timedelta(minutes=15)
"""Life of a session without MFA, and so of the secret key it stands on."""
BETWEEN_KEY_AND_CODE = timedelta(minutes=5)
"""How long a secret is held between the key step and the code step of a sign-in."""


def _as_json(value: object) -> str:
    return orjson.dumps(value).decode()


def engine_options(url: str) -> dict[str, Any]:
    """Options of SQLAlchemy's engine: nobody waits long for a database that is away or busy."""
    everywhere = {
        "hide_parameters": True,  # what was to be written is not put into errors, and so into the log
        # Columns of JSON by the thousand, where an account's people are judged.
        "json_serializer": _as_json,
        "json_deserializer": orjson.loads,
    }
    if not url.startswith("postgresql"):
        return everywhere
    return everywhere | {
        "pool_pre_ping": True,  # a database that was restarted is noticed before a request needs it
        "pool_size": 16,  # one for each thread of a worker
        "max_overflow": 4,
        "pool_timeout": 5,
        "connect_args": {
            "connect_timeout": 3,
            "keepalives_idle": 30,
            "tcp_user_timeout": 10_000,
            "options": "-c lock_timeout=5000 -c statement_timeout=10000 -c idle_in_transaction_session_timeout=20000",
        },
    }


def from_env(env: Mapping[str, str]) -> dict[str, Any]:
    """Flask's configuration out of the environment.

    Raises SystemExit listing every missing or wrong setting at once, each with what to set.
    """
    problems: list[str] = []
    accounts = [part.strip() for part in env.get("ACCOUNTS", "").split(",") if part.strip()]
    if not accounts or any(not re.fullmatch(r"\d{12}", account) for account in accounts):
        problems.append("ACCOUNTS is missing or wrong: set the 12-digit ids of your accounts, like 123456789012.")
    secret_key = env.get("SECRET_KEY", "")
    fallbacks = [part.strip() for part in env.get("SECRET_KEY_FALLBACKS", "").split(",") if part.strip()]
    if any(len(key) < 32 for key in (secret_key, *fallbacks)):
        problems.append(
            "SECRET_KEY (and each of SECRET_KEY_FALLBACKS) needs at least 32 random characters; make one with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    public_url = settings.public_url(env.get("PUBLIC_URL") or f"http://127.0.0.1:{env.get('PORT') or 8000}", problems)
    partition = env.get("AWS_PARTITION") or "aws"
    if partition not in PARTITIONS:
        problems.append(f"AWS_PARTITION is {partition!r}: set one of {', '.join(PARTITIONS)}.")
    region = settings.region(env, partition, problems)
    policy: dict[str, Any] = {}
    try:
        policy = read(env.get("FORCE_MFA_POLICY") or "recommended")
    except PolicyError as error:
        problems.append(f"FORCE_MFA_POLICY: {error}")
    methods = settings.methods(env, partition, policy, problems)
    proxies = settings.whole(env, "TRUSTED_PROXIES", 0, 0, 10, problems)
    idle = settings.whole(env, "SESSION_IDLE_MINUTES", 15, 1, 60, problems)
    longest = settings.whole(env, "SESSION_MAX_MINUTES", 60, 15, 720, problems)
    longest_sign_in = settings.whole(env, "SIGN_IN_SESSION_MAX_MINUTES", 480, 15, 720, problems)
    key_age = settings.whole(env, "ACCESS_KEY_MAX_AGE_DAYS", 90, 1, 365, problems)
    confirm = settings.whole(env, "CONFIRM_MINUTES", 30, 5, 60, problems)
    audit_keys = settings.audit_keys(env.get("AUDIT_KEYS", ""), problems)
    kept = (
        settings.whole(env, "AUDIT_RETENTION_DAYS", 0, 30, 3650, problems) if env.get("AUDIT_RETENTION_DAYS") else 0
    )
    stream = env.get("AUDIT_STREAM", "")
    if stream not in ("", "stdout"):
        problems.append(f"AUDIT_STREAM is {stream!r}: set stdout, or nothing.")
    admins = settings.admins(env.get("ADMINS", ""), accounts, problems)
    thresholds = settings.thresholds(env.get("COMPLIANCE_THRESHOLDS", ""), accounts, problems)
    own_database = f"sqlite:///{ROOT / 'instance' / 'latchkey.db'}"
    database_url = settings.database_url(env, own_database, problems)
    settings.bind(env, problems)
    redis_url = settings.redis(env.get("REDIS_URL", ""), problems)
    workers = settings.workers(env, problems)
    per_address = settings.limit(env, "SIGN_IN_LIMIT_PER_ADDRESS", "30 per 5 minutes", problems)
    per_key = settings.limit(env, "SIGN_IN_LIMIT_PER_KEY", "10 per 5 minutes", problems)
    level = (env.get("LOG_LEVEL") or "INFO").upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        problems.append(f"LOG_LEVEL is {level!r}: set DEBUG, INFO, WARNING or ERROR.")
    metrics_token = env.get("METRICS_TOKEN", "")
    if metrics_token and len(metrics_token) < 16:
        problems.append("METRICS_TOKEN is shorter than 16 characters: set a longer one, or none.")
    if problems:
        raise SystemExit("Latchkey cannot start:\n" + "\n".join(f"- {problem}" for problem in problems))

    https = public_url.startswith("https:")
    parts = urlsplit(public_url)
    return {
        "ACCOUNTS": frozenset(accounts),
        "SECRET_KEY": secret_key,
        "SECRET_KEY_FALLBACKS": fallbacks,
        "AUDIT_KEYS": audit_keys,
        "AUDIT_RETENTION": timedelta(days=kept) if kept else None,
        "AUDIT_STREAM": stream,
        "ADMINS": admins,
        "COMPLIANCE_THRESHOLDS": thresholds,
        "PUBLIC_URL": public_url,
        "TRUSTED_PROXIES": proxies,
        "TRUSTED_HOSTS": [parts.hostname] + ([] if https else ["localhost"]),
        "PREFERRED_URL_SCHEME": parts.scheme,
        # Cookies are shared by all ports of a host, so plain http carries the port in the name.
        "SESSION_COOKIE_NAME": "__Host-latchkey" if https else f"latchkey-{parts.port or 80}",
        "SESSION_COOKIE_SECURE": https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_IDLE": timedelta(minutes=idle),
        "ACCESS_KEY_MAX_AGE": timedelta(days=key_age),
        "CONFIRM_WITHIN": timedelta(minutes=confirm),
        "SESSION_MAX": timedelta(minutes=longest),
        "SIGN_IN_SESSION_MAX": timedelta(minutes=longest_sign_in),
        "SIGN_IN_METHODS": methods,
        "SQLALCHEMY_DATABASE_URI": database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(database_url),
        "REDIS_URL": redis_url,
        "WORKERS": workers,
        "LOG_LEVEL": level,
        "METRICS_TOKEN": metrics_token,
        "FORCE_MFA_DOCUMENT": policy,
        "AWS_PARTITION": partition,
        "AWS_REGION": region,
        "SIGN_IN_LIMIT_PER_ADDRESS": per_address,
        "SIGN_IN_LIMIT_PER_KEY": per_key,
        "RATELIMIT_STORAGE_URI": redis_url or "memory://",
        # As patient as the store of sessions is.
        "RATELIMIT_STORAGE_OPTIONS": {"wrap_exceptions": True}
        | ({"socket_connect_timeout": 2, "socket_timeout": 2} if redis_url else {}),
        "RATELIMIT_KEY_PREFIX": "latchkey",
        "MAX_CONTENT_LENGTH": 256 * 1024,
        # Forms that are open stay good while SECRET_KEY is rotated: the last key signs, all are tried.
        "WTF_CSRF_SECRET_KEY": [*reversed(fallbacks), secret_key],
        # A form is as good as its session: no second, shorter clock that loses what people typed.
        "WTF_CSRF_TIME_LIMIT": None,
    }
