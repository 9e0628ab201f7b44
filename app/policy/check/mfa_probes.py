"""Evaluate requests without MFA one by one. One that no deny stops proves that MFA isn't required.

`mfa_enforcement` and `exempted_actions` say what is wrong and where. These requests find what they overlook. Other
policies may allow anything, so only a deny counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from math import ceil

from app.policy.analysis.satisfiability import Users, holds_in, requests_of, this_hour
from app.policy.check.exempted_actions import known
from app.policy.check.findings import Finding, Severity
from app.policy.check.statement_scope import Scope
from app.policy.features import WITHOUT_MFA
from app.policy.patterns import Absent, Context
from app.policy.permits import Permits
from app.policy.places import DOCUMENT
from app.policy.reference.action_patterns import named_by
from app.policy.reference.actions import WELL_KNOWN
from app.text.messages import _

PROBES = (*WELL_KNOWN, "signin:CreateAccount", "tomorrow:Whatever")
"""Also one that AWS's reference may not know, and one of a service to come."""
MOST_ENTRIES = 24
MOST_VARIED = 24
"""Requests of each kind of session, beside the plain one and those that escape one of the conditions."""


def unproven(denies: Sequence[Scope], permits: Permits) -> Finding | None:
    """Return a request that gets through without MFA, or None if every request tried is denied."""
    actions = [*PROBES, *islice(_entries(denies), MOST_ENTRIES)]
    resources = ["*", permits.arn, f"arn:{permits.partition}:s3:::bucket/key", *islice(_resources(denies), 4)]
    naming = {
        action: [each for each in denies if each.statement.names_action(action)]
        for action in dict.fromkeys(actions)
        if action.lower() not in known()
    }
    for mfa in WITHOUT_MFA:
        for context in _contexts(denies, mfa, permits):
            # A deny for which these conditions hold, to the resources of those tried that it covers.
            holding = {
                id(each): {resource for resource in resources if _on(each, resource, context)}
                for each in denies
                if all(holds_in(condition, context) for condition in each.statement.conditions)
            }
            for action, named in naming.items():
                denied = set().union(*(holding.get(id(each), ()) for each in named))
                if resource := next((each for each in resources if each not in denied), None):
                    return _finding(action, resource, mfa)
    return None


def _on(deny: Scope, resource: str, context: Context) -> bool:
    try:
        on = any(pattern.matches(resource, context) for pattern in deny.statement.resources)
    except Absent:
        return False
    return on != deny.statement.not_resources


def _finding(action: str, resource: str, mfa: bool | None) -> Finding:
    values = {"action": action[:80], "resource": resource[:200]}
    sentence = _(
        "%(action)s on %(resource)s isn’t denied to users who signed in with a password and no code, at least in "
        "some requests. If another policy grants it, it works without MFA.",
        **values,
    )
    if mfa is None:
        sentence = _(
            "%(action)s on %(resource)s isn’t denied to an access key, at least in some requests. If another policy "
            "grants it, it works without MFA.",
            **values,
        )
    return Finding(
        "mfa-not-demanded",
        Severity.ERROR,
        DOCUMENT,
        sentence,
        _('Write one deny with NotAction, "Resource": "*" and no condition but MFA.'),
        action[:80],
    )


def _entries(denies: Sequence[Scope]) -> Iterator[str]:
    """Return actions that the denies name, and some that their patterns match."""
    for each in denies:
        for entry in each.entries.values():
            if "*" in entry or "?" in entry:
                yield from named_by(entry)[:2]
            elif ":" in entry.strip(":"):
                yield entry


def _resources(denies: Sequence[Scope]) -> Iterator[str]:
    for each in denies:
        for pattern in each.resources:
            yield from filter(None, (pattern.replace("*", "x"), pattern.replace("*", "")))


def _contexts(denies: Sequence[Scope], mfa: bool | None, permits: Permits) -> Iterator[Context]:
    """Yield contexts: a plain request, one that avoids each condition, then a sample of combinations."""
    yield {name.lower(): value for name, value in permits.context("any:Action", mfa=mfa).items()}
    conditions = [condition for each in denies if each.keys for condition in each.statement.conditions]
    users = Users(mfa, permits.account_id, permits.partition, this_hour())
    varied = [(each, list(islice(requests_of(each, users), 64))) for each in conditions]
    for condition, requests in varied:
        yield from islice((context for context in requests if not holds_in(condition, context)), 1)
    made = [context for _, requests in varied for context in requests]
    yield from made[:: ceil(len(made) / MOST_VARIED) or 1]  # evenly, so that no condition is left out for its place
