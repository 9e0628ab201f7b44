"""Who may come in with a company account: the groups that the settings name, with MFA."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from app.errors import Refused
from app.oidc.errors import TokenRefused
from app.sessions.contents import Colleague
from app.text.messages import N_

LONGEST_SUBJECT = 255
"""As OpenID Connect Core 1.0 says (section 2)."""
LONGEST_NAME = 119


class NoMfaAtCompany(Refused):
    """The provider doesn't say that MFA was used."""

    code = "company-sign-in-without-mfa"
    message = N_(
        "Your company’s sign-in didn’t confirm that you used MFA, and these pages need it. Sign in again with MFA, "
        "or %(ask_admin)s to require it."
    )


class NoRole(Refused):
    """None of the groups is named in the settings."""

    code = "company-sign-in-no-group"
    message = N_(
        "Your company account isn’t in a group that may use these pages. If you need them, ask %(administrator)s."
    )


def colleague_of(
    issuer: str,
    claims: Mapping[str, Any],
    group_claim: str,
    known_groups: Collection[str],
    mfa: Collection[tuple[str, str]],
    now: datetime,
) -> Colleague:
    """Return who the claims of an ID token are about. Raises TokenRefused, NoMfaAtCompany, NoRole.

    mfa: claims and values, each of which shows MFA.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise TokenRefused(diagnosis="sub")
    if not any(value in _values(claims.get(claim)) for claim, value in mfa):
        raise NoMfaAtCompany
    groups = sorted(set(known_groups).intersection(_values(claims.get(group_claim))))
    if not groups:
        raise NoRole
    return Colleague.of(issuer, subject, name_of(claims), groups, now)


def label_of(issuer: str, session: str) -> str:
    """Return the short ID of our session for one of the provider's (`sid`), so that a sign-out there finds it."""
    return sha256(f"{issuer}\n{session}".encode()).hexdigest()[:12]


def session_at_provider(claims: Mapping[str, Any]) -> str:
    """Return the id of the provider's session, "" where it tells none."""
    session = claims.get("sid")
    return session if isinstance(session, str) and len(session) <= LONGEST_SUBJECT else ""


def name_of(claims: Mapping[str, Any]) -> str:
    """Return what to call someone: their e-mail address, else another name, else the provider's own id of them."""
    for claim in ("email", "preferred_username", "sub"):
        # Anyone can type another's address. Some providers write the claim as text, some leave it out.
        if claim == "email" and str(claims.get("email_verified", True)).lower() != "true":
            continue
        name = claims.get(claim)
        if isinstance(name, str) and name.strip() and name.isprintable():
            return name.strip().replace("/", "_")[:LONGEST_NAME]
    return "?"


def _values(claim: object) -> list[str]:
    """Return the texts of a claim, which may be one or several."""
    several = claim if isinstance(claim, list) else [claim]
    return [each for each in several if isinstance(each, str)]
