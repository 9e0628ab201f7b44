"""Decide requests of which some condition keys are unknown, as far as those keys make no difference.

Unknown keys are those of single services (s3:prefix), names that aren't documented keys, and the client's address
(aws:SourceIp). Keys that are only sometimes present, like tags, count as absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, product

from app.policy.analysis.satisfiability import Holds, holds_in, values_of
from app.policy.conditions import Condition
from app.policy.evaluation import Decision, Effect, Request, Statement
from app.policy.patterns import Absent, Context
from app.policy.reference.actions import key_type
from app.policy.reference.request_context import condition_key

MOST = 5_000
"""Requests tried for one condition; one that takes more is open."""


@dataclass(frozen=True)
class Weight:
    """How one statement applies to a request. matches: None if that depends on keys with unknown values."""

    matches: bool | None
    depends: tuple[str, ...] = ()
    """The keys, as written."""


@dataclass(frozen=True)
class Weighed:
    """A decision. depends: the unknown keys it depends on, as written. `decision` is then the one without them."""

    decision: Decision
    weights: Sequence[Weight]
    depends: tuple[str, ...] = ()


def unknown(key: str) -> bool:
    """Return whether the value of a condition key can't be known here."""
    known = condition_key(key)
    return known is None or known.name == "aws:SourceIp"


def weigh(statements: Sequence[Statement], request: Request) -> Weighed:
    """Decide a request. Its context has the keys with known values. Unknown keys in it count as known."""
    context = {key.lower(): value for key, value in request.context.items()}
    weights = [_weight(each, request, context) for each in statements]
    decision = _decision(statements, weights)
    denying = [weight for each, weight in zip(statements, weights, strict=True) if each.denies]
    allowing = [weight for each, weight in zip(statements, weights, strict=True) if not each.denies]
    if decision.effect is Effect.EXPLICITLY_DENIED or all(each.matches is False for each in allowing):
        return Weighed(decision, weights)
    doubtful = [each for each in denying if each.matches is None]
    if not decision.allowed:
        doubtful = [each for each in allowing if each.matches is None] + doubtful
    return Weighed(decision, weights, tuple(dict.fromkeys(key for each in doubtful for key in each.depends)))


def _decision(statements: Sequence[Statement], weights: Sequence[Weight]) -> Decision:
    """Decide by the statements that are sure to match: the first Deny, else the first Allow."""
    matching = [number for number, each in enumerate(weights) if each.matches]
    for effect, denies in ((Effect.EXPLICITLY_DENIED, True), (Effect.ALLOWED, False)):
        for number in matching:
            if statements[number].denies is denies:
                sid = statements[number].sid
                return Decision(effect, number if sid is None else sid)
    return Decision(Effect.IMPLICITLY_DENIED, None)


def _weight(statement: Statement, request: Request, context: Context) -> Weight:
    if not statement.names_action(request.action):
        return Weight(matches=False)
    on, depends = _resource(statement, request, context)
    if on is False:
        return Weight(matches=False)
    for condition in statement.conditions:
        how, keys = weighed(condition, context)
        if how is Holds.NEVER:
            return Weight(matches=False)
        if how is Holds.SOMETIMES:
            depends = (*depends, *keys)
    return Weight(None, tuple(dict.fromkeys(depends))) if depends else Weight(matches=True)


def _resource(statement: Statement, request: Request, context: Context) -> tuple[bool | None, tuple[str, ...]]:
    found = False
    for pattern in statement.resources:
        try:
            found = pattern.matches(request.resource, context)
        except Absent:
            absent = [key for key in pattern.keys if key.lower() not in context]
            # A name that is no key at all, or one that this request does not have, matches nobody.
            may = all(unknown(key) and (condition_key(key) or key_type(key)) for key in absent)
            return (None, tuple(absent)) if may else (False, ())
        if found:
            break
    return found != statement.not_resources, ()


def weighed(condition: Condition, context: Context) -> tuple[Holds, tuple[str, ...]]:
    """Whether it holds, whatever the keys are that nobody knows; and those keys where that matters, as written."""
    keys = tuple(key for key in condition.keys if key.lower() not in context and unknown(key))
    if not keys:
        return (Holds.ALWAYS if holds_in(condition, context) else Holds.NEVER), ()
    said = [value for value in context.values() if isinstance(value, str)]
    choices = [values_of(key.lower(), condition.wanted, said, datetime.now(UTC)) for key in keys]
    seen = set()
    for number, chosen in enumerate(islice(product(*choices), MOST + 1)):
        if number == MOST:
            return Holds.SOMETIMES, keys
        varied = {key.lower(): value for key, value in zip(keys, chosen, strict=True) if value is not None}
        seen.add(holds_in(condition, {**context, **varied}))
        if len(seen) > 1:
            return Holds.SOMETIMES, keys
    return (Holds.ALWAYS if seen == {True} else Holds.NEVER), ()
