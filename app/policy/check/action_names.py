"""Find actions that don't exist, and resources that an action doesn't support. Source: IAM's reference data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.policy.check.findings import Finding, Severity
from app.policy.documents import DEAD_ACTIONS
from app.policy.parsed import ParsedPolicy, ParsedStatement
from app.policy.places import cut
from app.policy.reference.actions import arn_patterns, covered, may_name, real_name, reference_date, resource_types
from app.policy.reference.listed_resources import LISTED_UNDER
from app.text.messages import _


def misspelt(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield a finding for each action that the reference doesn't have: misspelt, or newer than the reference.

    No other action is proposed, because it would grant something the document doesn't ask for.
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
                    _(
                        "%(action)s was for MFA by text message, which AWS ended in 2019. It does nothing.",
                        action=real,
                    ),
                    _("Leave it out."),
                    real,
                )
                continue
            name = cut(action)
            yield Finding(
                "unknown-action",
                Severity.WARNING,
                place,
                _no_action(name),
                _(
                    "Check its spelling in the Service Authorization Reference. If AWS added it after that "
                    "date, leave it as it is."
                ),
                name,
            )


def _no_action(name: str) -> str:
    """Describe an action that doesn't exist. name: as written, possibly with wildcards."""
    day = f"{reference_date():%-d %B %Y}"
    if "*" in name or "?" in name:
        return _(
            "AWS’s reference of %(day)s, which comes with Latchkey, has no action that %(name)s covers.",
            day=day,
            name=name,
        )
    return _("AWS’s reference of %(day)s, which comes with Latchkey, has no action %(name)s.", day=day, name=name)


def _exists(action: str) -> bool:
    if "*" not in action and "?" not in action:
        return real_name(action) is not None
    return bool(covered(action))


def unsupported(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield a finding for each action named with resources of types it doesn't support: there the statement has no
    effect.
    """
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
    place = statement.place("Resource")
    if _may_name_any(statement.resources, _observed(action)):
        return Finding(
            "resource-undocumented",
            Severity.WARNING,
            place,
            _(
                "AWS’s reference says that %(action)s supports only the resource *. It has been seen to work "
                "with this one.",
                action=action,
            ),
            _("Leave it if it works for you. It allows less than the documented *."),
            action,
        )
    types = sorted(resource_types(action))
    return Finding(
        "resource-unsupported",
        Severity.ERROR,
        place,
        _what_for(action, types, denies=statement.denies),
        _remedy(types, denies=statement.denies),
        action,
    )


def _what_for(action: str, types: Sequence[str], *, denies: bool) -> str:
    """Say which resources an action supports. types: resource types, empty if it supports only "*"."""
    named = {"action": action, "types": ", ".join(types)}
    if types and denies:
        return _("%(action)s supports only resources of type %(types)s, so this denies nothing.", **named)
    if types:
        return _("%(action)s supports only resources of type %(types)s, so this grants nothing.", **named)
    if denies:
        return _("%(action)s supports only the resource *, so this denies nothing.", action=action)
    return _("%(action)s supports only the resource *, so this grants nothing.", action=action)


def _may_name_any(resources: Sequence[str], arns: Sequence[str]) -> bool:
    return any(may_name(resource, arn) for resource in resources for arn in arns)


def _remedy(types: Sequence[str], *, denies: bool) -> str:
    if types:
        return _("Name such a resource.")
    if denies:
        return _('Move it to a statement with "Resource": "*".')
    return _(
        "Leave it out. With * it applies to the whole account, so allow it only if every user may have it, with MFA."
    )


def _observed(action: str) -> tuple[str, ...]:
    """Return the ARNs that a list action is authorized on without and with a PathPrefix, though the reference names
    none.
    """
    under = LISTED_UNDER.get(action)
    return (f"arn:*:iam::*:{under}", f"arn:*:iam::*:{under}*/") if under else ()
