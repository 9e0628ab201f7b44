"""Find a text that some patterns match and others don't, or prove that there is none.

All patterns are followed at once, one character at a time from the beginning: a state is the set of positions that
each pattern can be at, as the bits of one number. Characters that no pattern names behave alike, so one of them is
tried for all. The search is complete: it ends with the shortest text, with None, or in TooMany.
"""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import NamedTuple

MOST_STATES = 4_000
"""States of one walk. Patterns of real policies take some hundreds."""

ANY, PART, NAME, DIGIT = "\ue100", "\ue101", "\ue102", "\ue103"
"""One character: any, any but a colon, any but a colon and a slash, a digit."""
ANYS, PARTS, NAMES = "\ue110", "\ue111", "\ue112"
"""Any number of them, none included."""
RESERVED = frozenset((ANY, PART, NAME, DIGIT, ANYS, PARTS, NAMES))
"""Characters that mean something in a `Glob`. They are private, and no name at AWS has them."""
_FRESH = "xyzwvutsrqponmlkjihgfedcbaXYZWVUTSRQPONMLKJIHGFEDCBA-_.0123456789+=,@~!"
_DIGITS = "0123456789"


class Glob(NamedTuple):
    """A pattern: literal characters and those of RESERVED. fold: whether upper and lower case are the same."""

    text: str
    fold: bool = False


class TooMany(Exception):
    """The search was cut short, so whether there is such a text is open."""


def anything(text: str) -> str:
    """Convert a policy's pattern text ("*" and "?") into a Glob's."""
    return text.replace("*", ANYS).replace("?", ANY)


class _Walk:
    """The patterns as one automaton. A pattern of n single characters has n + 1 positions. The last one accepts."""

    def __init__(self, globs: tuple[Glob, ...]) -> None:
        self.literal: dict[str, int] = {}
        self.ones = dict.fromkeys((ANY, PART, NAME, DIGIT), 0)
        self.loops = dict.fromkeys((ANYS, PARTS, NAMES), 0)
        self.start = 0
        self.places: list[int] = []
        self.accepts: list[int] = []
        at = 0
        for glob in globs:
            first = at
            self.start |= 1 << at
            for char in glob.text:
                if char in self.loops:
                    self.loops[char] |= 1 << at
                    continue
                if char in self.ones:
                    self.ones[char] |= 1 << at
                else:
                    for each in {char.lower(), char.upper()} if glob.fold else (char,):
                        self.literal[each] = self.literal.get(each, 0) | 1 << at
                at += 1
            self.places.append((1 << at + 1) - (1 << first))
            self.accepts.append(1 << at)
            at += 1
        self.endless = self.loops[ANYS]
        """Places that stay reached whatever follows."""
        self._steps: dict[str, tuple[int, int]] = {}

    def alphabet(self) -> list[str]:
        """Return the characters to try: those that are named, and one that isn't, plus a digit of the same kind."""
        named = set(self.literal)
        found = [char for char in _FRESH if char not in named][:1]
        digit = [char for char in _DIGITS if char not in named][:1] if self.ones[DIGIT] else []
        return [*found, *digit, *sorted(named | {":", "/"})]

    def step(self, state: int, char: str) -> int:
        """Return the state after one more character."""
        known = self._steps.get(char)
        if known is None:
            ones, loops = self.ones, self.loops
            forward = self.literal.get(char, 0) | ones[ANY]
            stay = loops[ANYS]
            if char != ":":
                forward |= ones[PART]
                stay |= loops[PARTS]
                if char != "/":
                    forward |= ones[NAME]
                    stay |= loops[NAMES]
            if char in _DIGITS:
                forward |= ones[DIGIT]
            known = self._steps[char] = (forward, stay)
        return (state & known[0]) << 1 | state & known[1]


Groups = tuple[tuple[Glob, ...], ...]


def word(wanted: Groups, unwanted: tuple[Glob, ...] = ()) -> str | None:
    """Return the shortest text that matches a pattern of every group and none of the unwanted, or None if there is
    none.

    Raises TooMany.
    """
    found = _word(wanted, unwanted)
    if isinstance(found, TooMany):
        raise TooMany
    return found


@lru_cache(maxsize=16_384)
def _word(wanted: Groups, unwanted: tuple[Glob, ...]) -> str | TooMany | None:
    if not all(any(_begin_alike(one, other) for one in wanted[0] for other in group) for group in wanted[1:]):
        return None
    globs = (*(glob for group in wanted for glob in group), *unwanted)
    walk = _Walk(globs)
    groups: list[tuple[int, int]] = []
    at = 0
    for group in wanted:
        numbers = range(at, at + len(group))
        at += len(group)
        groups.append((_union(walk.places, numbers), _union(walk.accepts, numbers)))
    refused = _union(walk.accepts, range(at, len(globs)))
    lost = refused & walk.endless
    start = walk.start
    if start & lost or any(not start & places for places, _ in groups):
        return None
    alphabet = walk.alphabet()
    came: dict[int, tuple[int, str]] = {start: (0, "")}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        if not state & refused and all(state & accepts for _, accepts in groups):
            return _spelt(came, state)
        for char in alphabet:
            then = walk.step(state, char)
            if then in came or then & lost or not all(then & places for places, _ in groups):
                continue
            if len(came) >= MOST_STATES:
                return TooMany()
            came[then] = (state, char)
            waiting.append(then)
    return None


def _begin_alike(first: Glob, second: Glob) -> bool:
    """Return whether a text can match both, judged by their literal beginnings. Folded ones aren't compared."""
    if first.fold or second.fold:
        return True
    for one, other in zip(first.text, second.text, strict=False):
        if one in RESERVED or other in RESERVED:
            return True
        if one != other:
            return False
    return True


def _union(masks: list[int], numbers: range) -> int:
    found = 0
    for number in numbers:
        found |= masks[number]
    return found


def _spelt(came: dict[int, tuple[int, str]], state: int) -> str:
    chars: list[str] = []
    while came[state][1]:
        state, char = came[state]
        chars.append(char)
    return "".join(reversed(chars))


def matches(glob: Glob, text: str) -> bool:
    """Return whether the whole text matches."""
    walk = _Walk((glob,))
    state = walk.start
    for char in text:
        state = walk.step(state, char)
    return bool(state & walk.accepts[0])
