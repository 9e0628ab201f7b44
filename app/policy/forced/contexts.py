"""Find condition keys with which some statements apply and others don't, by choosing which condition of each
fails.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.policy.conditions import Condition
from app.policy.forced.domains import TIMES, Asker, Domain, Known
from app.policy.forced.union import loose_keys
from app.policy.forced.values import Open, Question, Values, Wish, found
from app.policy.forced.words import TooMany
from app.policy.reference.key_types import type_of
from app.policy.reference.request_context import ValueType

MOST_CHOICES = 2_000
"""Conditions that are made to fail in one search; more than that is too large."""

MOST_IN_ALL = 40_000
"""The same in all searches for a person and session."""


class Contexts:
    """The search for one user and session.

    lenient: whether keys may have any unknown value. Otherwise they count against the request, so a result doesn't
    depend on them. doubts: codes that say why a lenient result isn't certain.
    """

    def __init__(self, asker: Asker, *, lenient: bool) -> None:
        self.asker = asker
        self.lenient = lenient
        self.doubts: dict[str, None] = {}
        self._known: dict[tuple[str, frozenset[Wish], bool], Values | None] = {}
        self._tried = self._in_all = 0

    def found(
        self, applying: Sequence[Condition], failing: Sequence[Sequence[Condition]], has: Mapping[str, bool]
    ) -> Values | None:
        """Return keys in lower case to values, or None if there are none.

        applying: conditions that have to hold. failing: groups of which at least one condition must not hold. has:
        for each key, whether the action's requests can have it. Raises TooMany.
        """
        self._tried = 0
        if self._in_all > MOST_IN_ALL:
            raise TooMany
        wishes: dict[str, tuple[Wish, ...]] = {}
        for condition in applying:
            if not self._add(wishes, Wish(condition, holds=True)):
                return None
        if not all(self._values(key, asked, has) is not None for key, asked in wishes.items()):
            return None
        chosen = self._chosen(wishes, sorted(failing, key=len), has)
        if chosen is None:
            return None
        values: dict[str, str | tuple[str, ...]] = {}
        for key, asked in chosen.items():
            values |= self._values(key, asked, has) or {}
        return values

    def _chosen(
        self, wishes: dict[str, tuple[Wish, ...]], failing: Sequence[Sequence[Condition]], has: Mapping[str, bool]
    ) -> dict[str, tuple[Wish, ...]] | None:
        if not failing:
            return wishes
        for condition in failing[0]:
            self._tried += 1
            self._in_all += 1
            if self._tried > MOST_CHOICES:
                raise TooMany
            further = dict(wishes)
            if not self._add(further, Wish(condition, holds=False)):
                continue
            changed = [key for key in further if further[key] != wishes.get(key)]
            if all(self._values(key, further[key], has) is not None for key in changed):
                rest = self._chosen(further, failing[1:], has)
                if rest is not None:
                    return rest
        return None

    def _add(self, wishes: dict[str, tuple[Wish, ...]], wish: Wish) -> bool:
        """Add a wish to those of its key. Returns False if the condition uses several keys that are open."""
        loose = loose_keys(wish.condition, self.asker)
        if loose != [wish.condition.key.lower()]:
            self._doubt(*loose)
            return self.lenient
        key = TIMES[0] if loose[0] in TIMES else loose[0]
        wishes[key] = (*wishes.get(key, ()), wish)
        return True

    def _doubt(self, *keys: str) -> None:
        self.doubts |= dict.fromkeys(f"key-unknown:{key}" for key in keys)

    def _values(self, key: str, wishes: tuple[Wish, ...], has: Mapping[str, bool]) -> Values | None:
        known = (key, frozenset(wishes), has.get(key, True))
        if known not in self._known:
            self._known[known] = self._sought(key, wishes, has=known[2])
        return self._known[known]

    def _sought(self, key: str, wishes: tuple[Wish, ...], *, has: bool) -> Values | None:
        domain = self.asker.domain(key, has=has)
        if domain.known is Known.FIXED:
            fixed = {key: domain.values[0]} if domain.values else {}
            return fixed if Question(key, wishes, self.asker, domain).met_by(fixed) else None
        if domain.known is Known.DOUBTFUL:
            if Question(key, wishes, self.asker, domain).met_by({}):
                return {}
            self._doubt(key)
        elif domain.known is Known.MYSTERY:
            self._doubt(key)
        if domain.known is not Known.OPEN:
            if not self.lenient:
                return None
            value_type, _ = type_of(key) or (ValueType.STRING, True)
            domain = Domain(Known.OPEN, value_type, several=True)
        try:
            return found(Question(key, wishes, self.asker, domain))
        except (Open, TooMany):
            self.doubts[f"condition-open:{key}"] = None
            return {} if self.lenient else None
