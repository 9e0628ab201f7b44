"""Does a deny demand MFA of access keys and passwords, of every user, for every service and resource?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from app.policy.check.findings import Finding, Severity
from app.policy.check.statement_scope import WHO, Scope, client_chooses
from app.policy.features import WITHOUT_MFA
from app.policy.places import DOCUMENT, counted
from app.policy.reference.action_patterns import is_all
from app.policy.reference.actions import WELL_KNOWN

ONE_A_SERVICE = tuple({action.partition(":")[0]: action for action in reversed(WELL_KNOWN)}.values())[::-1]
"""The first of WELL_KNOWN for each service, to name what a deny leaves out."""


NOTHING_DENIED = Finding(
    "mfa-not-demanded",
    Severity.ERROR,
    DOCUMENT,
    "Nothing is denied without MFA: what other policies grant works with a password or a key alone.",
    'Deny with "BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}, so that a missing value counts.',
)


def unforced(denies: Sequence[Scope]) -> Iterator[Finding]:
    """Why it does not force MFA; nothing where it does. Statements that only add to one that does are no matter."""
    lacking = [mfa for mfa in WITHOUT_MFA if not any(each.broad and each.firm(mfa) for each in denies)]
    if not lacking:
        return
    empty = [each for each in denies if each.about_nothing and each.demands_mfa]
    for each in empty:
        yield _spares_all(each)
    denies = [each for each in denies if not each.about_nothing]
    narrowed = [each for each in denies if each.broad and each.demands_mfa and each.mfa_states & set(lacking)]
    for each in narrowed:
        yield from _narrowings(each, lacking)
    lacking = [mfa for mfa in lacking if not any(mfa in each.mfa_states for each in narrowed)]
    partial = [each for each in denies if not each.broad and each.demands_mfa and each.mfa_states & set(lacking)]
    if partial:
        yield _left_out(partial)
    lacking = [mfa for mfa in lacking if not any(mfa in each.mfa_states for each in partial)]
    dead = [each for each in denies if each.broad and each.dead] if lacking else []
    for each in dead:
        yield _never(each)
    if len(lacking) == len(WITHOUT_MFA):
        if not dead and not empty:
            yield NOTHING_DENIED
    elif lacking:
        yield replace(
            NOTHING_DENIED,
            sentence="Access keys escape the deny: their requests carry no aws:MultiFactorAuthPresent at all."
            if lacking == [None]
            else "Passwords escape the deny: without a code their sessions say aws:MultiFactorAuthPresent is false.",
        )


def spared_services(denies: Sequence[Scope]) -> Iterator[Finding]:
    """Denies that hold for what people do themselves, and not for what a service does for them."""
    for each in denies:
        if each.broad and each.demands_mfa and each.via_services:
            yield Finding(
                "deny-narrowed",
                Severity.WARNING,
                each.place("Condition"),
                f"The deny doesn’t apply when an AWS service acts for the user ({counted(each.via_services)}), as in "
                "AWS’s own examples. Without MFA, users can have a service do what they can’t do themselves.",
                "Remove this condition if your users don’t need it.",
            )


def _spares_all(deny: Scope) -> Finding:
    """A deny of nothing: its NotAction names every action."""
    named = next(written for entry, written in deny.entries.items() if is_all(entry))
    return Finding(
        "deny-of-nothing",
        Severity.ERROR,
        deny.place("NotAction"),
        f"This denies nothing: NotAction spares what it names, and {named} is every action.",
        f"Take {named} out of NotAction, and leave just what getting MFA takes.",
        named,
    )


def _never(deny: Scope) -> Finding:
    """A deny with a condition that no request of an IAM user meets."""
    condition = deny.dead[0]
    wanted = counted(condition.wanted) or "nothing"
    return Finding(
        "mfa-not-demanded",
        Severity.ERROR,
        deny.place("Condition"),
        f"This deny never applies to a user’s own requests, because none of them passes {condition.operator} of "
        f"{wanted} on {counted([condition.key])}. What other policies grant works with a password or a key alone.",
        "Remove this condition. MFA should be the only condition of the deny.",
    )


def _narrowings(deny: Scope, lacking: Sequence[bool | None]) -> Iterator[Finding]:
    """What makes a deny hold for less than everybody and everything."""

    def narrowed(element: str, sentence: str, remedy: str) -> Finding:
        return Finding("deny-narrowed", Severity.ERROR, deny.place(element), sentence, remedy)

    if deny.statement.not_resources:
        yield narrowed(
            "NotResource",
            "The deny leaves out what NotResource names: there, what other policies grant works without MFA.",
            'Write "Resource": "*".',
        )
    elif not deny.everywhere:
        yield narrowed(
            "Resource",
            "The deny is about some resources only: elsewhere, what other policies grant works without MFA.",
            'Write "Resource": "*".',
        )
    chosen = [key for key in deny.keys if client_chooses(key)]
    who = [key for key in deny.keys if key.lower().startswith(WHO)]
    others = [key for key in deny.keys if key not in (*chosen, *who)]
    if chosen:
        yield narrowed(
            "Condition",
            f"The deny also depends on {counted(chosen)}, which the client chooses: somebody who stole a password or "
            "key sends what is let through.",
            "Remove this condition. MFA should be the only condition of the deny.",
        )
    if who:
        yield narrowed(
            "Condition",
            f"The deny also depends on {counted(who)}: for some people it does not hold, and they need no MFA.",
            "Remove this condition. Put the users it exempts into a group without this policy.",
        )
    if others:
        yield narrowed(
            "Condition",
            f"The deny also depends on {counted(others)}: where that condition does not hold, nothing is denied "
            "without MFA.",
            "Remove this condition. MFA should be the only condition of the deny.",
        )


def _left_out(partial: Sequence[Scope]) -> Finding:
    """The first of them represents all."""
    services = dict.fromkeys(
        action.partition(":")[0] for action in ONE_A_SERVICE if not any(each.names(action) for each in partial)
    )
    named = f", {counted(list(services))} among them" if services else ""
    return Finding(
        "deny-leaves-out",
        Severity.ERROR,
        partial[0].place("Action"),
        f"The deny names what takes MFA one by one: everything else works without it{named}, and so will what AWS "
        "adds.",
        "Write NotAction instead of Action, with just what getting MFA takes.",
    )
