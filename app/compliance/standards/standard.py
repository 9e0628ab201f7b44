"""What a standard is: its items, and which verdicts answer each of them for an account. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from app.compliance.rules.rule import Rule
from app.compliance.rules.subjects import Numbers, Terms
from app.compliance.rules.table import BY_ID, RULES
from app.compliance.rules.variants import numbers_for, variant


class Assessment(StrEnum):
    """How the standard itself wants an item to be assessed."""

    AUTOMATED = "automated"
    MANUAL = "manual"


class Coverage(StrEnum):
    """How much of an item the rules judge."""

    FULL = "full"
    PART = "part"
    NONE = "none"


@dataclass(frozen=True, eq=False)
class Control:
    """An item of a standard."""

    number: str
    """As the standard has it: "1.13", "IAM.3", "AC-2(3)"."""
    title: str
    """What must be true, in our words, never the standard's."""
    assessment: Assessment
    source: str
    """What the number, the threshold and the assessment were taken from."""
    checked: date
    """When."""
    rules: tuple[str, ...] = ()
    """Ids of the rules that judge it. All of them must pass."""
    thresholds: Mapping[str, int] = field(default_factory=dict)
    """The standard's own numbers, by name in Terms. Without any the account's own numbers count."""
    part: bool = False
    """The rules judge a part of it only. `note` says what remains."""
    level: int = 0
    """Of the standard's profile, 0 where it has none."""
    not_in: frozenset[str] = frozenset()
    """Partitions to which it doesn't apply."""
    unless: tuple[str, ...] = ()
    """It doesn't apply while these rules pass for everyone."""
    note: str = ""
    """Why no rule judges it, what the rules leave out, or how they interpret it."""

    @property
    def coverage(self) -> Coverage:
        """How much of it the rules judge."""
        if not self.rules:
            return Coverage.NONE
        return Coverage.PART if self.part else Coverage.FULL

    def judged_by(self, terms: Terms) -> list[Rule]:
        """Return the rules, or their variants, whose verdicts answer it for an account."""
        found = []
        for rule_id in self.rules:
            rule = BY_ID[rule_id]
            numbers = numbers_for(rule, self.thresholds, terms)
            found.append(variant(rule, numbers) if numbers else rule)
        return found


@dataclass(frozen=True, eq=False)
class Standard:
    """A standard, or the part of it that is about users and their credentials."""

    id: str
    """As the setting and addresses have it: "cis-5.0"."""
    name: str
    """As in "CIS AWS Foundations Benchmark 5.0"."""
    short: str
    """As in "CIS 5.0"."""
    section: str
    """What its items are called in a sentence, as in "IAM items"."""
    controls: tuple[Control, ...]
    note: str = ""
    """What is uncertain about the mapping as a whole."""

    @property
    def one_source(self) -> Control | None:
        """Any of the items where all have the same source and date, None where they differ."""
        sources = {(control.source, control.checked) for control in self.controls}
        return self.controls[0] if len(sources) == 1 else None

    def applying(self, partition: str) -> list[Control]:
        """Return the items that apply to accounts of the partition."""
        return [control for control in self.controls if partition not in control.not_in]


def variants_of(standards: Iterable[Standard], terms: Terms) -> tuple[tuple[str, Numbers], ...]:
    """Return what `Terms.variants` is for an account that follows these standards, each pair once, in rules' order.

    terms: the account's own numbers.
    """
    wanted: dict[str, set[Numbers]] = {}
    for standard in standards:
        for control in standard.applying(terms.partition):
            for rule_id in control.rules:
                numbers = numbers_for(BY_ID[rule_id], control.thresholds, terms)
                if numbers:
                    wanted.setdefault(rule_id, set()).add(numbers)
    return tuple((rule.id, numbers) for rule in RULES for numbers in sorted(wanted.get(rule.id, ())))


def asked_by(standards: Iterable[Standard], terms: Terms) -> tuple[str, ...]:
    """Return what `Terms.asked` is for an account that follows these standards, in rules' order.

    terms: the account's own numbers. A rule whose variants answer all items isn't judged by the account's numbers.
    """
    wanted: set[str] = set()
    for _, control in _items(standards, terms):
        wanted |= {rule.id for rule in control.judged_by(terms)} | set(control.unless)
    return tuple(rule.id for rule in RULES if rule.on_demand and rule.id in wanted)


def items_by_rule(standards: Sequence[Standard], terms: Terms) -> dict[str, list[tuple[Standard, Control]]]:
    """Return which items the verdicts of each rule and variant answer, by id."""
    found: dict[str, list[tuple[Standard, Control]]] = {}
    for standard, control in _items(standards, terms):
        for rule in control.judged_by(terms):
            found.setdefault(rule.id, []).append((standard, control))
    return found


def _items(standards: Iterable[Standard], terms: Terms) -> Iterator[tuple[Standard, Control]]:
    for standard in standards:
        for control in standard.applying(terms.partition):
            yield standard, control
