"""Of IAM Access Analyzer's published policy checks those that help with a Force_MFA, put together. Pure.

Source: IAM User Guide, IAM policy validation check reference. Its errors are errors here, its warnings warnings, and
its suggestions notes. What IAM itself refuses is not among them: see `app.policy.check.parse`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.policy.check import condition_keys, condition_values
from app.policy.check.condition_lines import lines_of
from app.policy.check.findings import Finding, Place
from app.policy.check.redundancy import redundancies
from app.policy.check.regions import is_region, unknown_region

_OF_LINES = (
    condition_keys.deprecated_or_unknown,
    condition_keys.unfitting,
    condition_keys.wildcards,
    condition_values.unreadable,
    condition_values.doubtful_dates,
    condition_values.several_booleans,
    condition_values.private_addresses,
    condition_values.places,
)


def validations(statements: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """All of them, in the order of the statements. statements: of a document that `evaluation.compiled` takes."""
    for index, statement in enumerate(statements):
        sid = statement.get("Sid") or None
        element = "Resource" if "Resource" in statement else "NotResource"
        yield from _of_resources(Place(index, sid, element), statement[element])
        place, condition = Place(index, sid, "Condition"), statement.get("Condition") or {}
        yield from condition_keys.empty_or_repeated(place, condition)
        for line in lines_of(place, condition):
            for check in _OF_LINES:
                yield from check(line)
    yield from redundancies(statements)


def _of_resources(place: Place, named: Any) -> Iterator[Finding]:
    """Each wrong region once."""
    told: set[str] = set()
    for resource in named if isinstance(named, list) else [named]:
        for region in {*resource.split(":", 5)[3:4]} - told:
            if region and not any(char in region for char in "*?$") and not is_region(region):
                yield unknown_region(place, region)
            told.add(region)
