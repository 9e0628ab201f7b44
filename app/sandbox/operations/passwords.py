"""Console passwords and the account's password policy."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from werkzeug.security import check_password_hash, generate_password_hash

from app.sandbox.api import PASS_ON, Call, PassOn, Refusal, operation
from app.sandbox.auth.users import aware, target
from app.sandbox.state import State

Members = Mapping[str, Any]
_HASH = "scrypt:1024:8:1"
_SYMBOLS = "!@#$%^&*()_+-=[]{}|'"
_KEPT = 24


@cache
def _nobodys() -> str:
    """Return what is compared with where there is no password, so that it takes as long."""
    return generate_password_hash(secrets.token_urlsafe(), _HASH)


def promise(state: State, user_name: str, password: str, now: datetime) -> None:
    """Set a first password like `remember`, but hash it only when someone tries to sign in."""
    state.iam.users[user_name].password = "set"  # noqa: S105 # as in `remember`
    state.login_profiles[user_name] = state.password_set_at[user_name] = now
    state.unhashed[user_name] = password


def _hashes(state: State, user_name: str) -> list[str]:
    """Return the hashes of past and present passwords, the newest last."""
    with state.lock:
        first = state.unhashed.pop(user_name, None)
        past = state.passwords.setdefault(user_name, [])
        if first is not None:
            past.append(generate_password_hash(first, _HASH))
        return past


def remember(state: State, user_name: str, password: str, now: datetime) -> None:
    """Set a user's console password, and keep the hashes of earlier ones."""
    user = state.iam.users[user_name]
    if not user.password:
        state.login_profiles[user_name] = now
    user.password = "set"  # noqa: S105 # moto only needs to know that there is one
    past = _hashes(state, user_name)
    past.append(generate_password_hash(password, _HASH))
    del past[:-_KEPT]
    state.password_set_at[user_name] = now


def is_password(state: State, user_name: str, password: str) -> bool:
    """Return whether this is the user's present console password."""
    return check_password_hash(current_hash(state, user_name) or _nobodys(), password)


def current_hash(state: State, user_name: str) -> str:
    """Return a text that changes whenever the password does, "" if there is none."""
    user = state.iam.users.get(user_name)
    past = _hashes(state, user_name) if user and user.password else []
    return past[-1] if past else ""


def has_expired(state: State, user_name: str, now: datetime) -> bool:
    """Return whether the password is older than the account's policy allows."""
    policy, since = state.iam.account_password_policy, state.password_set_at.get(user_name)
    days = int(policy.max_password_age or 0) if policy else 0
    return bool(days and since and now - since >= timedelta(days=days))


def change_own(state: State, user: Any, old: str, new: str, now: datetime) -> None:
    """Change the user's own password, after iam:ChangePassword was allowed. Raises Refusal."""
    if not user.password:
        raise _no_profile(user)
    _user_readable(state, user, now)
    if not is_password(state, user.name, old) or old == new:
        raise Refusal("AccessDenied", "The old password was incorrect.", 403)
    _accept(state, user, new, now)
    user.password_reset_required = False


def _with_profile(state: State, call: Call) -> Any:
    """Return the user of the call. Raises Refusal if they have no console password."""
    user = target(state, call)
    if not user.password:
        raise _no_profile(user)
    return user


def _no_profile(user: Any) -> Refusal:
    return Refusal("NoSuchEntity", f"Login Profile for User {user.name} cannot be found.", 404)


def broken_rule(state: State, user_name: str, password: str) -> str:
    """Return the rule of the account's password policy that a new password breaks, in AWS's words, or ""."""
    policy = state.iam.account_password_policy
    kinds = {
        "uppercase": any(char in string.ascii_uppercase for char in password),
        "lowercase": any(char in string.ascii_lowercase for char in password),
        "number": any(char in string.digits for char in password),
        "symbol": any(char in _SYMBOLS for char in password),
    }
    if policy is None:
        aliases = [alias.lower() for alias in state.iam.account_aliases]
        if len(password) < 8:
            return "Password should have a minimum length of 8"
        if sum(kinds.values()) < 3:
            return (
                f"Password should meet {3 - sum(kinds.values())} more of the following requirements: "
                "uppercase characters, lowercase characters, numbers, symbols"
            )
        return "Password should not be the account name" if password.lower() in [*aliases, state.account_id] else ""
    if len(password) < (policy.minimum_password_length or 6):
        return f"Password should have a minimum length of {policy.minimum_password_length or 6}"
    needed = {
        "uppercase": policy.require_uppercase_characters,
        "lowercase": policy.require_lowercase_characters,
        "number": policy.require_numbers,
        "symbol": policy.require_symbols,
    }
    for kind, required in needed.items():
        if required and not kinds[kind]:
            return f"Password should have at least one {kind}" + (" letter" if kind.endswith("case") else "")
    reuse = int(policy.password_reuse_prevention or 0)
    past = _hashes(state, user_name)[-reuse:] if reuse else []
    if any(check_password_hash(earlier, password) for earlier in past):
        return "Password cannot be one of the previous passwords"
    return ""


