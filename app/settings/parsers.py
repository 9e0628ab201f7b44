"""Parsers for who may do what, how users sign in, the policy, and compliance."""

from __future__ import annotations

import re
from typing import Any

from app.policy.documents import read
from app.policy.evaluation import PolicyError
from app.policy.portal_actions import allowed_actions
from app.settings.account_lists import known_accounts, lines_of
from app.settings.table import Reading
from app.settings.values import listed, one_of


def accounts(text: str, at: Reading) -> frozenset[str]:
    """12-digit account IDs."""
    found = frozenset(listed(text))
    if not found or any(not re.fullmatch(r"\d{12}", account) for account in found):
        at.wrong(f"{at.name} is missing or wrong: set the 12-digit ids of your accounts, like 123456789012.")
    return found


def log_level(text: str, at: Reading) -> str:
    """A level of Python's logging."""
    return str(one_of("DEBUG", "INFO", "WARNING", "ERROR")(text.upper(), at))


def policy(text: str, at: Reading) -> dict[str, Any]:
    """The Force_MFA document, {} where it can't be read."""
    try:
        return read(text)
    except PolicyError as error:
        at.wrong(f"{at.name}: {error}")
        return {}


_REGIONS = {
    "aws": (r"(?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d", "us-east-1"),
    "aws-cn": (r"cn-[a-z]+-\d", "cn-north-1"),
    "aws-us-gov": (r"us-gov-[a-z]+-\d", "us-gov-west-1"),
    "aws-eusc": (r"eusc-de-[a-z]+-\d", "eusc-de-east-1"),
}
"""By partition: how its regions are called (botocore's partitions.json), and the one asked where none is set."""


def region(text: str, at: Reading) -> str:
    """A region of the partition. Also looks at addresses that take the place of AWS's, because users see them."""
    partition = at.values["AWS_PARTITION"]
    looks_like, default = _REGIONS.get(partition, _REGIONS["aws"])
    name = text or default
    if not re.fullmatch(looks_like, name):
        at.wrong(f"{at.name} is {name!r}: set a region of the partition {partition}, like {default}.")
    for variable, url in at.env.items():
        if variable.startswith("AWS_ENDPOINT_URL") and "@" in url.partition("://")[2].partition("/")[0]:
            at.wrong(f"{variable} contains a user name or password, which users would see. Set it without them.")
    return name


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


_ADMIN = re.compile(
    r"(?:(\d{12}|\*)=)?(?:(arn:[a-z-]+:iam::(\d{12}):user/[^\s#]+)(?:#(AIDA[A-Z0-9]{4,124}))?|(AIDA[A-Z0-9]{4,124}))"
)


def admins(text: str, at: Reading) -> dict[str, frozenset[str]]:
    """By account, those named for it: unique IDs (AIDA...), or ARNs where no ID was given."""
    by_account: dict[str, frozenset[str]] = {}
    known = known_accounts(at)
    for _number, part in lines_of(text, at):
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
