"""Actions that do not exist, and actions on resources that they do not support. Source: IAM's reference data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.policy.check.findings import Finding, Place, Severity
from app.policy.documents import DEAD_ACTIONS
from app.policy.reference.actions import arn_patterns, covered, may_name, real_name, reference_date, resource_types
from app.policy.reference.listed_resources import LISTED_UNDER


def misspelt(statements: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Actions the reference does not know, statement by statement: misspelt, or younger than it.

    No other action is proposed: it would be another permission than the one somebody wrote.
    """
    for index, statement in enumerate(statements):
        element = "NotAction" if "NotAction" in statement else "Action"
        place = Place(index, statement.get("Sid") or None, element)
        for action in dict.fromkeys(_texts(statement[element])):
            if action == "*" or "*" in action.partition(":")[0] or _exists(action):
                continue
            if real := next((dead for dead in DEAD_ACTIONS if dead.lower() == action.lower()), None):
                yield Finding(
                    "retired-action",
                    Severity.WARNING,
                    place,
                    f"{real} belonged to MFA by text message, which AWS ended in 2019: it does nothing.",
                    "Leave it out.",
                    real,
                )
                continue
            name = action if len(action) <= 80 else f"{action[:77]}..."
            yield Finding(
                "unknown-action",
                Severity.WARNING,
                place,
                f"AWS’s reference of {reference_date():%-d %B %Y}, which comes with Latchkey, has no "
                + (f"action that {name} covers." if "*" in name or "?" in name else f"action {name}."),
                "Compare its spelling with the Service Authorization Reference. If it is newer than that date, it is "
                "right as it is.",
                name,
            )


def _exists(action: str) -> bool:
    if "*" not in action and "?" not in action:
        return real_name(action) is not None
    return bool(covered(action))


def unsupported(statements: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Actions named with resources of types they do not have: there the statement does nothing."""
    for index, statement in enumerate(statements):
        if "Action" not in statement or "Resource" not in statement:
            continue
        resources = _texts(statement["Resource"])
        place = Place(index, statement.get("Sid") or None, "Resource")
        for written in dict.fromkeys(_texts(statement["Action"])):
            action = real_name(written) if "*" not in written and "?" not in written else None
            if action is None or "*" in resources:
                continue
            if any(may_name(resource, arn) for resource in resources for arn in arn_patterns(action)):
                continue
            effect = "grants" if statement["Effect"] == "Allow" else "denies"
            if any(may_name(resource, arn) for resource in resources for arn in _observed(action)):
                yield Finding(
                    "resource-undocumented",
                    Severity.WARNING,
                    place,
                    f"{action} supports only the resource *, says AWS’s reference; here it has been seen to work.",
                    "Leave it where it works for you: that is less than the documented *.",
                    action,
                )
                continue
            kinds = sorted(resource_types(action))
            yield Finding(
                "resource-unsupported",
                Severity.ERROR,
                place,
                f"{action} supports only {'resources of type ' + ', '.join(kinds) if kinds else 'the resource *'}, "
                f"so this {effect} nothing.",
                _remedy(kinds, denies=statement["Effect"] == "Deny"),
                action,
            )


def _remedy(kinds: Sequence[str], *, denies: bool) -> str:
    if kinds:
        return "Name such a resource."
    if denies:
        return 'Move it to a statement with "Resource": "*".'
    return "Leave it out. On * it is about the whole account: allow that only if everyone may have it, with MFA."


def _observed(action: str) -> tuple[str, ...]:
    """ARNs that a list is judged on, without and with a PathPrefix, though the reference names none."""
    under = LISTED_UNDER.get(action)
    return (f"arn:*:iam::*:{under}", f"arn:*:iam::*:{under}*/") if under else ()


def _texts(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
