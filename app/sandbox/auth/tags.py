"""Tags of IAM resources: moto keeps some, the sandbox's own state the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.sandbox.auth.resources import Target, arn_of
from app.sandbox.state import State

KEPT_HERE = ("mfa", "saml-provider", "server-certificate")
"""Resource types whose tags moto does not keep."""

Tags = Mapping[str, str]


def tags_of(state: State, target: Target) -> Tags:
    """Return key to value. Empty if it has no tags, or doesn't exist."""
    if target.thing is None:
        return {}
    if target.resource_type in KEPT_HERE:
        return state.tags.get(arn_of(target.thing), {})
    held = getattr(target.thing, "tags", None) or []
    return from_pairs(held.values() if isinstance(held, Mapping) else held)


def from_pairs(pairs: Any) -> dict[str, str]:
    """Convert AWS's form, a list of Key and Value, to a mapping."""
    return {str(pair["Key"]): str(pair.get("Value", "")) for pair in pairs}


def as_context(prefix: str, tags: Tags) -> dict[str, str]:
    """Return condition keys ("aws:ResourceTag/team") to the tags' values. prefix: with its slash."""
    return {f"{prefix}{key}": value for key, value in tags.items()}


def requested(tags: Tags, keys: Sequence[str] = ()) -> dict[str, str | Sequence[str]]:
    """Return aws:RequestTag and aws:TagKeys of a call that adds tags, or names keys to remove."""
    named = list(keys) or list(tags)
    return {**as_context("aws:RequestTag/", tags), **({"aws:TagKeys": named} if named else {})}
