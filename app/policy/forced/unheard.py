"""Actions that AWS's reference doesn't have, because they are new or misspelt, and that policies would allow.

No request can be made of them, but they prevent a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from app.policy.forced.domains import Asker
from app.policy.forced.getting_mfa import getting_mfa, without_effect
from app.policy.forced.search import Search
from app.policy.forced.statements import PreparedStatement
from app.policy.forced.union import Demand, Left, Union
from app.policy.forced.words import NAME, NAMES, Glob, TooMany, word

MOST_REGIONS = 64
"""Ways in which patterns of denies can name an action or not; more than that is not looked through."""
_ACTION = Glob(f"{NAME}{NAMES}:{NAME}{NAMES}")


def unheard_requests(union: Union, asker: Asker, lefts: Mapping[PreparedStatement, Left]) -> Iterator[str]:
    """Return codes of what would be allowed: "action-unheard:s3:x"."""
    search = Search(union, asker, lefts, lenient=True)
    # Single actions are looked at one by one, so only patterns matter here.
    firm = Demand(((_ACTION,),), _known())
    for prepared in search.firm:
        firm += _not_naming(prepared)
    for allow in search.allows:
        try:
            for action in (*_single(allow, search), *_new(firm + _naming(allow), search)):
                if search.request(action, allow):
                    yield f"action-unheard:{action}"
                    break
        except TooMany:
            yield f"search-too-large:{allow.name}"


@cache
def _known() -> tuple[Glob, ...]:
    return tuple(Glob(each) for each in sorted(getting_mfa() | without_effect()))


def _single(allow: PreparedStatement, search: Search) -> Iterator[str]:
    """Yield the actions that statements name in full and the reference doesn't have."""
    for prepared in (allow, *search.firm, *search.denies, *search.limits):
        for name in prepared.unheard:
            if (
                name not in without_effect()
                and allow.statement.names_action(name)
                and not any(each.statement.names_action(name) for each in search.firm)
            ):
                yield name


def _new(demand: Demand, search: Search) -> Iterator[str]:
    """Yield one made-up action for all that are named and denied alike. Raises TooMany."""
    if all(demand.wanted):
        yield from _regions(demand, [*search.denies, *search.limits], [0])


def _regions(demand: Demand, statements: Sequence[PreparedStatement], count: list[int]) -> Iterator[str]:
    name = word(demand.wanted, demand.unwanted)
    if name is None:
        return
    if not statements:
        count[0] += 1
        if count[0] > MOST_REGIONS:
            raise TooMany
        yield name
        return
    for side in (_not_naming(statements[0]), _naming(statements[0])):
        if all(side.wanted):
            yield from _regions(demand + side, statements[1:], count)


def _naming(prepared: PreparedStatement) -> Demand:
    if prepared.statement.not_actions:
        return Demand(unwanted=prepared.patterns)
    return Demand((prepared.patterns,))


def _not_naming(prepared: PreparedStatement) -> Demand:
    if prepared.statement.not_actions:
        return Demand((prepared.patterns,))
    return Demand(unwanted=prepared.patterns)
