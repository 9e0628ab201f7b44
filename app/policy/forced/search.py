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
from app.policy.forced.statements import PreparedStatement
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
    prepared: PreparedStatement
    values: Values


Alone = dict[Hashable, Found | None]


class Search:
    """The search for one user and session. lefts: for each statement of the union, what remains of it (`union.left`).

    alone: what statements without conditions allow that nothing else covers, shared by searches. lenient: whether
    unknown things count in favour of a request. Then finding nothing is a proof, and a result may not exist: `doubts`
    says why.
    """

    def __init__(
        self,
        union: Union,
        asker: Asker,
        lefts: Mapping[PreparedStatement, Left],
        alone: Alone | None = None,
        *,
        lenient: bool,
    ) -> None:
        self.union = union
        self.asker = asker
        self.lenient = lenient
        self.lefts = lefts
        self.contexts = Contexts(asker, lenient=lenient)
        self.allows = [prepared for prepared in union.allows if lefts[prepared] is not None]
        self.limits = [prepared for prepared in union.limits if lefts[prepared] is not None]
        denies = [prepared for prepared in union.denies if lefts[prepared] is not None]
        self.firm = [prepared for prepared in denies if not lefts[prepared] and prepared.everywhere]
        self.denies = [prepared for prepared in denies if prepared not in self.firm]
        self._resources: dict[PreparedStatement, Resources] = {}
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
        for prepared in self.firm:
            denied |= prepared.actions
        if self.union.boundary is not None:
            within = 0
            for prepared in self.limits:
                within |= prepared.actions
            denied |= ~within
        exempt, counted = _exempt()
        remaining = [(prepared, left) for prepared in self.allows if (left := prepared.actions & ~denied & counted)]
        plain = [(prepared, left) for prepared, left in remaining if left & well_known()]
        for number in in_order() if plain else ():
            for prepared, left in plain:
                if left >> number & 1 and (found := self.request(actions()[number], prepared)):
                    yield found
        for part in (~exempt, exempt):
            for prepared, left in remaining:
                if found := self._first(prepared, left & part):
                    yield found

    def _first(self, allow: PreparedStatement, left: int) -> Found | None:
        """Return a request that an Allow statement allows. left: those of its actions that remain."""
        if not left:
            return None
        self._at = allow.name
        others = [prepared for prepared in (*self.denies, *self.limits) if prepared.actions & left]
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

    def _sought(self, allow: PreparedStatement, left: int, others: Sequence[PreparedStatement]) -> Found | None:
        keys = dict.fromkeys(
            key
            for prepared in (allow, *others)
            for condition in self.lefts[prepared] or ()
            for key in loose_keys(condition, self.asker)
        )
        for part in _parts(left, [prepared.actions for prepared in others]):
            for number in kinds(part, keys):
                if found := self.request(actions()[number], allow):
                    return found
        return None

    def request(self, action: str, allow: PreparedStatement) -> Found | None:
        """Return a request for an action that an Allow statement names. Raises TooMany if the search takes
        too long.
        """
        self._asked += 1
        self._at = allow.name
        if self._asked > MOST_REQUESTS:
            raise TooMany
        number = number_of(action)
        if number is None:
            denies = [prepared for prepared in self.denies if prepared.statement.names_action(action)]
            limits = [prepared for prepared in self.limits if prepared.statement.names_action(action)]
        else:
            denies = [prepared for prepared in self.denies if prepared.actions >> number & 1]
            limits = [prepared for prepared in self.limits if prepared.actions >> number & 1]
        alike = self._alike(action, (allow, *limits, *denies))
        if alike in self._hopeless:
            return None
        firm = [prepared for prepared in denies if not self.lefts[prepared]]
        loose = [prepared for prepared in denies if self.lefts[prepared]]
        applying = [(allow, limit) for limit in limits] if self.union.boundary else [(allow,)]
        try:
            for statements in applying:
                if found := self._with(action, statements, firm, loose):
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

    def _alike(self, action: str, statements: Sequence[PreparedStatement]) -> Hashable | None:
        """Return what the search for an action depends on, if the resource matters to none of the statements."""
        if action.lower() in getting_mfa() or not all(prepared.everywhere for prepared in statements):
            return None
        keys = {
            key
            for prepared in statements
            for each in self.lefts[prepared] or ()
            for key in loose_keys(each, self.asker)
        }
        return (*map(id, statements), *(self.has(action, key) for key in sorted(keys)))

    def _with(
        self,
        action: str,
        statements: Sequence[PreparedStatement],
        firm: Sequence[PreparedStatement],
        loose: Sequence[PreparedStatement],
    ) -> Found | None:
        """Return a request to which the statements apply. firm: denies without conditions. loose: denies with
        conditions.
        """
        if self._values(action, statements, []) is None:
            return None
        place = self._place(action, statements, firm)
        if place is None:
            return None
        values = self._values(action, statements, [prepared for prepared in loose if self._about(prepared, place)])
        if values is not None:
            return Found(action, place, statements[0], values)
        if not loose:
            return None
        if len(loose) > MOST_SPARED:
            raise TooMany
        for avoided in subsets(loose):
            place = self._place(action, statements, [*firm, *avoided])
            if place is not None:
                values = self._values(action, statements, [prepared for prepared in loose if prepared not in avoided])
                if values is not None:
                    return Found(action, place, statements[0], values)
        return None

    def _values(
        self, action: str, statements: Sequence[PreparedStatement], failing: Sequence[PreparedStatement]
    ) -> Values | None:
        """Return condition keys with which the statements apply and the failing ones don't."""
        applying = [condition for prepared in statements for condition in self.lefts[prepared] or ()]
        groups = [self.lefts[prepared] or () for prepared in failing]
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

    def _of(self, prepared: PreparedStatement) -> Resources:
        if prepared not in self._resources:
            self._resources[prepared] = resources(prepared, self.asker)
            self.doubts.update(dict.fromkeys(f"key-unknown:{key}" for key in self._resources[prepared].loose))
        return self._resources[prepared]

    def _place(
        self, action: str, statements: Sequence[PreparedStatement], avoided: Sequence[PreparedStatement]
    ) -> str | None:
        """Return a resource that the statements cover and the avoided ones don't. Raises TooMany."""
        demand = self._beyond(action)
        for prepared in statements:
            more = covered(prepared, self._of(prepared), lenient=self.lenient)
            if more is None:
                return None
            demand += more
        for prepared in avoided:
            more = exempted(prepared, self._of(prepared), lenient=self.lenient)
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

    def _about(self, prepared: PreparedStatement, place: str) -> bool:
        """Return whether a deny covers a resource."""
        found = self._of(prepared)
        hit = any(matches(glob, place) for glob in found.globs)
        if prepared.statement.not_resources:
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
