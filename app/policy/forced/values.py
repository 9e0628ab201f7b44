"""Find a value of one condition key for which some conditions hold and others don't, or prove that there is none.

`words.word` finds text. Numbers, times and addresses are tried at, beside and between the values of the conditions,
because nothing changes anywhere else.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from app.policy.analysis.satisfiability import holds_in, moment
from app.policy.conditions import LIKE, Condition, operator_of
from app.policy.forced.domains import TIMES, Asker, Domain
from app.policy.forced.globs import pattern_globs
from app.policy.forced.words import ANY, ANYS, PART, PARTS, Glob, word
from app.policy.patterns import Absent
from app.policy.reference.request_context import EXAMPLE_ADDRESS, ValueType

Values = Mapping[str, str | tuple[str, ...]]
"""Keys in lower case to their value; a key that is absent isn't there."""
_TEXTUAL = (*LIKE, "StringEquals", "StringEqualsIgnoreCase", "Bool", "BinaryEquals")
_ARN = Glob(f"arn:{PARTS}:{PARTS}:{PARTS}:{PARTS}:{ANYS}")
_RATHER_PRESENT = ("aws:sourceip", "aws:tagkeys")
"""Most requests of actions that have these keys have a value for them."""
_SESSION_LASTS = timedelta(hours=36)


class Open(Exception):
    """Whether there is such a value couldn't be found out."""


@dataclass(frozen=True)
class Wish:
    """A condition that has to hold, or must not."""

    condition: Condition
    holds: bool


@dataclass(frozen=True, eq=False)
class Question:
    """What a key has to be. key: in lower case. Both times that every request has share one name."""

    key: str
    wishes: tuple[Wish, ...]
    asker: Asker
    domain: Domain

    def met_by(self, values: Values, wishes: Iterable[Wish] | None = None) -> bool:
        """Return whether these values meet the wishes."""
        context = {**self.asker.fixed, **values}
        asked = self.wishes if wishes is None else wishes
        return all(holds_in(each.condition, context) == each.holds for each in asked)

    def with_value(self, value: str) -> Values:
        """Return the key with one value. Times are texts of whole seconds since 1970."""
        if self.domain.value_type is not ValueType.DATE:
            return {self.key: value}
        when = f"{datetime.fromtimestamp(int(value), UTC):%Y-%m-%dT%H:%M:%SZ}"
        if self.key in TIMES:
            return {"aws:currenttime": when, "aws:epochtime": value}
        return {self.key: when}


def found(asked: Question) -> Values | None:
    """Return values that fulfil all wishes, or None if there are none. Raises Open and words.TooMany."""
    plain = {name.lower(): value for name, value in asked.asker.plain.items()}.get(asked.key)
    if plain is not None and asked.domain.value_type is not ValueType.DATE and asked.met_by({asked.key: plain}):
        return {asked.key: plain}
    if asked.domain.absent and asked.key not in _RATHER_PRESENT and asked.met_by({}):
        return {}
    open_still = False
    try:
        if (single := _single(asked, asked.wishes)) is not None:
            return asked.with_value(single)
        if asked.domain.several and (listed := _several(asked)) and asked.met_by({asked.key: listed}):
            return {asked.key: listed}
    except Open:
        open_still = True
    if asked.domain.absent and asked.met_by({}):
        return {asked.key: ()}  # most requests have it
    if open_still:
        raise Open
    return None


def _single(asked: Question, wishes: Sequence[Wish]) -> str | None:
    """Return one value. Raises Open and words.TooMany."""
    textual = [each for each in wishes if operator_of(each.condition.operator).base in _TEXTUAL]
    ordered = [each for each in wishes if _is_ordered(each.condition)]
    values = [value for each in wishes for value in each.condition.wanted]
    for value in _candidates(asked, values, ordered):
        if asked.met_by(asked.with_value(value), wishes):
            return value
    if asked.domain.values:
        return None
    if asked.domain.value_type in (ValueType.NUMBER, ValueType.DATE, ValueType.IP):
        if textual:
            raise Open
        return None
    text = _text(asked, textual)
    if text is not None:
        if asked.met_by({asked.key: text}, wishes):
            return text
        raise Open
    return None


def _is_ordered(condition: Condition) -> bool:
    return operator_of(condition.operator).base not in (*_TEXTUAL, "Null")


