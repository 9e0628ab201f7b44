"""Reading a standard from its TOML file. Every mistake is reported with the file, the item and the key. Pure."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from datetime import date
from difflib import get_close_matches
from typing import Any

from app.compliance.rules.rule import UNITS
from app.compliance.rules.table import BY_ID
from app.compliance.rules.variants import EVIDENCE
from app.compliance.standards.standard import Assessment, Control, Standard
from app.policy.documents import PARTITIONS

LARGEST = 512 * 1024
"""Bytes of a file that is read. The largest of ours has 20 KiB."""
LARGEST_NUMBER = 3650
OF_STANDARD = ("id", "name", "short", "section", "source", "checked", "assessment", "note", "control")
OF_CONTROL = (
    "number", "title", "rules", "thresholds", "coverage", "level", "assessment", "not_in", "unless", "note",
    "source", "checked",
)  # fmt: skip
_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,31}")


class MalformedStandard(ValueError):
    """The file isn't a standard. `problems` are sentences, each with the file, and the item and key where known."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


def read(content: bytes, file: str) -> Standard:
    """Return the standard that the file describes. file: its name, for messages. Raises MalformedStandard."""
    if len(content) > LARGEST:
        raise MalformedStandard([f"{file}: larger than {LARGEST // 1024} KiB. This is no standard."])
    try:
        found = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise MalformedStandard([f"{file}: not UTF-8. Save it as UTF-8."]) from None
    except tomllib.TOMLDecodeError as error:
        raise MalformedStandard([f"{file}: not TOML: {error}."]) from None
    problems: list[str] = []
    standard = _standard(_Table(found, file, "", OF_STANDARD, problems))
    if problems or standard is None:
        raise MalformedStandard(problems)
    return standard


