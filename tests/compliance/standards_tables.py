"""The tables of docs/compliance.md that follow from the standards: `python -m tests.compliance.standards_tables`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from app.compliance.rules.table import RULES
from app.compliance.standards.shipped import CIS, ids, shipped
from app.compliance.standards.standard import Coverage

OLD = ("1.4", "1.5", "2.0", "3.0", "4.0.1")
"""Versions of the CIS benchmark that have the same numbers. The first two have fewer items."""
OTHERS = ("fsbp", "security-hub", "pci-dss-4.0.1", "nist-800-53-r5", "nist-800-63b-4")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join("|" + "|".join(f" {cell} " if cell else " " for cell in line) + "|" for line in lines)


def overview() -> str:
    """Every standard, and how much of it is judged."""
    rows = []
    for name in ids():
        standard = shipped(name)
        judged = [control for control in standard.controls if control.coverage is not Coverage.NONE]
        part = sum(control.coverage is Coverage.PART for control in judged)
        told = f"{len(judged)} of {len(standard.controls)} {standard.section}" + (f", {part} in part" if part else "")
        rows.append([f"`{name}`", standard.name, told])
    return _table(["id", "standard", "judged here"], rows)


def _numbers(name: str, rule: str) -> str:
    """The items of a standard that the rule judges, each with its own number in brackets where it has one."""
    found = []
    for control in shipped(name).controls:
        if rule in control.rules:
            own = next((f" ({number})" for key, number in control.thresholds.items() if key == _threshold(rule)), "")
            found.append(control.number + own)
    return ", ".join(found)


def _threshold(rule: str) -> str:
    return next(each.threshold for each in RULES if each.id == rule)


def _by_rule(head: Iterable[str], names: Iterable[str]) -> str:
    chosen = list(names)
    rows = [[f"`{rule.id}`", *(_numbers(name, rule.id) for name in chosen)] for rule in RULES]
    return _table(["rule", *head], [row for row in rows if any(row[1:])])


def cis() -> str:
    """The numbers of each rule in the CIS benchmark."""
    for version in OLD:
        for rule in RULES:
            assert _numbers(f"cis-{version}", rule.id) in ("", _numbers("cis-4.0.1", rule.id))
    later = [version for version in CIS if version not in OLD]
    return _by_rule([f"CIS {', '.join(OLD)}", *later], ["cis-4.0.1", *(f"cis-{version}" for version in later)])


def others() -> str:
    """The numbers of each rule in the other standards."""
    return _by_rule([shipped(name).short for name in OTHERS], OTHERS)


TABLES: dict[str, Callable[[], str]] = {"overview": overview, "cis": cis, "others": others}

if __name__ == "__main__":
    print("\n\n".join(table() for table in TABLES.values()))
