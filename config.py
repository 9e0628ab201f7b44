"""Every setting of the portal, in one table. They are read from the environment once and checked at startup.

`python config.py` prints the table in docs/settings.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import click
import orjson

from app.places import INSTANCE
from app.policy.documents import PARTITIONS
from app.settings import account_lists, branding, company, keys, notices, outbox, parsers, reminders, serving, values
from app.settings.list_files import ListFiles
from app.settings.table import Former, Reading, Setting, read_all

_DATABASE = f"sqlite:///{INSTANCE / 'latchkey.db'}"
_MAKE_ONE = "Make one: `python3 -c 'import secrets; print(secrets.token_urlsafe(48))'`"


def _standards(text: str, at: Reading) -> dict[str, Any]:
    """By account, "" for all others: the standards (`app.compliance.standards.standard.Standard`)."""
    # Imported here, since app.settings can't import another feature.
    from app.compliance.standards.shipped import choose  # noqa: PLC0415 # see above

    chosen, problems = choose(values.listed(text), account_lists.known_accounts(at))
    for problem in problems:
        at.wrong(f"{at.name}: {problem}")
    return dict(chosen)


def _alerts(text: str, at: Reading) -> dict[str, int]:
    """By rule id: how many users may fail it."""
    from app.compliance.rules.table import OF_PEOPLE  # noqa: PLC0415 # as above

    return reminders.bounds(text, at, {rule.id for rule in OF_PEOPLE})


SETTINGS: dict[str, Setting] = {
    each.name: each
    for each in (
        Setting(
            "ACCOUNTS",
            parsers.accounts,
            help="Account IDs (12 digits, separated by commas) whose IAM users may sign in. Required",
        ),
        Setting(
            "WATCHED_ACCOUNTS",
            account_lists.watched_accounts,
            help="More account IDs, separated by commas, for the [compliance pages](compliance.md) only. "
            "Their IAM users can't sign in. `@/PATH/TO/FILE` reads them from a file, and again when it changes: an "
            "ID on each line, and after commas a name and an organizational unit. Default: none",
        ),
        Setting(
            "SECRET_KEY",
            keys.secret_key,
            help="At least 32 random characters. Sessions are encrypted with keys derived from it. Required. "
            f"{_MAKE_ONE}",
            secret=True,
        ),
        Setting(
            "SECRET_KEY_FALLBACKS",
            keys.secret_keys,
            help="Earlier keys, separated by commas. Open sessions stay readable while you rotate",
            secret=True,
        ),
        Setting(
            "EVIDENCE_KEY",
            keys.evidence_key,
            help="At least 32 random characters. The key that signs packs of evidence is derived from it: "
            "[compliance.md](compliance.md#the-key-that-signs). Default: derived from `SECRET_KEY`, so it changes "
            "with that",
            secret=True,
        ),
        Setting(
            "EVIDENCE_RETENTION_DAYS",
            values.days(0, 3650),
            default="0",
            key="EVIDENCE_RETENTION",
            help="Days, 0 to 3650, for which the sources of compliance results are kept, encrypted, so that results "
            "can be made again from them: [compliance.md](compliance.md#kept-sources). `0`: they aren't kept",
        ),
        Setting(
            "AUDIT_KEYS",
            keys.audit_keys,
            help="Keys of the audit log, `KEYID:SECRET`, separated by commas, each secret with at least 32 random "
            "characters: [activity.md](activity.md). The first signs new entries. Keep earlier keys after "
            "it, with an end date: `KEYID@2026-05-03:SECRET`. `+KEYID:SECRET` in front doesn't sign yet. Required",
            secret=True,
        ),
        Setting(
            "AUDIT_RETENTION_DAYS",
            values.optional(values.days(30, 3650)),
            key="AUDIT_RETENTION",
            help="Age, 30 to 3650 days, at which `latchkey activity prune` removes entries. Default: all are kept",
        ),
        Setting(
            "AUDIT_STREAM",
            values.one_of("", "stdout"),
            help="`stdout`: every entry also goes to standard output as a JSON line. Default: none",
        ),
        Setting(
            "ADMINS",
            parsers.admins,
            help="Administrators, separated by commas. They see everyone's activity, the "
            "[compliance pages](compliance.md) and the policy pages. `ARN#ID` of an IAM user, where `ID` is its "
            "unique ID (`AIDA…`, on the user's overview page), or `ACCOUNT=ARN#ID` for another account. An ARN "
            "without an ID also works, but if that user is deleted, the next user with that name is an administrator."
            " `*=ARN#ID` is for all accounts. `@/PATH/TO/FILE` reads them from a file, one on each line, and again "
            "when it changes",
        ),
        Setting(
            "AUDITORS",
            parsers.admins,
            help="Auditors, in the form of `ADMINS`. They read and export the [compliance pages](compliance.md) and "
            "everyone's activity, and change nothing. A user in both lists is an administrator. Default: none",
        ),
        Setting(
            "PUBLIC_URL",
            serving.public_url,
            help="Address of the portal, without a path: `https://HOST`, or `http://127.0.0.1:PORT`. "
            "Default `http://127.0.0.1:8000`",
        ),
        Setting(
            "TRUSTED_PROXIES",
            values.whole(0, 10),
            default="0",
            help="Number of reverse proxies that set `X-Forwarded-*`",
        ),
        Setting(
            "DATABASE_URL",
            serving.database_url(_DATABASE),
            key="SQLALCHEMY_DATABASE_URI",
            help="`sqlite:////PATH/TO/FILE`, or `postgresql+psycopg://USER:PASSWORD@HOST/NAME`. "
            "Default: SQLite in `instance/latchkey.db`",
            secret=True,
        ),
        Setting(
            "REDIS_URL",
            serving.redis,
            help="`redis://HOST:PORT/NUMBER` (`rediss://` with TLS), for sessions and rate limits that all replicas "
            "share: [operations.md](operations.md). Default: none, so sessions are in the database and "
            "rate limits in memory",
            secret=True,
        ),
        Setting(
            "WORKERS",
            serving.workers,
            help="Processes of `latchkey serve`, 1 to 64. More than one needs `REDIS_URL`. "
            "Default `WEB_CONCURRENCY`, else 1",
        ),
        Setting(
            "BIND",
            serving.bind,
            help="`HOST:PORT` or `unix:/PATH` to listen on. Default `127.0.0.1:PORT`, in a container `0.0.0.0:PORT`",
        ),
        Setting(
            "LOG_LEVEL",
            parsers.log_level,
            default="INFO",
            help="`DEBUG`, `INFO` (a line per request), `WARNING` or `ERROR`",
        ),
        Setting(
            "METRICS_TOKEN",
            keys.metrics_token,
            help="The bearer token for `/metrics`, at least 16 characters. Default: none, and no `/metrics`",
            secret=True,
        ),
        Setting(
            "FORCE_MFA_POLICY",
            parsers.policy,
            default="recommended",
            key="FORCE_MFA_DOCUMENT",
            help="The policy this portal assumes your users have: `recommended`, `tutorial`, another name in "
            "[policy.md](policy.md), or a file",
        ),
        Setting(
            "AWS_PARTITION",
            values.one_of(*PARTITIONS),
            default="aws",
            help="`aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`",
        ),
        Setting(
            "AWS_REGION",
            parsers.region,
            help="Region of AWS STS and AWS Sign-In. Default `us-east-1`, in other partitions one of their regions",
        ),
        Setting(
            "SIGN_IN_METHODS",
            parsers.methods,
            help="`aws-sign-in`, `access-key`, or both, separated by a comma: [sign-in.md](sign-in.md). "
            "Default both, in partitions other than `aws` only `access-key`",
        ),
        Setting(
            "SERVICE_USERS",
            parsers.service_users,
            help="Which IAM users are programs, `path:PATTERN`, `name:PATTERN` or `tag:KEY=PATTERN` with `*` and "
            "`?`, separated by commas: `path:/service/*,name:svc-*,tag:kind=service`. Rules about MFA don't apply to "
            "those without a password: [compliance.md](compliance.md#service-users). Default: none",
        ),
        Setting(
            "EXCEPTION_APPROVAL",
            values.one_of("", "0", "1"),
            help="`1`: a compliance exception counts only when a second administrator approves it. Default: at once",
        ),
        Setting(
            "OIDC_ISSUER",
            company.issuer,
            help="Issuer of your OpenID Connect provider. People who aren't IAM users then sign in to the compliance "
            "pages with their company account: [sign-in.md](sign-in.md#with-a-company-account). Default: none",
        ),
        Setting(
            "OIDC_CLIENT_ID",
            company.needed,
            help="The client ID of this portal at the provider. Required with `OIDC_ISSUER`",
        ),
        Setting(
            "OIDC_CLIENT_SECRET",
            company.needed,
            help="Its client secret. Required with `OIDC_ISSUER`",
            secret=True,
        ),
        Setting(
            "OIDC_ADMIN_GROUPS",
            company.groups,
            help="Groups at the provider whose members are administrators, separated by commas: `GROUP` for all "
            "accounts, or `GROUP=ACCOUNT`",
        ),
        Setting(
            "OIDC_AUDITOR_GROUPS",
            company.auditor_groups,
            help="Groups whose members are auditors, in the same form",
        ),
        Setting(
            "OIDC_GROUP_CLAIM",
            company.claim,
            default="groups",
            help="The claim of the ID token that has the groups",
        ),
        Setting(
            "OIDC_MFA_CLAIM",
            company.mfa,
            default="amr=mfa",
            help="What in the ID token shows that MFA was used, `CLAIM=VALUE`, separated by commas if each of "
            "several does: `amr=mfa,amr=hwk`, or `acr=VALUE`. Without it, nobody can sign in",
        ),
        Setting(
            "COMPLIANCE_THRESHOLDS",
            parsers.thresholds,
            help="Thresholds of the compliance rules, `NAME=NUMBER` or `ACCOUNT:NAME=NUMBER`, separated by commas: "
            "[compliance.md](compliance.md)",
        ),
        Setting(
            "COMPLIANCE_STANDARDS",
            _standards,
            default="cis-5.0",
            help="Standards that your accounts follow, `ID` or the path of a TOML file, separated by commas. "
            "`ACCOUNT:ID` is for one account, which then follows only its own: [compliance.md](compliance.md)",
        ),
        Setting(
            "ACCESS_KEY_MAX_AGE_DAYS",
            values.days(1, 365),
            default="90",
            key="ACCESS_KEY_MAX_AGE",
            help="Age, 1 to 365 days, at which an access key is due to be replaced",
        ),
        Setting(
            "SESSION_IDLE_MINUTES",
            values.minutes(1, 60),
            default="15",
            key="SESSION_IDLE",
            help="Minutes without a request, 1 to 60, after which a session ends",
        ),
        Setting(
            "REAUTH_MINUTES",
            values.minutes(5, 60),
            default="30",
            key="REAUTH_WITHIN",
            formerly=Former("CONFIRM_MINUTES", since="1.0.0", until="2.0.0"),
            help="Minutes after a sign-in, 5 to 60, in which you can add or remove credentials. Later you confirm "
            "it's you first",
        ),
        Setting(
            "ACCESS_KEY_SESSION_MAX_MINUTES",
            values.minutes(15, 720),
            default="60",
            key="ACCESS_KEY_SESSION_MAX",
            formerly=Former("SESSION_MAX_MINUTES", since="1.0.0", until="2.0.0"),
            help="Longest MFA session from an access key, 15 to 720 minutes",
        ),
        Setting(
            "SIGN_IN_SESSION_MAX_MINUTES",
            values.minutes(15, 720),
            default="480",
            key="SIGN_IN_SESSION_MAX",
            help="Longest session from AWS Sign-In or with a company account, 15 to 720 minutes",
        ),
        Setting(
            "SIGN_IN_LIMIT_PER_ADDRESS",
            serving.limit,
            default="30 per 5 minutes",
            help="Attempts to sign in from one address",
        ),
        Setting(
            "SIGN_IN_LIMIT_PER_KEY",
            serving.limit,
            default="10 per 5 minutes",
            help="Attempts to sign in with one access key ID, and codes after it",
        ),
        Setting(
            "BRAND_NAME",
            branding.line(40),
            default="Latchkey",
            help="The name in the top bar and in page titles, at most 40 characters",
        ),
        Setting(
            "BRAND_LOGO",
            branding.logo,
            help="Path of an SVG or PNG file of at most 64 KiB, shown before the name. Default: the key of Latchkey",
        ),
        Setting(
            "SIGN_IN_NOTE",
            branding.line(300),
            help="A sentence for your users on the sign-in page, like the account ID that AWS asks them for. "
            "Plain text of at most 300 characters. Default: none",
        ),
        Setting(
            "SUPPORT_CONTACT",
            branding.contact,
            help="Who users can ask for help: `NAME`, `NAME <MAIL>` or `NAME <https://…>`, like "
            "`IT help desk <help@example.com>`. Default: pages say “your administrator”",
        ),
        Setting(
            "SECURITY_CONTACT",
            branding.reports_to,
            help="Where to report a weakness of this site: mail addresses, `https://…` or `tel:…`, separated by "
            "commas, the preferred one first. They are published in `/.well-known/security.txt`. Default: none, and "
            "no such file",
        ),
        Setting(
            "SECURITY_POLICY_URL",
            branding.web_page,
            help="Address of a page that says how you handle reports of weaknesses. It's in the same file. "
            "Default: none",
        ),
        Setting(
            "SMTP_SERVER",
            notices.smtp_server,
            help="`HOST` or `HOST:PORT` of the mail server that sends notices: "
            "[notifications.md](notifications.md). Default: none, and no mail is sent",
        ),
        Setting(
            "SMTP_SECURITY",
            notices.smtp_security,
            default="starttls",
            help="`starttls` (port 587), `tls` (465), or `plain` (25) for a server on this machine. "
            "`plain-on-network` lets everyone on the network between read the mails",
        ),
        Setting(
            "SMTP_FROM",
            notices.smtp_from,
            help="The sender, `MAIL` or `NAME <MAIL>`. Required with `SMTP_SERVER`",
        ),
        Setting(
            "SMTP_USER",
            notices.smtp_user,
            help="The user name for the mail server. Default: none, and no login",
        ),
        Setting(
            "SMTP_PASSWORD",
            notices.smtp_password,
            help="Its password. Required with `SMTP_USER`",
            secret=True,
        ),
        Setting(
            "WEBHOOK_URL",
            notices.hook,
            help="Address that notices are posted to as signed JSON: [notifications.md](notifications.md#webhook). "
            "Default: none",
            secret=True,
        ),
        Setting(
            "WEBHOOK_SECRETS",
            notices.hook_secrets,
            help="Secrets that sign them, `whsec_…`, separated by commas. Required with `WEBHOOK_URL`",
            secret=True,
        ),
        Setting(
            "SLACK_WEBHOOK_URL",
            notices.hook,
            help="Address of an incoming webhook of Slack. Default: none",
            secret=True,
        ),
        Setting(
            "TEAMS_WEBHOOK_URL",
            notices.hook,
            help="Address of a workflow of Microsoft Teams that posts what it receives. Default: none",
            secret=True,
        ),
        Setting(
            "NOTICES_PRIVATE_ADDRESSES",
            values.one_of("", "0", "1"),
            help="`1`: the host names of webhooks may resolve to private addresses, in your own network. "
            "Default: they may not",
        ),
        Setting(
            "NOTICES_CA_FILE",
            notices.ca_file,
            help="PEM file with certificate authorities of your mail server and webhooks, besides those of the "
            "system. Default: none",
        ),
        Setting(
            "NOTICES_ADDRESS_FILE",
            outbox.address_file,
            help="CSV file with users' mail addresses and managers: "
            "[notifications.md](notifications.md#addresses). Default: none",
        ),
        Setting(
            "NOTICES_ADDRESS_TAG",
            outbox.address_tag,
            help="Key of the tag of IAM users that has their mail address. It's read from authorization details. "
            "Default: none",
        ),
        Setting(
            "NOTICES_ADDRESS_PATTERN",
            outbox.address_pattern,
            help="Mail address of users who have none in the file or tag, like `{user}@example.com`. Default: none",
        ),
        Setting(
            "NOTICES_TIME_ZONE",
            outbox.time_zone,
            default="UTC",
            help="Time zone for quiet hours, `NOTICES_AT`, campaigns, and times in notices, like `Europe/Berlin`",
        ),
        Setting(
            "NOTICES_QUIET_HOURS",
            outbox.quiet_hours,
            help="Hours in which only notices about changed credentials are sent, like `20:00-07:00`. Default: none",
        ),
        Setting(
            "NOTICES_PER_MINUTE",
            values.whole(0, 100_000),
            default="0",
            help="How many notices all workers together send in a minute, at most. `0`: no limit",
        ),
        Setting(
            "NOTICES_ATTEMPTS",
            values.whole(1, 30),
            default="10",
            help="Attempts to send a notice, 1 to 30. After the last, administrators see it and can send it again. "
            "Attempts that a webhook, Slack or Teams answers with an error don't count. After 3 days of errors, the "
            "notice isn't tried again",
        ),
        Setting(
            "NOTICES_DUE",
            reminders.due_kinds,
            default="key-age,certificate-expiry,mfa-missing,unused-credentials",
            help="What users get reminders about, separated by commas: `key-age`, `certificate-expiry`, "
            "`mfa-missing`, `unused-credentials`. `none`: no reminders",
        ),
        Setting(
            "NOTICES_DUE_DAYS",
            reminders.ahead,
            default="14,7,1",
            help="How many days before an access key or certificate is due users get a reminder",
        ),
        Setting(
            "NOTICES_MFA_DAYS",
            values.whole(1, 365),
            default="7",
            help="Days, 1 to 365, between two reminders about missing MFA",
        ),
        Setting(
            "NOTICES_REPEAT_DAYS",
            values.whole(1, 365),
            default="30",
            help="Days, 1 to 365, between two reminders about unused credentials, or about what is overdue",
        ),
        Setting(
            "NOTICES_AT",
            reminders.time_of_day,
            default="07:00",
            help="Time of day, in `NOTICES_TIME_ZONE`, for reminders and summaries, and from which campaigns send",
        ),
        Setting(
            "NOTICES_DIGEST",
            reminders.weekday,
            default="monday",
            help="Day of the week for administrators’ summary of each account. `never`: no summary",
        ),
        Setting(
            "NOTICES_ADMINS",
            reminders.addresses,
            help="Mail addresses, separated by commas, that get summaries and alerts. Webhook, Slack and Teams get "
            "them in any case. Default: none",
        ),
        Setting(
            "NOTICES_ALERTS",
            _alerts,
            help="Rules and how many users may fail them, like `mfa=0,key-age=10`. If more users fail, and more "
            "than the day before, administrators get an alert. Default: none",
        ),
        Setting(
            "NOTICES_WORKERS",
            values.whole(0, 8),
            default="1",
            help="Workers that `latchkey serve` starts beside the portal if a channel is set up, 0 to 8",
        ),
    )
}
"""By name, in the order they are read: a setting may look at those above it."""

BEFORE_MFA = timedelta(minutes=15)
"""How long a session without MFA lasts, and how long the secret access key in it is kept."""
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
    files = ListFiles.of(SETTINGS, env)
    values, problems = read_all(SETTINGS.values(), env)
    if problems:
        raise SystemExit("Latchkey cannot start:\n" + "\n".join(f"- {problem}" for problem in problems))
    return values | _derived(values) | {"LIST_FILES": files}


def _derived(values: Mapping[str, Any]) -> dict[str, Any]:
    """What follows from the settings, for Flask and its extensions."""
    public_url, redis_url = values["PUBLIC_URL"], values["REDIS_URL"]
    https = public_url.startswith("https:")
    parts = urlsplit(public_url)
    return {
        "TRUSTED_HOSTS": [parts.hostname] + ([] if https else ["localhost"]),
        "PREFERRED_URL_SCHEME": parts.scheme,
        # Cookies are shared by all ports of a host, so plain http carries the port in the name.
        "SESSION_COOKIE_NAME": "__Host-latchkey" if https else f"latchkey-{parts.port or 80}",
        "SESSION_COOKIE_SECURE": https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(values["SQLALCHEMY_DATABASE_URI"]),
        "RATELIMIT_STORAGE_URI": redis_url or "memory://",
        # As patient as the store of sessions is.
        "RATELIMIT_STORAGE_OPTIONS": {"wrap_exceptions": True}
        | ({"socket_connect_timeout": 2, "socket_timeout": 2} if redis_url else {}),
        "RATELIMIT_KEY_PREFIX": "latchkey",
        "MAX_CONTENT_LENGTH": 256 * 1024,
        # Forms that are open stay good while SECRET_KEY is rotated: the last key signs, all are tried.
        "WTF_CSRF_SECRET_KEY": [*reversed(values["SECRET_KEY_FALLBACKS"]), values["SECRET_KEY"]],
        # A form is as good as its session: no second, shorter clock that loses what people typed.
        "WTF_CSRF_TIME_LIMIT": None,
    }


def table() -> str:
    """The table in docs/settings.md, as Markdown."""
    rows = (f"| `{each.name}` | {each.description()} |" for each in SETTINGS.values())
    return "\n".join(["| setting | |", "| --- | --- |", *rows])


if __name__ == "__main__":
    click.echo(table())