def _accept(state: State, user: Any, password: str, now: datetime) -> None:
    problem = broken_rule(state, user.name, password)
    if problem:
        raise Refusal("PasswordPolicyViolation", problem, 400)
    remember(state, user.name, password, now)


def _user_readable(state: State, user: Any, now: datetime) -> None:
    made = state.login_profiles.get(user.name)
    if made is not None and now - made < state.settings.consistency_delay:
        raise Refusal(
            "EntityTemporarilyUnmodifiable",
            f"Login Profile for User {user.name} cannot be modified while login profile is being created.",
            409,
        )


@operation("iam", "ChangePassword")
def change(state: State, call: Call) -> Members:
    """Change your own password, with the old one. A wrong old one is answered like a denial (observed)."""
    user = state.iam.users[call.caller.user_name]
    change_own(state, user, call.parameters["OldPassword"], call.parameters["NewPassword"], call.now)
    return {}


def _profile(state: State, user: Any) -> Members:
    return {
        "LoginProfile": {
            "UserName": user.name,
            "CreateDate": aware(state.login_profiles.get(user.name)) or aware(user.create_date),
            "PasswordResetRequired": bool(user.password_reset_required),
        }
    }


@operation("iam", "CreateLoginProfile")
def create_profile(state: State, call: Call) -> Members:
    """Set a console password for a user without one."""
    user = target(state, call)
    if user.password:
        raise Refusal("EntityAlreadyExists", f"Login Profile for user {user.name} already exists.", 409)
    _accept(state, user, call.parameters.get("Password", ""), call.now)
    user.password_reset_required = call.parameters.get("PasswordResetRequired", False)
    return _profile(state, user)


@operation("iam", "UpdateLoginProfile")
def update_profile(state: State, call: Call) -> Members:
    """Set a new password without the old one. What isn't given stays."""
    user = _with_profile(state, call)
    _user_readable(state, user, call.now)
    if "Password" in call.parameters:
        _accept(state, user, call.parameters["Password"], call.now)
    user.password_reset_required = call.parameters.get("PasswordResetRequired", user.password_reset_required)
    return {}


@operation("iam", "GetLoginProfile")
def get_profile(state: State, call: Call) -> Members:
    """Return when the password was first set. NoSuchEntity means there is none."""
    user = _with_profile(state, call)
    return _profile(state, user)


@operation("iam", "DeleteLoginProfile")
def delete_profile(state: State, call: Call) -> Members:
    """Remove the console password. Access keys keep working."""
    user = _with_profile(state, call)
    _user_readable(state, user, call.now)
    user.password = None
    state.login_profiles.pop(user.name, None)
    return {}


@operation("iam", "GetAccountPasswordPolicy")
def get_policy(state: State, call: Call) -> Members:
    """Return the custom password policy. NoSuchEntity if the default applies."""
    policy = state.iam.account_password_policy
    if policy is None:
        raise Refusal(
            "NoSuchEntity", f"The Password Policy with domain name {state.account_id} cannot be found.", 404
        )
    return {
        "PasswordPolicy": {
            "MinimumPasswordLength": policy.minimum_password_length or 6,
            "RequireSymbols": bool(policy.require_symbols),
            "RequireNumbers": bool(policy.require_numbers),
            "RequireUppercaseCharacters": bool(policy.require_uppercase_characters),
            "RequireLowercaseCharacters": bool(policy.require_lowercase_characters),
            "AllowUsersToChangePassword": bool(policy.allow_users_to_change_password),
            "ExpirePasswords": policy.expire_passwords,
            "MaxPasswordAge": policy.max_password_age or None,
            "PasswordReusePrevention": policy.password_reuse_prevention or None,
            "HardExpiry": policy.hard_expiry if policy.max_password_age else None,
        }
    }


@operation("iam", "UpdateAccountPasswordPolicy")
def update_policy(state: State, call: Call) -> Members | PassOn:
    """Check the policy and let moto keep it. The flag that lets users change their own password takes effect here."""
    state.users_may_change_password = bool(call.parameters.get("AllowUsersToChangePassword", False))
    return PASS_ON


@operation("iam", "DeleteAccountPasswordPolicy")
def delete_policy(state: State, call: Call) -> Members | PassOn:
    """Return to the default policy, and to the flag's default."""
    state.users_may_change_password = False
    return PASS_ON
