"""Find users as IAM does: in any letter case, and the caller if no name is given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app.sandbox.api import Call, Refusal
from app.sandbox.state import State


def stored(state: State, name: str) -> Any | None:
    """Return moto's user of this name in any letter case, or None."""
    users = state.iam.users
    if name in users:
        return users[name]
    return next((user for user in users.values() if user.name.lower() == name.lower()), None) if name else None


def target(state: State, call: Call) -> Any:
    """Return the user a call is about: UserName, else the caller. Raises Refusal NoSuchEntity 404."""
    name = call.parameters.get("UserName") or call.caller.user_name or ""
    if not name and call.caller.role_id:
        raise Refusal("ValidationError", "Must specify userName when calling with non-User credentials", 400)
    user = stored(state, name)
    if user is None:
        raise Refusal("NoSuchEntity", f"The user with name {name} cannot be found.", 404)
    return user


def aware(moment: datetime | None) -> datetime | None:
    """Return the time with UTC, because moto keeps naive times."""
    return moment and (moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def unique_id(user: Any) -> str:
    """Return "AIDA" and 17 capitals, made from moto's id, which has another form."""
    return f"AIDA{str(user.id).upper():0<17.17}"
