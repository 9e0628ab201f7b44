"""All statements that apply to a user, and what remains of each in one kind of session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from app.policy.analysis.satisfiability import holds_in
from app.policy.conditions import Condition
from app.policy.evaluation import Request, decide
from app.policy.forced.domains import Asker, Known
from app.policy.forced.globs import resource_globs
from app.policy.forced.statements import Document, PreparedStatement
from app.policy.forced.words import ANYS, Glob
from app.policy.patterns import Absent, Context

Left = tuple[Condition, ...] | None
"""Of a statement in a session: the conditions that depend on the request, None where it never applies."""


@dataclass(frozen=True, eq=False)
class Union:
    """The identity policies of a user and the boundary, each document once."""

    identity: tuple[Document, ...]
    boundary: Document | None

    @cached_property
    def allows(self) -> tuple[PreparedStatement, ...]:
        """Return the statements that allow."""
        return tuple(
            prepared for each in self.identity for prepared in each.statements if not prepared.statement.denies
        )

    @cached_property
    def limits(self) -> tuple[PreparedStatement, ...]:
        """Return the boundary's statements that allow, which limit the others."""
        return tuple(
            prepared
            for prepared in (self.boundary.statements if self.boundary else ())
            if not prepared.statement.denies
        )

    @cached_property
    def denies(self) -> tuple[PreparedStatement, ...]:
        """Return the statements that deny, in policies or in the boundary."""
        documents = (*self.identity, *((self.boundary,) if self.boundary else ()))
        return tuple(prepared for each in documents for prepared in each.statements if prepared.statement.denies)

    @cached_property
    def statements(self) -> tuple[PreparedStatement, ...]:
        """Return all statements."""
        return (*self.allows, *self.limits, *self.denies)

    def lets(self, action: str, resource: str, context: Context) -> bool:
        """Return whether the evaluator allows a request. context: keys in lower case."""
        request = Request(action, resource, context)
        return decide([each.policy for each in self.identity], request).allowed and (
            self.boundary is None or decide([self.boundary.policy], request).allowed
        )


def left(prepared: PreparedStatement, asker: Asker) -> Left:
    """Return the conditions of a statement that the user and session leave open. None if one of the others fails."""
    conditions = []
    for condition in prepared.statement.conditions:
        if loose_keys(condition, asker):
            conditions.append(condition)
        elif not holds_in(condition, asker.fixed):
            return None
    return tuple(conditions)


def loose_keys(condition: Condition, asker: Asker) -> Sequence[str]:
    """Return the keys of a condition, in lower case, whose values the user and session leave open."""
    keys = dict.fromkeys(key.lower() for key in condition.keys)
    return [key for key in keys if asker.domain(key, has=True).known is not Known.FIXED]


@dataclass(frozen=True)
class Resources:
    """The resources of a statement as patterns, up to the first that has none.

    whole: False if that one has a variable without a value, so that the statement doesn't match. loose: the keys of
    its variables with open values.
    """

    globs: tuple[Glob, ...]
    whole: bool = True
    loose: tuple[str, ...] = ()


def resources(prepared: PreparedStatement, asker: Asker) -> Resources:
    """Return the resources of a statement for a user."""
    found: list[Glob] = []
    for text, pattern in zip(prepared.resources, prepared.statement.resources, strict=True):
        keys = [key.lower() for key in pattern.keys]
        if loose := [key for key in keys if asker.domain(key, has=True).known is not Known.FIXED]:
            return Resources(tuple(found), loose=tuple(loose))
        try:
            found += resource_globs(text, prepared.variables, asker.fixed)
        except Absent:
            return Resources(tuple(found), whole=False)
    return Resources(tuple(found))


EVERYTHING = Glob(ANYS)


@dataclass(frozen=True)
class Demand:
    """What a resource has to match, one pattern of each group, and what it must not match."""

    wanted: tuple[tuple[Glob, ...], ...] = ()
    unwanted: tuple[Glob, ...] = ()

    def __add__(self, other: Demand) -> Demand:
        return Demand(self.wanted + other.wanted, self.unwanted + other.unwanted)


def covered(prepared: PreparedStatement, found: Resources, *, lenient: bool) -> Demand | None:
    """Return what a resource needs for a statement to cover it, None for never. lenient: whether open variables
    match.
    """
    if prepared.statement.not_resources:
        if not found.whole or (found.loose and not lenient):
            return None
        return Demand(unwanted=found.globs)
    globs = (*found.globs, EVERYTHING) if found.loose and lenient else found.globs
    return Demand((globs,)) if globs else None


def exempted(prepared: PreparedStatement, found: Resources, *, lenient: bool) -> Demand | None:
    """Return what a resource needs for a statement not to cover it, None for never. lenient: whether open variables
    match.
    """
    if prepared.statement.not_resources:
        if not found.whole or (found.loose and lenient):
            return Demand()
        return Demand((found.globs,)) if found.globs else None
    return None if found.loose and not lenient else Demand(unwanted=found.globs)


def subsets(statements: Sequence[PreparedStatement]) -> Iterator[tuple[PreparedStatement, ...]]:
    """Yield all subsets except the empty one, small ones first."""
    count = len(statements)
    numbers = sorted(range(1, 2**count), key=int.bit_count)
    yield from (tuple(prepared for at, prepared in enumerate(statements) if number >> at & 1) for number in numbers)
