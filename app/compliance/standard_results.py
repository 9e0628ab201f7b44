"""What an account's figures say of the items of a standard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from app.compliance.data.daily import Count, Figures
from app.compliance.rules.rule import Rule
from app.compliance.rules.subjects import Terms
from app.compliance.standards.standard import Assessment, Control, Coverage, Standard


class ItemState(StrEnum):
    """What is known of an item."""

    FAIL = "fail"
    UNKNOWN = "unknown"
    EXCEPTED = "excepted"
    """Nobody fails, but not everyone passes: an exception allows that until a date."""
    PASS = "pass"  # noqa: S105 # a verdict
    MANUAL = "manual"
    """No rule judges it, and the standard itself wants a person to assess it."""
    NOT_COVERED = "not-covered"
    """No rule judges it, although the standard says how to."""
    NOT_APPLICABLE = "not-applicable"
    """It isn't about this account."""


JUDGED = (ItemState.FAIL, ItemState.UNKNOWN, ItemState.EXCEPTED, ItemState.PASS)


class RuleCount(NamedTuple):
    """A rule, or a variant of one, and its figures."""

    rule: Rule
    counted: Count


@dataclass(frozen=True)
class ItemResult:
    """An item of a standard, and what is known of it."""

    control: Control
    state: ItemState
    rules: Sequence[RuleCount] = ()

    @property
    def manual(self) -> bool:
        """Does the standard want a person to assess it, whatever the rules say?"""
        return self.control.assessment is Assessment.MANUAL

    @property
    def part(self) -> bool:
        """Do the rules judge a part of it only?"""
        return self.control.coverage is Coverage.PART


@dataclass(frozen=True)
class StandardResult:
    """A standard, and what is known of its items."""

    standard: Standard
    items: Sequence[ItemResult]

    @property
    def all(self) -> int:
        """How many items apply to accounts of this partition."""
        return sum(bool(each.state is not ItemState.NOT_APPLICABLE or each.control.unless) for each in self.items)

    @property
    def judged(self) -> int:
        """How many of them rules judge, in full or in part."""
        return sum(bool(each.control.rules) for each in self.items if not self._left_out(each))

    @property
    def in_part(self) -> int:
        """How many of them rules judge in part."""
        return sum(each.part for each in self.items if not self._left_out(each))

    @staticmethod
    def _left_out(each: ItemResult) -> bool:
        return each.state is ItemState.NOT_APPLICABLE and not each.control.unless

    def count(self, state: ItemState) -> int:
        """Return how many items are in a state."""
        return Counter(each.state for each in self.items)[state]


def result_of(standard: Standard, terms: Terms, figures: Figures) -> StandardResult:
    """Return what the account's figures say of the standard."""
    return StandardResult(standard, [_item(control, terms, figures) for control in standard.controls])


def _item(control: Control, terms: Terms, figures: Figures) -> ItemResult:
    if terms.partition in control.not_in:
        return ItemResult(control, ItemState.NOT_APPLICABLE)
    if not control.rules:
        manual = control.assessment is Assessment.MANUAL
        return ItemResult(control, ItemState.MANUAL if manual else ItemState.NOT_COVERED)
    counts = [RuleCount(rule, figures.of(rule.id)) for rule in control.judged_by(terms)]
    state = _state([each.counted for each in counts], figures)
    if control.unless and _state([figures.of(rule) for rule in control.unless], figures) is ItemState.PASS:
        state = ItemState.NOT_APPLICABLE
    return ItemResult(control, state, counts)


def _state(counts: Sequence[Count], figures: Figures) -> ItemState:
    """What the figures of an item's rules say together. Before there are any, nothing is known."""
    if not figures.rules:
        return ItemState.UNKNOWN
    if any(count.failed for count in counts):
        return ItemState.FAIL
    if any(count.unknown for count in counts):
        return ItemState.UNKNOWN
    if any(count.excepted for count in counts):
        return ItemState.EXCEPTED
    return ItemState.PASS