class _Table:
    """A table of the file. What is wrong with a key is added to the problems, and a default taken instead."""

    def __init__(
        self, values: Mapping[str, Any], file: str, item: str, known: Collection[str], problems: list[str]
    ) -> None:
        self.values, self.file, self.item, self.problems = values, file, item, problems
        for key in values:
            if key not in known:
                near = get_close_matches(key, known, 1)
                self.wrong(
                    key, f"unknown. Did you mean {near[0]}?" if near else f"unknown. Known: {', '.join(known)}."
                )

    def wrong(self, key: str, problem: str) -> None:
        """Note what is wrong with a key: "not a date"."""
        self.problems.append(": ".join(part for part in (self.file, self.item, key, problem) if part))

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text. default: None where it must be there."""
        value = self.values.get(key, default)
        if value is None:
            self.wrong(key, "missing.")
            return ""
        if not isinstance(value, str) or (default is None and not value.strip()):
            self.wrong(key, f"{value!r} is not a text.")
            return ""
        return value.strip()

    def day(self, key: str, default: date | None = None) -> date:
        """Return a date."""
        value = self.values.get(key, default)
        if value is None:
            self.wrong(key, "missing.")
        elif type(value) is date:
            return value
        else:
            self.wrong(key, f"{value!r} is not a date such as 2026-05-03.")
        return date.min

    def one_of(self, key: str, choices: Collection[str], default: str) -> str:
        """Return one of these words."""
        value = self.values.get(key, default)
        if value in choices:
            return str(value)
        self.wrong(key, f"{value!r} is not one of {', '.join(choices)}.")
        return default

    def words(self, key: str, known: Callable[[str], bool], choices: Collection[str], what: str) -> tuple[str, ...]:
        """Return a list of words that are known. what: what they are, as in "rule"."""
        value = self.values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.wrong(key, f"{value!r} is not a list of texts.")
            return ()
        for each in value:
            if not known(each):
                near = get_close_matches(each, list(choices), 1)
                hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(choices)}."
                self.wrong(key, f"there is no {what} {each!r}. {hint}")
        if len(set(value)) < len(value):
            self.wrong(key, "a name is there twice.")
        return tuple(each for each in value if known(each))

    def number(self, key: str, low: int, high: int, default: int) -> int:
        """Return a whole number."""
        value = self.values.get(key, default)
        if type(value) is int and low <= value <= high:
            return value
        self.wrong(key, f"{value!r} is not a whole number from {low} to {high}.")
        return default


def _standard(table: _Table) -> Standard | None:
    made = table.text("id")
    if made and not _ID.fullmatch(made):
        table.wrong("id", f"{made!r}: use up to 32 small letters, digits, dots and hyphens.")
    table.one_of("assessment", tuple(Assessment), Assessment.AUTOMATED)
    table.text("source", "")
    if "checked" in table.values:
        table.day("checked")
    rows = table.values.get("control")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        table.wrong("control", "there is no item. Add a [[control]] for each.")
        return None
    controls = [_control(table, row, place) for place, row in enumerate(rows, 1)]
    for number in {each.number for each in controls if [other.number for other in controls].count(each.number) > 1}:
        if number:
            table.wrong(f"item {number}", "is there twice.")
    name = table.text("name")
    return Standard(
        id=made,
        name=name,
        short=table.text("short", "") or name,
        section=table.text("section", "items"),
        controls=tuple(controls),
        note=table.text("note", ""),
    )


def _control(standard: _Table, row: Mapping[str, Any], place: int) -> Control:
    number = row.get("number")
    item = f"item {number}" if isinstance(number, str) and number else f"item no. {place}"
    table = _Table(row, standard.file, item, OF_CONTROL, standard.problems)
    rules = table.words("rules", _is_rule, list(BY_ID), "rule")
    coverage = table.one_of("coverage", ("full", "part"), "full")
    note = table.text("note", "")
    if coverage == "part" and not rules:
        table.wrong("coverage", "no rule judges a part of it. Name the rules, or leave it out.")
    if not note and (coverage == "part" or not row.get("rules")):
        table.wrong("note", "missing. Say why no rule judges it, or what the rules leave out.")
    usual = standard.values
    return Control(
        number=table.text("number"),
        title=table.text("title"),
        assessment=Assessment(table.one_of("assessment", tuple(Assessment), _usual_assessment(usual))),
        source=table.text("source", str(usual["source"]) if "source" in usual else None),
        checked=table.day("checked", _usual_day(usual)),
        rules=rules,
        thresholds=_thresholds(table, rules),
        part=coverage == "part",
        level=table.number("level", 0, 9, 0),
        not_in=frozenset(table.words("not_in", PARTITIONS.__contains__, PARTITIONS, "partition")),
        unless=table.words("unless", _is_rule, list(BY_ID), "rule"),
        note=note,
    )


def _is_rule(rule_id: str) -> bool:
    """A variant is no rule here: the thresholds say what it says."""
    return rule_id in BY_ID and not BY_ID[rule_id].variant_of


def _usual_day(usual: Mapping[str, Any]) -> date | None:
    """A wrong one was reported already."""
    value = usual.get("checked")
    return value if value is None or type(value) is date else date.min


def _usual_assessment(usual: Mapping[str, Any]) -> str:
    value = usual.get("assessment")
    return value if value in tuple(Assessment) else Assessment.AUTOMATED


def _thresholds(table: _Table, rules: Collection[str]) -> dict[str, int]:
    """Return the numbers of an item, each of which one of its rules must judge by."""
    value = table.values.get("thresholds", {})
    if not isinstance(value, dict):
        table.wrong("thresholds", f"{value!r} is not a table such as {{ key_days = 90 }}.")
        return {}
    numbers = _Table(value, table.file, f"{table.item}: thresholds", tuple(UNITS), table.problems)
    found = {}
    for name in value:
        if name not in UNITS:
            continue
        found[name] = numbers.number(name, 1, LARGEST_NUMBER, 1)
        if name != EVIDENCE and not any(BY_ID[rule].threshold == name for rule in rules):
            numbers.wrong(name, "none of the item’s rules judges by this number.")
    return found
