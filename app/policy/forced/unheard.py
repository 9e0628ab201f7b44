"""Actions that AWS's reference doesn't have, because they are new or misspelt, and that policies would allow.

No request can be made from them here, but a pass would be too much to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.policy.forced.action_sets import unheard
from app.policy.forced.domains import Asker
from app.policy.forced.getting_mfa import getting_mfa, without_effect
from app.policy.forced.rules import Rule
from app.policy.forced.search import Search
from app.policy.forced.union import Demand, Left, Union
from app.policy.forced.words import NAME, NAMES, Glob, TooMany, anything, word

MOST_REGIONS = 64
"""Ways in which patterns of denies can name an action or not; more than that is not looked through."""
_ACTION = Glob(f"{NAME}{NAMES}:{NAME}{NAMES}")


def unheard_requests(union: Union, asker: Asker, lefts: Mapping[Rule, Left]) -> Iterator[str]:
    """Codes of what would be allowed: "action-unheard:s3:x"."""
    search = Search(union, asker, lefts, lenient=True)
    for allow in search.allows:
        try:
            for action in _names(allow, search):
                if search.request(action, allow):
                    yield f"action-unheard:{action}"
                    break
        except TooMany:
            yield f"search-too-large:{allow.name}"


def _names(allow: Rule, search: Search) -> Iterator[str]:
    """One name for all that are allowed and denied alike. Raises TooMany."""
    rules = [*search.firm, *search.denies, *search.limits]
    single = dict.fromkeys(name for rule in (allow, *rules) for name in unheard(rule.entries))
    spoken_of = getting_mfa() | without_effect()
    for name in single:
        named = allow.statement.names_action(name)
        if named and name not in spoken_of and not any(rule.statement.names_action(name) for rule in search.firm):
            yield name
    demand = Demand(((_ACTION,),), tuple(Glob(each) for each in sorted(spoken_of))) + _naming(allow)
    for rule in search.firm:
        demand += _not_naming(rule)
    if all(demand.wanted):
        yield from _regions(demand, [*search.denies, *search.limits], [0])


def _regions(demand: Demand, rules: Sequence[Rule], count: list[int]) -> Iterator[str]:
    name = word(demand.wanted, demand.unwanted)
    if name is None:
        return
    if not rules:
        count[0] += 1
        if count[0] > MOST_REGIONS:
            raise TooMany
        yield name
        return
    for side in (_not_naming(rules[0]), _naming(rules[0])):
        if all(side.wanted):
            yield from _regions(demand + side, rules[1:], count)


def _patterns(rule: Rule) -> tuple[Glob, ...]:
    """Those with wildcards: single actions are looked at one by one."""
    entries = (each.lower() for each in rule.entries)
    return tuple(dict.fromkeys(Glob(anything(each)) for each in entries if "*" in each or "?" in each))


def _naming(rule: Rule) -> Demand:
    if rule.statement.not_actions:
        return Demand(unwanted=_patterns(rule))
    return Demand((_patterns(rule),))


def _not_naming(rule: Rule) -> Demand:
    if rule.statement.not_actions:
        return Demand((_patterns(rule),))
    return Demand(unwanted=_patterns(rule))
