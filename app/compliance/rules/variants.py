"""A rule judged by other numbers than the account's own, as a standard demands: `unused-90`, `key-age-cis`. Pure.

Verdicts, exceptions and files name a variant by its id, which says everything: the rule, and the numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from app.compliance.rules.rule import Rule
from app.compliance.rules.subjects import Numbers, Terms
from app.compliance.rules.verdicts import Verdict

EVIDENCE = "evidence_days"
"""A number of every rule: how old its evidence may be."""
CIS = "cis"
CIS_NUMBERS: Mapping[str, int] = {
    "key_days": 90, "unused_days": 45, "root_days": 30, "password_length": 14, "password_reuse": 24,
}  # fmt: skip
"""Numbers of the CIS benchmark. Variants with them have kept the ids of earlier releases, `key-age-cis`."""
_ID = re.compile(r"(?P<rule>.+?)(?:-(?P<number>cis|[1-9]\d{0,3}))?(?:-e(?P<evidence>[1-9]\d{0,3}))?")


def numbers_for(rule: Rule, numbers: Mapping[str, int], terms: Terms) -> Numbers:
    """Return those of the numbers that the rule judges by and that differ from the account's own, in order."""
    mine = (rule.threshold, EVIDENCE)
    return tuple((name, numbers[name]) for name in mine if name in numbers and numbers[name] != getattr(terms, name))


def variant_id(rule: Rule, numbers: Numbers) -> str:
    """Return the id of the rule judged by these numbers. Without any it is the rule's own."""
    parts = [rule.id]
    for name, number in numbers:
        if name == EVIDENCE:
            parts.append(f"e{number}")
        else:
            parts.append(CIS if CIS_NUMBERS.get(name) == number else str(number))
    return "-".join(parts)


@lru_cache(maxsize=256)
def variant(rule: Rule, numbers: Numbers) -> Rule:
    """Return the rule as judged by these numbers."""
    chosen: dict[str, Any] = dict(numbers)

    def judge(subject: Any, terms: Terms) -> Verdict | None:
        return rule.judge(subject, terms._replace(**chosen))

    return replace(
        rule,
        id=variant_id(rule, numbers),
        judge=judge,
        part_of=rule.id,
        covers=(),
        variant_of=rule.id,
        numbers=chosen,
    )


class RulesById(Mapping[str, Rule]):
    """Rules by id. Variants are made when they are asked for, so there are as many as there are numbers."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self._rules = {rule.id: rule for rule in rules}

    def __getitem__(self, rule_id: str) -> Rule:
        found = self._rules.get(rule_id) or self._variant(rule_id)
        if found is None:
            raise KeyError(rule_id)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def _variant(self, rule_id: str) -> Rule | None:
        parts = _ID.fullmatch(rule_id)
        rule = self._rules.get(parts["rule"]) if parts else None
        if parts is None or rule is None:
            return None
        numbers: list[tuple[str, int]] = []
        if parts["number"]:
            number = CIS_NUMBERS.get(rule.threshold) if parts["number"] == CIS else int(parts["number"])
            if not rule.threshold or number is None:
                return None
            numbers.append((rule.threshold, number))
        if parts["evidence"]:
            numbers.append((EVIDENCE, int(parts["evidence"])))
        made = variant(rule, tuple(numbers))
        return made if made.id == rule_id else None
