"""Actions that don't exist, and resources that an action doesn't support. Source: IAM's reference data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.policy.check.findings import Finding, Severity
from app.policy.documents import DEAD_ACTIONS
from app.policy.parsed import ParsedPolicy, ParsedStatement
from app.policy.places import cut
from app.policy.reference.actions import arn_patterns, covered, may_name, real_name, reference_date, resource_types
from app.policy.reference.listed_resources import LISTED_UNDER


def misspelt(policy: ParsedPolicy) -> Iterator[Finding]:
    """Actions the reference does not know, statement by statement: misspelt, or younger than it.

    No other action is proposed: it would be another permission than the one in the document.
    """
    for statement in policy.statements:
        place = statement.place(statement.action_element)
        for action in dict.fromkeys(statement.actions):
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
            name = cut(action)
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


def unsupported(policy: ParsedPolicy) -> Iterator[Finding]:
    """Actions named with resources of types they do not have: there the statement does nothing."""
    for statement in policy.statements:
        if statement.statement.not_actions or statement.statement.not_resources or "*" in statement.resources:
            continue
        for written in dict.fromkeys(statement.actions):
            if finding := _unsupported(statement, written):
                yield finding


def _unsupported(statement: ParsedStatement, written: str) -> Finding | None:
    action = real_name(written) if "*" not in written and "?" not in written else None
    if action is None or _may_name_any(statement.resources, arn_patterns(action)):
        return None
    place, effect = statement.place("Resource"), "denies" if statement.denies else "grants"
    if _may_name_any(statement.resources, _observed(action)):
        return Finding(
            "resource-undocumented",
            Severity.WARNING,
            place,
            f"{action} supports only the resource *, says AWS’s reference; here it has been seen to work.",
            "Leave it where it works for you: that is less than the documented *.",
            action,
        )
    types = sorted(resource_types(action))
    return Finding(
        "resource-unsupported",
        Severity.ERROR,
        place,
        f"{action} supports only {'resources of type ' + ', '.join(types) if types else 'the resource *'}, "
        f"so this {effect} nothing.",
        _remedy(types, denies=statement.denies),
        action,
    )


def _may_name_any(resources: Sequence[str], arns: Sequence[str]) -> bool:
    return any(may_name(resource, arn) for resource in resources for arn in arns)


def _remedy(types: Sequence[str], *, denies: bool) -> str:
    if types:
        return "Name such a resource."
    if denies:
        return 'Move it to a statement with "Resource": "*".'
    return "Leave it out. On * it is about the whole account: allow that only if everyone may have it, with MFA."


def _observed(action: str) -> tuple[str, ...]:
    """ARNs that a list is judged on, without and with a PathPrefix, though the reference names none."""
    under = LISTED_UNDER.get(action)
    return (f"arn:*:iam::*:{under}", f"arn:*:iam::*:{under}*/") if under else ()
