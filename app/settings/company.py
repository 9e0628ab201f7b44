"""Parsers for the settings of the sign-in with a company account (OpenID Connect)."""

from __future__ import annotations

import re

from app.oidc.addresses import is_safe
from app.settings.account_lists import known_accounts
from app.settings.table import Reading
from app.settings.values import listed

LONGEST_ISSUER = 128


def issuer(text: str, at: Reading) -> str:
    """Return the address of the provider as its tokens write it, "" for none."""
    if text and (not is_safe(text) or len(text) > LONGEST_ISSUER or "?" in text or "#" in text):
        at.wrong(
            f"{at.name} is {text!r}: set the issuer of your provider, like https://sso.example.com/realms/staff."
        )
    return text


def needed(text: str, at: Reading) -> str:
    """Return what is needed where OIDC_ISSUER is set. Not repeated, because it may be a secret."""
    if at.values["OIDC_ISSUER"] and not text:
        at.wrong(f"{at.name} is missing: OIDC_ISSUER is set, and the provider asks for it.")
    return text


def claim(text: str, at: Reading) -> str:
    """Return the name of a claim."""
    if not re.fullmatch(r"\S{1,128}", text):
        at.wrong(f"{at.name} is {text!r}: set the name of a claim, like groups.")
    return text


def mfa(text: str, at: Reading) -> frozenset[tuple[str, str]]:
    """Return claims and values, each of which shows that MFA was used."""
    found: set[tuple[str, str]] = set()
    for part in listed(text):
        name, _, value = part.partition("=")
        if not name or not value:
            at.wrong(f"{at.name}: {part!r} must be CLAIM=VALUE, like amr=mfa.")
        found.add((name, value))
    if not found:
        at.wrong(f"{at.name} is empty: set CLAIM=VALUE, like amr=mfa. MFA is always demanded.")
    return frozenset(found)


def groups(text: str, at: Reading) -> dict[str, frozenset[str]]:
    """Return by account: the groups that are named for it."""
    accounts = known_accounts(at)
    found: dict[str, frozenset[str]] = {}
    for part in listed(text):
        name, _, account = part.rpartition("=")
        only = [account] if name and re.fullmatch(r"\d{12}", account) else None
        if only and account not in accounts:
            at.wrong(f"{at.name}: {part!r} names an account that is not one of ACCOUNTS or WATCHED_ACCOUNTS.")
        for each in only or accounts:
            found[each] = found.get(each, frozenset()) | {name if only else part}
    return found


def auditor_groups(text: str, at: Reading) -> dict[str, frozenset[str]]:
    """Return the same for auditors. One of both settings is needed where OIDC_ISSUER is set."""
    found = groups(text, at)
    if at.values["OIDC_ISSUER"] and not found and not at.values["OIDC_ADMIN_GROUPS"]:
        at.wrong("OIDC_ISSUER is set, but nobody could come in: set OIDC_ADMIN_GROUPS or OIDC_AUDITOR_GROUPS.")
    return found
