"""Find out which users are alike under a union of policies, so that they are judged once.

Most policies depend on the user only by `${aws:username}`, in ARNs of the user's own resources. Then the name makes
no difference, and a placeholder for it is judged.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache

from app.policy.analysis.satisfiability import holds_in
from app.policy.conditions import Condition
from app.policy.forced.answers import Person
from app.policy.forced.domains import Asker
from app.policy.forced.statements import PreparedStatement
from app.policy.forced.union import Union, loose_keys
from app.policy.forced.words import ANY, ANYS, NAME, NAMES, Glob, TooMany, anything, matches, word
from app.policy.patterns import variable_key

STAND_IN = "\ue200"
"""A user's name that nobody has. It's one character that no policy mentions, so only a `*` or `?` matches it."""
_WHATEVER = "\ue201"
_NAME_KEY = "aws:username"
_PERSONAL = ("aws:username", "aws:userid", "aws:principalarn", "aws:principaltag/", "aws:principalaccount")
_VARIABLE = re.compile(r"\$\{([^}]*)\}")


class Likeness:
    """What a union of policies depends on in a user."""

    def __init__(self, union: Union) -> None:
        self.union = union
        self._conditions = [
            condition
            for prepared in union.statements
            for condition in prepared.statement.conditions
            if any(_personal(key) for key in condition.keys)
        ]
        named = [
            key for prepared in union.statements for pattern in prepared.statement.resources for key in pattern.keys
        ]
        self._values = sorted({key.lower() for key in named if _personal(key) and key.lower() != _NAME_KEY})
        self._by_name: dict[tuple[str, str, str], bool] = {}

    def of(self, person: Person, askers: Sequence[Asker]) -> tuple[Hashable, bool]:
        """Return what users who are judged alike have in common, and whether their name makes no difference.

        askers: the user, in each kind of session.
        """
        fixed = askers[0].fixed
        values: list[object] = [fixed.get(key) for key in self._values]
        by_name = self._tells_names_apart(person)
        for condition in self._conditions:
            if not loose_keys(condition, askers[0]):
                values += [holds_in(condition, each.fixed) for each in askers]
                continue
            keys = [key.lower() for key in condition.keys if _personal(key)]
            values += [fixed.get(key) for key in keys if key != _NAME_KEY]
            by_name = by_name or (_NAME_KEY in keys and self._compares_otherwise(condition))
        who = person.user_name if by_name else STAND_IN
        return (person.account_id, person.partition, person.path, who, bool(person.user_id), *values), not by_name

    def _compares_otherwise(self, condition: Condition) -> bool:
        """Return whether a key that is compared with the user's name is also compared with something else."""
        key = condition.key.lower()
        every = [
            each
            for prepared in self.union.statements
            for each in prepared.statement.conditions
            if each.key.lower() == key
        ]
        return len({each.wanted for each in every} | {condition.wanted}) > 1 or len(condition.wanted) > 1

    def _tells_names_apart(self, person: Person) -> bool:
        place = (person.account_id, person.partition, person.path)
        if place not in self._by_name:
            try:
                self._by_name[place] = any(self._differing(person))
            except TooMany:
                self._by_name[place] = True
        return self._by_name[place]

    def _differing(self, person: Person) -> Iterator[bool]:
        """Return, for resources of statements, whether they match what belongs to some users but not to others."""
        texts = dict.fromkeys(text for prepared in self.union.statements for text in _general(prepared))
        start = f"arn:{person.partition}:iam::{person.account_id}:"
        own = (
            person._replace(user_name=STAND_IN).arn,
            f"{start}user/{ANYS}/{STAND_IN}",
            f"{start}mfa/{STAND_IN}",
            f"{start}mfa/{STAND_IN}/{ANYS}",
        )
        shapes = dict.fromkeys((*own, *(text for text in texts if STAND_IN in text)))
        return (_differ(text, shape) for text in texts for shape in shapes)


def _personal(key: str) -> bool:
    return key.lower().startswith(_PERSONAL)


@lru_cache(maxsize=8192)
def _general(prepared: PreparedStatement) -> tuple[str, ...]:
    """Return the resources of a statement as patterns: the user's name is the placeholder, other variables match
    anything.
    """
    if not prepared.variables:
        return tuple(map(anything, prepared.resources))
    found = []
    for text in prepared.resources:
        parts = _VARIABLE.split(text)
        names = ("" if place % 2 == 0 else variable_key(part).lower() for place, part in enumerate(parts))
        found.append(
            "".join(
                anything(part) if place % 2 == 0 else STAND_IN if name == _NAME_KEY else ANYS
                for place, (part, name) in enumerate(zip(parts, names, strict=True))
            )
        )
    return tuple(found)


@lru_cache(maxsize=65_536)
def _differ(text: str, shape: str) -> bool:
    """Return whether a pattern matches what a shape means, but only for some users. Raises words.TooMany."""
    if text in (shape, ANYS):
        return False
    first, second = (each.replace(STAND_IN, NAME + NAMES) for each in (text, shape))
    if word(((Glob(first),), (Glob(second),))) is None:
        return False
    return ANY in text or not matches(Glob(text), shape.replace(ANYS, _WHATEVER))
