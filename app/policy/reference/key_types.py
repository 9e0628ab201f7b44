"""The types of condition keys: of AWS's global keys and of the services' own."""

from __future__ import annotations

from app.policy.reference.actions import key_type
from app.policy.reference.request_context import ValueType, condition_key


def type_of(key: str) -> tuple[ValueType, bool] | None:
    """Return the type of a key's values, and whether it can have several. None for a key the reference
    doesn't have.
    """
    known = condition_key(key)
    if known:
        return known.value_type, known.several
    documented = key_type(key)
    if documented is None:
        return None
    value_types = {
        "ARN": ValueType.ARN,
        "Bool": ValueType.BOOL,
        "Numeric": ValueType.NUMBER,
        "Date": ValueType.DATE,
        "IPAddress": ValueType.IP,
    }
    return value_types.get(documented.removeprefix("ArrayOf"), ValueType.STRING), documented.startswith("ArrayOf")
