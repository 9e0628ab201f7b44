"""Who keeps the rules: the account's people and keys against the benchmark, for admins."""

from app.compliance.cli import compliance

__all__ = ["compliance"]