def _candidates(asked: Question, values: Sequence[str], ordered: Sequence[Wish]) -> Iterator[str]:
    """Yield all values of a type with few of them. For an ordered type, those that can make a difference."""
    value_type = asked.domain.value_type
    if asked.domain.values:
        yield from asked.domain.values
    elif value_type is ValueType.DATE:
        yield from _times(values, asked)
    elif value_type is ValueType.IP:
        yield from _addresses(values)
    elif value_type is ValueType.NUMBER:
        yield from _numbers(values)
    elif ordered:
        yield from values
        yield from _numbers(values)
        yield from _addresses(values)


def _numbers(values: Sequence[str]) -> Iterator[str]:
    named = []
    for value in values:
        try:
            number = float(value)
        except ValueError:
            continue
        if abs(number) < 1e15:
            named.append(number)
    named = sorted(set(named))
    near = [float(int(each) + step) for each in named for step in (0, 1, -1)]
    between = [(first + second) / 2 for first, second in pairwise(named)]
    for number in (*near, *named, 0.0, 1.0, *between):
        if number >= 0:
            yield str(int(number)) if number == int(number) else str(number)


def _addresses(values: Sequence[str]) -> Iterator[str]:
    yield EXAMPLE_ADDRESS
    for value in values:
        try:
            block = ipaddress.ip_network(value, strict=False)
        except ValueError:
            continue
        for number in (int(block[0]), int(block[-1]), int(block[0]) - 1, int(block[-1]) + 1):
            if 0 <= number < 2**block.max_prefixlen:
                kind = ipaddress.IPv4Address if block.version == 4 else ipaddress.IPv6Address
                yield str(kind(number))
    yield "203.0.113.77"
    yield "2001:db8::7"


def _times(values: Sequence[str], asked: Question) -> Iterator[str]:
    now = asked.asker.now
    first = now if asked.key in TIMES else now - _SESSION_LASTS
    named = [when for when in map(moment, values) if when]
    near = [when + timedelta(seconds=step) for when in named for step in (0, 1, -1)]
    for when in (now, first, *near, now + timedelta(days=36_500)):
        if when >= first:
            yield str(int(when.timestamp()))


def _text(asked: Question, textual: Sequence[Wish]) -> str | None:
    """Return a text that fulfils the wishes that patterns can express. Raises words.TooMany."""
    wanted: list[tuple[Glob, ...]] = [(_ARN,)] if asked.domain.value_type is ValueType.ARN else []
    unwanted: list[Glob] = []
    for wish in textual:
        operator = operator_of(wish.condition.operator)
        globs, whole = _globs(wish.condition, operator.base, asked)
        match = wish.holds != operator.negated
        if not whole and operator.negated:
            # The variable without a value is always come to, unless one of the values before it matches.
            if wish.holds:
                return None
            continue
        if match:
            wanted.append(globs)
        else:
            unwanted += globs
    wanted = wanted or [(Glob(ANYS),)]
    return word(tuple(wanted), (*unwanted, Glob(""))) or word(tuple(wanted), tuple(unwanted))


def _globs(condition: Condition, base: str, asked: Question) -> tuple[tuple[Glob, ...], bool]:
    """Return the values of a condition as patterns, and whether they are complete: not if a variable has no value."""
    found: list[Glob] = []
    for value in condition.wanted:
        try:
            text = pattern_globs(value, condition.variables, asked.asker.fixed, wild=base in LIKE)
        except Absent:
            return tuple(found), False
        if base in ("ArnEquals", "ArnLike"):
            text = _in_parts(text)
        found.append(Glob(text, fold=base in ("StringEqualsIgnoreCase", "Bool")))
    return tuple(found), True


def _in_parts(text: str) -> str:
    """Compare as the Arn operators do: part by part, with the same number of parts."""
    parts = text.split(":", 5)
    closed = [each.replace(ANYS, PARTS).replace(ANY, PART) for each in parts[:5]]
    return ":".join([*closed, *parts[5:]])


def _several(asked: Question) -> tuple[str, ...] | None:
    """Return a list of values: each fulfils what all have to, and for each other wish one fulfils it."""
    every: list[Wish] = []
    some: list[Wish] = []
    for wish in asked.wishes:
        operator = operator_of(wish.condition.operator)
        if operator.base == "Null":
            if not asked.met_by({asked.key: ("x",)}, [wish]):
                return None
            continue
        about_every = operator.quantifier == "forallvalues" or (not operator.quantifier and operator.negated)
        (every if about_every == wish.holds else some).append(wish)
    values = [_single(asked, [*every, each]) for each in some] or [_single(asked, every)]
    listed = tuple(dict.fromkeys(value for value in values if value is not None))
    return listed if len(values) == len([each for each in values if each is not None]) else None
