"""Logout tokens: a provider says that it signed someone out (OpenID Connect Back-Channel Logout 1.0). Pure.

The signature is verified elsewhere (`app.oidc.provider`). Here is what the claims must be (section 2.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwt import JWTClaimsRegistry

from app.oidc.errors import LogoutRefused

EVENT = "http://schemas.openid.net/event/backchannel-logout"
LATE_S = 300
"""How old a token may be. Providers send it at once, and some write no end into it."""
LONGEST = 255
_TYPES = (None, "JWT", "logout+jwt")


@dataclass(frozen=True)
class Logout:
    """Whom the provider signed out: one of the two is given."""

    subject: str
    """The provider's own id of the person, "" where the token has none."""
    session: str
    """Id of the provider's session (`sid`), "" for all sessions of the subject."""
    until: datetime
    """Sessions that began later (UTC) aren't meant: the person signed in again."""
    token_id: str
    """No other token has it."""


def logout_of(
    header: Mapping[str, Any], claims: Mapping[str, Any], issuer: str, client_id: str, now: int, clocks_apart: int
) -> Logout:
    """Return what a verified logout token says. now: Unix time. clocks_apart: seconds. Raises LogoutRefused."""
    registry = JWTClaimsRegistry(
        now=now,
        leeway=clocks_apart,
        iss={"essential": True, "value": issuer},
        aud={"essential": True, "value": client_id},
        iat={"essential": True},
        jti={"essential": True},
    )
    try:
        registry.validate(dict(claims))
    except JoseError as error:
        raise LogoutRefused(diagnosis=str(getattr(error, "claim", "") or "token")) from error
    if header.get("typ") not in _TYPES:
        raise LogoutRefused(diagnosis="typ")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise LogoutRefused(diagnosis="events")
    if "nonce" in claims:  # so that nobody passes an ID token off as one
        raise LogoutRefused(diagnosis="nonce")
    if claims["iat"] < now - LATE_S - clocks_apart:
        raise LogoutRefused(diagnosis="iat")
    named = {name: _text(claims, name) for name in ("sub", "sid", "jti")}
    if not named["sub"] and not named["sid"]:
        raise LogoutRefused(diagnosis="sub")
    until = datetime.fromtimestamp(claims["iat"], UTC) + timedelta(seconds=clocks_apart)
    return Logout(named["sub"], named["sid"], until, named["jti"])


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST or (name in claims and not value):
        raise LogoutRefused(diagnosis=name)
    return value
