"""Sign in at the console: password, code, and a new password if it must be changed."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from app.sandbox.api import Caller, Refusal
from app.sandbox.auth.authority import of_console
from app.sandbox.auth.judge import Origin, Verdict, judge
from app.sandbox.auth.permission_requests import Question
from app.sandbox.auth.users import stored
from app.sandbox.operations import passwords
from app.sandbox.operations.totp import take_code
from app.sandbox.signin.state import ARRIVAL_LIFE, Arrival, ConsoleSession
from app.sandbox.state import State

USED_EVERY = timedelta(minutes=5)
"""Several uses of a password within this count once in PasswordLastUsed (IAM API Reference)."""


class NotIn(Exception):
    """The console refused. `str()` is for the user. `field` names the form field."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class Guesses:
    """Wrong passwords per user: after ten in five minutes, further ones are refused untried."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._most = RateLimitItemPerMinute(10, 5)

    def check(self, name: str) -> None:
        """Raise NotIn after too many."""
        if not self._limiter.test(self._most, name.lower()):
            raise NotIn("There were too many wrong passwords for this user. Wait 5 minutes, then try again.")

    def count(self, name: str) -> None:
        """Count one more."""
        self._limiter.hit(self._most, name.lower())


def give_password(
    state: State, guesses: Guesses, account: str, name: str, password: str, now: datetime
) -> tuple[str, Arrival]:
    """Check the password. Returns the arrival and its secret ID. Raises NotIn, which doesn't say which of
    the three is wrong.
    """
    guesses.check(name)
    aliases = [alias.lower() for alias in state.iam.account_aliases]
    user = stored(state, name) if account.lower() in (state.account_id, *aliases) else None
    # The comparison takes as long for users that do not exist.
    right = passwords.is_password(state, user.name if user else "", password)
    if not user or not right:
        guesses.count(name)
        raise NotIn("The account, the user name or the password is wrong.")
    if passwords.has_expired(state, user.name, now) and state.iam.account_password_policy.hard_expiry:
        raise NotIn("Your password has expired, and only an administrator can set a new one.")
    arrival = Arrival(user.name, now + ARRIVAL_LIFE)
    return secrets.token_urlsafe(24), arrival


def devices_of(state: State, arrival: Arrival) -> list[str]:
    """Return the serial numbers to choose from. Empty if no code is needed."""
    user = state.iam.users.get(arrival.user_name)
    return sorted(user.mfa_devices) if user else []


def give_code(state: State, arrival: Arrival, serial_number: str, code: str, now: datetime) -> None:
    """Check the code of a user with a device. Raises NotIn."""
    device = state.devices.get(serial_number)
    if ":u2f/" in serial_number:
        raise NotIn("The sandbox can’t use security keys. Choose another device.", "serial_number")
    if device is None or serial_number not in devices_of(state, arrival):
        raise NotIn("This is not one of your devices.", "serial_number")
    accepted = take_code(device, code, now)
    if accepted is None:
        raise NotIn("There were too many attempts. Wait 3 minutes, then enter the code your app shows.", "code")
    if not accepted:
        raise NotIn("This code is wrong or was used before. Enter the code your app shows now.", "code")
    arrival.mfa_at, arrival.mfa_serial = now.replace(microsecond=0), serial_number


def must_change(state: State, arrival: Arrival, now: datetime) -> bool:
    """Return whether the password must be changed before anything else."""
    user = state.iam.users.get(arrival.user_name)
    return bool(user and (user.password_reset_required or passwords.has_expired(state, user.name, now)))


def change_password(
    state: State, arrival: Arrival, origin: Origin, old: str, new: str, now: datetime
) -> tuple[Caller, Verdict, NotIn | None]:
    """Make the forced change: iam:ChangePassword of the user, evaluated without MFA."""
    caller = replace(of_console(state, ConsoleSession(arrival.user_name, now)), signed_in=False)
    verdict = judge(state, caller, origin, Question("iam:ChangePassword", caller.arn), now)
    if not verdict.decision.allowed:
        return caller, verdict, NotIn("You are not allowed to change your password (iam:ChangePassword).")
    user: Any = state.iam.users[arrival.user_name]
    try:
        passwords.change_own(state, user, old, new, now)
    except Refusal as refusal:
        field = "new" if refusal.code == "PasswordPolicyViolation" else "old"
        return caller, verdict, NotIn(refusal.message, field)
    return caller, verdict, None


def open_session(state: State, arrival: Arrival, now: datetime) -> tuple[str, ConsoleSession]:
    """Return the console session and its secret ID, and record the use of the password."""
    before = state.password_last_used.get(arrival.user_name)
    if before is None or now - before >= USED_EVERY:
        state.password_last_used[arrival.user_name] = now.replace(microsecond=0)
    user_id = str(state.iam.users[arrival.user_name].id)
    at = now.replace(microsecond=0)
    session = ConsoleSession(arrival.user_name, at, arrival.mfa_at, arrival.mfa_serial, user_id)
    number = secrets.token_urlsafe(24)
    state.signin.console[number] = session
    return number, session
