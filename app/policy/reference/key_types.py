"""What the values of a condition key are: of AWS's global keys and of the services' own."""

from __future__ import annotations

from app.policy.reference.actions import key_type
from app.policy.reference.request_context import Kind, condition_key


def type_of(key: str) -> tuple[Kind, bool] | None:
    """The type of a key's values, and whether it can have several; None for a key that the reference doesn't know."""
    known = condition_key(key)
    if known:
        return known.kind, known.several
    told = key_type(key)
    if told is None:
        return None
    kinds = {"ARN": Kind.ARN, "Bool": Kind.BOOL, "Numeric": Kind.NUMBER, "Date": Kind.DATE, "IPAddress": Kind.IP}
    return kinds.get(told.removeprefix("ArrayOf"), Kind.STRING), told.startswith("ArrayOf")
