"""Find whose credentials signed a request: access keys are in moto's IAM state, sessions in the sandbox's own."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime
from typing import Any

from app.sandbox.api import Caller, Refusal
from app.sandbox.auth.users import unique_id
from app.sandbox.protocol.wire import Reading
from app.sandbox.signin.state import ConsoleSession
from app.sandbox.state import RoleSession, Session, State

_INVALID = "The security token included in the request is invalid."


def unknown(service: str) -> Refusal:
    """Return the refusal of an unknown or inactive access key. AWS gives the same answer for both."""
    if service == "s3":
        return Refusal("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403)
    if service == "ec2":
        return Refusal("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    return Refusal("InvalidClientTokenId", _INVALID, 403)


def identify(state: State, reading: Reading, now: datetime) -> tuple[Caller, str]:
    """Return the caller and the secret that the signature must be checked with.

    Raises Refusal: unknown or inactive key, missing or foreign session token, ExpiredToken 403, and IAM's
    InvalidClientTokenId for sessions without MFA (observed).
    """
    token = reading.headers.get("x-amz-security-token")
    if role_session := state.role_sessions.get(reading.scope.access_key_id):
        return _of_role(state, role_session, reading, now)
    session = state.sessions.get(reading.scope.access_key_id)
    if session is None:
        return _long_term(state, reading, token, now)
    _in_force(session, reading, now)
    user = state.iam.users.get(session.user_name)
    if user is None or unique_id(user) != session.user_id or _died(state, session, user):
        raise unknown(reading.service)
    if reading.service == "iam" and session.mfa_at is None and not _is_exempt(state, session):
        raise unknown("iam")
    return (
        _caller(
            state,
            user,
            access_key_id=session.access_key_id,
            session_token=session.session_token,
            mfa_present=session.mfa_at is not None,
            mfa_at=session.mfa_at,
            issued_at=session.issued_at,
            signed_in=session.signed_in,
        ),
        session.secret_access_key,
    )


def _in_force(session: Session | RoleSession, reading: Reading, now: datetime) -> None:
    """Check that the token is the session's and the session hasn't ended. Raises Refusal."""
    token = reading.headers.get("x-amz-security-token")
    if token is None or not hmac.compare_digest(token.encode(), session.session_token.encode()):
        raise unknown(reading.service)
    if session.expires_at <= now:
        raise Refusal(
            *("ExpiredToken", "The provided token has expired.", 400)
            if reading.service == "s3"
            else ("ExpiredToken", "The security token included in the request is expired", 403)
        )


def _of_role(state: State, session: RoleSession, reading: Reading, now: datetime) -> tuple[Caller, str]:
    """Return a session of a role, and its secret. Deleting the role ends it."""
    _in_force(session, reading, now)
    role = state.iam.roles.get(session.role_id)
    if role is None:
        raise unknown(reading.service)
    return (
        Caller(
            account_id=state.account_id,
            arn=f"arn:{state.partition}:sts::{state.account_id}:assumed-role/{role.name}/{session.name}",
            unique_id=f"{role.id}:{session.name}",
            user_name=None,
            access_key_id=session.access_key_id,
            session_token=session.session_token,
            mfa_present=session.mfa_at is not None,
            mfa_at=session.mfa_at,
            issued_at=session.issued_at,
            role_id=session.role_id,
        ),
        session.secret_access_key,
    )


def _is_exempt(state: State, session: Session) -> bool:
    """Return whether IAM accepts a session without MFA: none of GetSessionToken. Sign-ins aren't documented."""
    return session.signed_in and state.settings.outcomes["password-only-sign-in"] == "accepted-by-iam"


def of_console(state: State, console: ConsoleSession) -> Caller:
    """Return the caller of a console session, to evaluate signin: actions. MFA is as it was when the
    session began.
    """
    user = state.iam.users[console.user_name]
    return _caller(
        state,
        user,
        access_key_id="",
        mfa_present=console.mfa_at is not None,
        mfa_at=console.mfa_at,
        issued_at=console.opened_at,
        signed_in=True,
    )


def _long_term(state: State, reading: Reading, token: str | None, now: datetime) -> tuple[Caller, str]:
    key = state.iam.access_keys.get(reading.scope.access_key_id)
    user = key and state.iam.users.get(key.user_name)
    if not user or token is not None or key.status != "Active":
        raise unknown(reading.service)
    if now - key.create_date.replace(tzinfo=UTC) < state.settings.consistency_delay:
        raise unknown(reading.service)  # a new key takes seconds to spread (observed)
    return _caller(state, user, access_key_id=key.access_key_id), str(key.secret_access_key)


def _caller(state: State, user: Any, **credentials: Any) -> Caller:
    """Return the caller for a user. credentials: fields of `Caller`, by name."""
    return Caller(
        account_id=state.account_id, arn=user.arn, unique_id=unique_id(user), user_name=user.name, **credentials
    )


def _died(state: State, session: Session, user: Any) -> bool:
    """Return whether a session ended with its access key or MFA device. AWS doesn't document it. By default it keeps
    working (observed).
    """
    with_what = state.settings.outcomes["sessions-die-with"]
    key = state.iam.access_keys.get(session.parent_access_key_id)
    key_gone = not session.signed_in and (key is None or key.status != "Active")
    device_gone = session.mfa_serial is not None and session.mfa_serial not in user.mfa_devices
    return (key_gone and with_what in ("key", "both")) or (device_gone and with_what in ("device", "both"))
