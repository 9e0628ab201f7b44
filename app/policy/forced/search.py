"""Search for a request that policies allow without MFA, beyond getting MFA: exhaustively, in one kind of session.

Every Allow statement is split into groups of actions that the same denies cover. For one action of each kind that
behaves alike, two questions decide: is there a resource that the statement covers and the denies don't? Are there
condition keys with which it applies and the remaining denies don't? Each is answered by an example or by a proof that
there is none.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from app.policy.forced.action_sets import actions, everything, having, in_order, kinds, named, number_of, well_known
from app.policy.forced.answers import Person
from app.policy.forced.contexts import Contexts
from app.policy.forced.domains import Asker
from app.policy.forced.getting_mfa import getting_mfa, own_resources, without_effect
from app.policy.forced.globs import used_on
from app.policy.forced.rules import Rule
from app.policy.forced.union import (
    Demand,
    Left,
    Resources,
    Union,
    covered,
    exempted,
    loose_keys,
    resources,
    subsets,
)
from app.policy.forced.values import Values
from app.policy.forced.words import ANYS, Glob, TooMany, anything, matches, word

MOST_REQUESTS = 6_000
"""Requests that are looked for in one search. Policies of real accounts take some hundreds."""
MOST_HARD = 20
"""Requests for which the search is cut short."""
MOST_PARTS = 1_000
"""Parts of the actions of a statement that denies tell apart."""
MOST_SPARED = 8
"""Denies with conditions of which every choice is tried: escaped by the resource, or by a condition."""


class Found(NamedTuple):
    """A request that is allowed. values: of the condition keys that matter, in lower case."""

    action: str
    resource: str
    rule: Rule
    values: Values


Alone = dict[Hashable, Found | None]


class Search:
    """The search for one user and session. lefts: for each rule of the union, what remains of it (`union.left`).

    alone: what statements without conditions allow that nothing else covers, shared by searches. lenient: whether
    unknown things count in favour of a request. Then finding nothing is a proof, and a result may not exist: `doubts`
    says why.
    """

    def __init__(
        self, union: Union, asker: Asker, lefts: Mapping[Rule, Left], alone: Alone | None = None, *, lenient: bool
    ) -> None:
        self.union = union
        self.asker = asker
        self.lenient = lenient
        self.lefts = lefts
        self.contexts = Contexts(asker, lenient=lenient)
        self.allows = [rule for rule in union.allows if lefts[rule] is not None]
        self.limits = [rule for rule in union.limits if lefts[rule] is not None]
        denies = [rule for rule in union.denies if lefts[rule] is not None]
        self.firm = [rule for rule in denies if not lefts[rule] and rule.everywhere]
        self.denies = [rule for rule in denies if rule not in self.firm]
        self._resources: dict[Rule, Resources] = {}
        self.exhausted = ""
        self._at = ""
        self._asked = self._hard = 0
        self._hopeless: set[Hashable] = set()
        self._alone: Alone = {} if alone is None else alone

    @property
    def doubts(self) -> dict[str, None]:
        """Return codes of what couldn't be known or found."""
        return self.contexts.doubts

    def all(self) -> Iterator[Found]:
        """Yield requests, the clearest examples first, then one for each Allow statement and group of actions.

        `exhausted` names the Allow statement at which the search was cut short, if it was.
        """
        try:
            yield from self._all()
        except TooMany:
            self.exhausted = self._at or "0"

    def _all(self) -> Iterator[Found]:
        denied = 0
        for rule in self.firm:
            denied |= rule.actions
        if self.union.boundary is not None:
            within = 0
            for rule in self.limits:
                within |= rule.actions
            denied |= ~within
        exempt, counted = _exempt()
        remaining = [(rule, left) for rule in self.allows if (left := rule.actions & ~denied & counted)]
        plain = [(rule, left) for rule, left in remaining if left & well_known()]
        for number in in_order() if plain else ():
            for rule, left in plain:
                if left >> number & 1 and (found := self.request(actions()[number], rule)):
                    yield found
        for part in (~exempt, exempt):
            for rule, left in remaining:
                if found := self._first(rule, left & part):
                    yield found

    def _first(self, allow: Rule, left: int) -> Found | None:
        """Return a request that an Allow statement allows. left: those of its actions that remain."""
        if not left:
            return None
        self._at = allow.name
        others = [rule for rule in (*self.denies, *self.limits) if rule.actions & left]
        if self.union.boundary or others or self.lefts[allow] or allow.by_person:
            return self._sought(allow, left, others)
        person = self.asker.person
        alone = (allow, left, person.account_id, person.partition, person.path, person.user_name)
        if alone in self._alone:
            return self._alone[alone]
        doubts = len(self.doubts)
        found = self._sought(allow, left, others)
        if len(self.doubts) == doubts:
            self._alone[alone] = found
        return found

    def _sought(self, allow: Rule, left: int, others: Sequence[Rule]) -> Found | None:
        keys = dict.fromkeys(
            key
            for rule in (allow, *others)
            for condition in self.lefts[rule] or ()
            for key in loose_keys(condition, self.asker)
        )
        for part in _parts(left, [rule.actions for rule in others]):
            for number in kinds(part, keys):
                if found := self.request(actions()[number], allow):
                    return found
        return None

    def request(self, action: str, allow: Rule) -> Found | None:
        """Return a request for an action that an Allow statement names. Raises TooMany if the search takes
        too long.
        """
        self._asked += 1
        self._at = allow.name
        if self._asked > MOST_REQUESTS:
            raise TooMany
        number = number_of(action)
        if number is None:
            denies = [rule for rule in self.denies if rule.statement.names_action(action)]
            limits = [rule for rule in self.limits if rule.statement.names_action(action)]
        else:
            denies = [rule for rule in self.denies if rule.actions >> number & 1]
            limits = [rule for rule in self.limits if rule.actions >> number & 1]
        alike = self._alike(action, (allow, *limits, *denies))
        if alike in self._hopeless:
            return None
        firm = [rule for rule in denies if not self.lefts[rule]]
        loose = [rule for rule in denies if self.lefts[rule]]
        applying = [(allow, limit) for limit in limits] if self.union.boundary else [(allow,)]
        try:
            for rules in applying:
                if found := self._with(action, rules, firm, loose):
                    return found
            if alike:
                self._hopeless.add(alike)
        except TooMany:
            self.doubts[f"search-too-large:{allow.name}"] = None
            self._hard += 1
            if self._hard > MOST_HARD:
                raise
            if self.lenient:
                return Found(action, "*", allow, {})
        return None

    def _alike(self, action: str, rules: Sequence[Rule]) -> Hashable | None:
        """Return what the search for an action depends on, if the resource matters to none of the rules."""
        if action.lower() in getting_mfa() or not all(rule.everywhere for rule in rules):
            return None
        keys = {key for rule in rules for each in self.lefts[rule] or () for key in loose_keys(each, self.asker)}
        return (*map(id, rules), *(self.has(action, key) for key in sorted(keys)))

    def _with(self, action: str, rules: Sequence[Rule], firm: Sequence[Rule], loose: Sequence[Rule]) -> Found | None:
        """Return a request to which the rules apply. firm: denies without conditions. loose: denies with
        conditions.
        """
        if self._values(action, rules, []) is None:
            return None
        place = self._place(action, rules, firm)
        if place is None:
            return None
        values = self._values(action, rules, [rule for rule in loose if self._about(rule, place)])
        if values is not None:
            return Found(action, place, rules[0], values)
        if not loose:
            return None
        if len(loose) > MOST_SPARED:
            raise TooMany
        for avoided in subsets(loose):
            place = self._place(action, rules, [*firm, *avoided])
            if place is not None:
                values = self._values(action, rules, [rule for rule in loose if rule not in avoided])
                if values is not None:
                    return Found(action, place, rules[0], values)
        return None

    def _values(self, action: str, rules: Sequence[Rule], failing: Sequence[Rule]) -> Values | None:
        """Return condition keys with which the rules apply and the failing ones don't."""
        applying = [condition for rule in rules for condition in self.lefts[rule] or ()]
        groups = [self.lefts[rule] or () for rule in failing]
        asked = [condition for each in (applying, *groups) for condition in each]
        keys = {key for condition in asked for key in loose_keys(condition, self.asker)}
        return self.contexts.found(applying, groups, {key: self.has(action, key) for key in keys})

    def has(self, action: str, key: str) -> bool:
        """Return whether an action's requests can have a condition key, in lower case. Always true for an unknown
        action.
        """
        number = number_of(action)
        return number is None or bool(having(key) >> number & 1)

    # -- resources

    def _of(self, rule: Rule) -> Resources:
        if rule not in self._resources:
            self._resources[rule] = resources(rule, self.asker)
            self.doubts.update(dict.fromkeys(f"key-unknown:{key}" for key in self._resources[rule].loose))
        return self._resources[rule]

    def _place(self, action: str, rules: Sequence[Rule], avoided: Sequence[Rule]) -> str | None:
        """Return a resource that the rules cover and the avoided ones don't. Raises TooMany."""
        demand = self._beyond(action)
        for rule in rules:
            more = covered(rule, self._of(rule), lenient=self.lenient)
            if more is None:
                return None
            demand += more
        for rule in avoided:
            more = exempted(rule, self._of(rule), lenient=self.lenient)
            if more is None:
                return None
            demand += more
        person = self.asker.person
        types = used_on(action, person.partition, person.account_id)
        wanted, unwanted = tuple(dict.fromkeys(demand.wanted)), tuple(dict.fromkeys(demand.unwanted))
        if any(f":iam::{person.account_id}:user/" in each.text for each in types):
            if (own := word(((Glob(person.arn),), *wanted), unwanted)) is not None:
                return own
            unwanted += _elsewhere(person)
        found = (word(((used,), *wanted), unwanted) for used in types)
        return next((place for place in found if place is not None), None)

    def _about(self, rule: Rule, place: str) -> bool:
        """Return whether a deny covers a resource."""
        found = self._of(rule)
        hit = any(matches(glob, place) for glob in found.globs)
        if rule.statement.not_resources:
            return not hit and found.whole and not (found.loose and self.lenient)
        return hit or bool(found.loose and not self.lenient)

    def _beyond(self, action: str) -> Demand:
        """Return what a resource must not be, for a request to be more than getting MFA."""
        lower = action.lower()
        if lower not in getting_mfa():
            return Demand()
        own = own_resources(lower, self.asker.person)
        return Demand(unwanted=(Glob("*"), *(Glob(anything(each)) for each in own)))


@cache
def _exempt() -> tuple[int, int]:
    """Return the actions that can be getting MFA, and all that have an effect."""
    return named(getting_mfa()), everything() & ~named(without_effect())


def _elsewhere(person: Person) -> tuple[Glob, ...]:
    """Return ARNs that no other user has. A name is unique in an account, whatever the path and the letter case."""
    users = f"arn:{person.partition}:iam::{person.account_id}:user/"
    return Glob(f"{users}{person.user_name}", fold=True), Glob(f"{users}{ANYS}/{person.user_name}", fold=True)


def _parts(mask: int, splitting: Sequence[int]) -> list[int]:
    """Split a set of actions so that each part is wholly inside or outside each of the others. Raises TooMany."""
    parts = [mask]
    for other in splitting:
        parts = [each for part in parts for each in (part & other, part & ~other) if each]
        if len(parts) > MOST_PARTS:
            raise TooMany
    return parts
