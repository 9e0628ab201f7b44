"""The state of AWS Sign-In: console sessions of browsers, authorization codes, refresh tokens."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

CONSOLE_SESSION = timedelta(hours=12)
"""A console session, and whatever is refreshed from it, ends after this (AWS Sign-In User Guide)."""
CODE_LIFE = timedelta(minutes=5)
"""Life of an authorization code; AWS gives no figure."""
CREDENTIALS_LIFE = timedelta(minutes=15)
ARRIVAL_LIFE = timedelta(minutes=10)
"""From the password to the last step of signing in."""
PROOF_WINDOW = timedelta(minutes=5)
"""How far a DPoP proof's time may be off; AWS gives no figure."""


@dataclass(frozen=True)
class ConsoleSession:
    """A user signed in at the console in one browser. MFA is as it was when the session began."""

    user_name: str
    opened_at: datetime
    mfa_at: datetime | None = None
    mfa_serial: str | None = None
    user_id: str = ""
    """The user may be deleted meanwhile, and another made of the same name."""

    @property
    def ends_at(self) -> datetime:
        """Return when the session ends in any case (UTC)."""
        return self.opened_at + CONSOLE_SESSION


@dataclass
class Arrival:
    """A user who has entered the right password and still needs to do more."""

    user_name: str
    until: datetime
    mfa_at: datetime | None = None
    mfa_serial: str | None = None


@dataclass(frozen=True)
class AuthorizationRequest:
    """The parameters of /v1/authorize."""

    client_id: str
    redirect_uri: str
    state: str
    code_challenge: str


@dataclass(frozen=True)
class Grant:
    """What an authorization code or refresh token grants."""

    client_id: str
    console: ConsoleSession
    password: str = field(repr=False)
    """Hash of the console password then: another one now means the credentials were changed."""


@dataclass
class Code:
    """An authorization code, which works once."""

    grant: Grant
    request: AuthorizationRequest
    expires_at: datetime
    used: bool = False


@dataclass
class RefreshToken:
    """A refresh token, which works once, and only with the key of the first proof."""

    grant: Grant
    thumbprint: str
    """RFC 7638 thumbprint of the DPoP key."""
    used: bool = False


@dataclass
class SignInState:
    """The state, protected by the lock of `State`."""

    console: dict[str, ConsoleSession] = field(default_factory=dict)
    """By the secret id in the browser's cookie."""
    arrivals: dict[str, Arrival] = field(default_factory=dict)
    """By the secret id in the browser's cookie."""
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    proofs: dict[str, datetime] = field(default_factory=dict)
    """Ids (jti) of DPoP proofs already seen, with their time: none is taken twice."""

    def rename(self, user_id: str, new: str) -> None:
        """Give a user another name. Their sessions continue."""

        def same(console: ConsoleSession) -> ConsoleSession:
            return replace(console, user_name=new) if console.user_id == user_id else console

        self.console = {number: same(console) for number, console in self.console.items()}
        granted: list[Code | RefreshToken] = [*self.codes.values(), *self.refresh_tokens.values()]
        for held in granted:
            held.grant = replace(held.grant, console=same(held.grant.console))
