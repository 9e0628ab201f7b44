"""STS: caller identity, and sessions with and without MFA."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.sandbox import generated_secrets
from app.sandbox.api import Call, Refusal, not_emulated, operation
from app.sandbox.auth.trust import ROLE_ARN, role_of
from app.sandbox.auth.users import unique_id
from app.sandbox.operations.totp import take_code
from app.sandbox.state import RoleSession, Session, State

Members = Mapping[str, Any]


@operation("sts", "GetCallerIdentity")
def caller_identity(state: State, call: Call) -> Members:
    """Return who the caller is. Allowed under every policy."""
    return {"UserId": call.caller.unique_id, "Account": call.caller.account_id, "Arn": call.caller.arn}


@operation("sts", "GetSessionToken")
def session_token(state: State, call: Call) -> Members:
    """Return a session of an access key, with MFA if serial number and code are given and correct."""
    serial_number, code = call.parameters.get("SerialNumber"), call.parameters.get("TokenCode")
    if (serial_number is None) != (code is None):
        raise Refusal("ValidationError", "SerialNumber and TokenCode have to be given together.", 400)
    if serial_number is not None and code is not None:
        _prove(state, call, serial_number, code)
    session = issue(
        state,
        call.caller.user_name or "",
        call.now,
        timedelta(seconds=int(call.parameters.get("DurationSeconds", 43_200))),
        parent=call.caller.access_key_id,
        mfa_at=call.now.replace(microsecond=0) if serial_number else None,
        mfa_serial=serial_number,
    )
    return {"Credentials": _credentials(session)}


def _credentials(session: Session | RoleSession) -> Members:
    """Return a new session as STS answers it."""
    return {
        "AccessKeyId": session.access_key_id,
        "SecretAccessKey": session.secret_access_key,
        "SessionToken": session.session_token,
        "Expiration": session.expires_at,
    }


def issue(
    state: State,
    user_name: str,
    now: datetime,
    lasts: timedelta,
    *,
    parent: str | None = None,
    mfa_at: datetime | None,
    mfa_serial: str | None,
    signed_in: bool = False,
) -> Session:
    """Create temporary credentials of a user."""
    issued = now.replace(microsecond=0)
    session = Session(
        access_key_id=generated_secrets.access_key_id("ASIA"),
        secret_access_key=generated_secrets.secret_access_key(state.settings),
        session_token=generated_secrets.session_token(state.settings),
        user_name=user_name,
        user_id=unique_id(state.iam.users[user_name]),
        parent_access_key_id=parent,
        issued_at=issued,
        expires_at=issued + lasts,
        mfa_at=mfa_at,
        mfa_serial=mfa_serial,
        signed_in=signed_in,
    )
    state.sessions[session.access_key_id] = session
    return session


def _prove(state: State, call: Call, serial_number: str, code: str) -> None:
    unable = Refusal(
        "AccessDenied",
        "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is "
        "valid and associated with this user.",
        403,
    )
    user, device = state.iam.users[call.caller.user_name], state.devices.get(serial_number)
    if device is None or serial_number not in user.mfa_devices:
        raise unable
    if device.known_to_sts_at is None or call.now < device.known_to_sts_at:
        raise unable
    accepted = take_code(device, code, call.now)
    if accepted is None:
        raise unable
    if not accepted:
        raise Refusal("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. ", 403)


@operation("sts", "GetAccessKeyInfo")
def account_of_key(state: State, call: Call) -> Members:
    """Return the account of an access key ID, none for an unknown one."""
    wanted = call.parameters["AccessKeyId"]
    owner = state.owner_of(wanted)
    if wanted not in {*owner.iam.access_keys, *owner.sessions, *owner.role_sessions}:
        raise Refusal("ValidationError", "The access key id belongs to no account of the sandbox.", 400)
    return {"Account": owner.account_id}


LONGEST_CHAINED = 3600
"""Seconds that a role may last that a session of a role assumed."""


@operation("sts", "AssumeRole")
def assume_role(state: State, call: Call) -> Members:
    """Return a session of a role, in any account. Its trust policy was evaluated before."""
    arn, lasts = call.parameters["RoleArn"], int(call.parameters.get("DurationSeconds", 3600))
    if not ROLE_ARN.fullmatch(arn):
        raise Refusal("ValidationError", f"{arn} is invalid", 400)
    if {"Policy", "PolicyArns", "Tags", "SerialNumber", "TokenCode", "SourceIdentity"} & call.parameters.keys():
        raise not_emulated(call.service, "AssumeRole with session policies, tags or a code")
    found = role_of(state, arn)
    if found is None:
        raise RuntimeError("A role that nobody has was judged to trust the caller.")
    account, role = found
    if lasts > int(role.max_session_duration or 3600):
        message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise Refusal("ValidationError", message, 400)
    if call.caller.role_id and lasts > LONGEST_CHAINED:
        message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        raise Refusal("ValidationError", message, 400)
    issued = call.now.replace(microsecond=0)
    session = RoleSession(
        access_key_id=generated_secrets.access_key_id("ASIA"),
        secret_access_key=generated_secrets.secret_access_key(state.settings),
        session_token=generated_secrets.session_token(state.settings),
        role_id=role.id,
        name=call.parameters["RoleSessionName"],
        issued_at=issued,
        expires_at=issued + timedelta(seconds=lasts),
    )
    account.role_sessions[session.access_key_id] = session
    assumed = f"arn:{state.partition}:sts::{account.account_id}:assumed-role/{role.name}/{session.name}"
    return {
        "Credentials": _credentials(session),
        "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{session.name}", "Arn": assumed},
    }


@operation("sts", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "AssumeRoot", "GetFederationToken")
def refused(state: State, call: Call) -> Members:
    """Refuse, because moto would return one hard-coded token that the judge doesn't know."""
    raise not_emulated("sts", call.action)
