"""Tags of what IAM has: moto keeps some, the world the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.sandbox.auth.resources import Target, arn_of
from app.sandbox.state import State

KEPT_HERE = ("mfa", "saml-provider", "server-certificate")
"""Resource types whose tags moto does not keep."""

Tags = Mapping[str, str]


def tags_of(state: State, target: Target) -> Tags:
    """Key to value; empty for what has none, or is not there."""
    if target.thing is None:
        return {}
    if target.resource_type in KEPT_HERE:
        return state.tags.get(arn_of(target.thing), {})
    held = getattr(target.thing, "tags", None) or []
    return from_pairs(held.values() if isinstance(held, Mapping) else held)


def from_pairs(pairs: Any) -> dict[str, str]:
    """AWS's form, a list of Key and Value, as a mapping."""
    return {str(pair["Key"]): str(pair.get("Value", "")) for pair in pairs}


def as_context(prefix: str, tags: Tags) -> dict[str, str]:
    """Condition keys "aws:ResourceTag/team" to the tag's value. prefix: with its slash."""
    return {f"{prefix}{key}": value for key, value in tags.items()}


def requested(tags: Tags, keys: Sequence[str] = ()) -> dict[str, str | Sequence[str]]:
    """aws:RequestTag and aws:TagKeys of a call that gives tags, or names keys to take away."""
    named = list(keys) or list(tags)
    return {**as_context("aws:RequestTag/", tags), **({"aws:TagKeys": named} if named else {})}
