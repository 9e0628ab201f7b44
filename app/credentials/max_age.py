"""The age at which access keys are due for replacement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any


def access_key_max_age(config: Mapping[str, Any], account_id: str) -> timedelta:
    """Return the age at which an access key of the account is due for replacement, on pages and in the rules.

    config: Flask's. `key-days` in COMPLIANCE_THRESHOLDS overrides ACCESS_KEY_MAX_AGE, and the account's own overrides
    the one for all accounts.
    """
    thresholds = config["COMPLIANCE_THRESHOLDS"]
    days: int = config["ACCESS_KEY_MAX_AGE"].days
    for whose in ("", account_id):
        days = thresholds.get(whose, {}).get("key_days", days)
    return timedelta(days=days)
