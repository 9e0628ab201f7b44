"""The checks of IAM Access Analyzer that matter for a Force_MFA policy.

Source: IAM User Guide, IAM policy validation check reference. Errors and warnings keep their severity, and
suggestions become notes. What IAM itself refuses is in `app.policy.check.parse`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.policy.check import condition_keys, condition_values
from app.policy.check.condition_lines import lines_of
from app.policy.check.findings import Finding
from app.policy.check.regions import is_region, unknown_region
from app.policy.parsed import ParsedPolicy
from app.policy.places import Place

_OF_LINES = (
    condition_keys.deprecated_or_unknown,
    condition_keys.mismatched,
    condition_keys.wildcards,
    condition_values.unreadable,
    condition_values.doubtful_dates,
    condition_values.several_booleans,
    condition_values.private_addresses,
    condition_values.places,
)


def validations(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield the findings of all these checks, in the order of the statements."""
    for statement in policy.statements:
        yield from _of_resources(statement.place(statement.resource_element), statement.resources)
        place = statement.place("Condition")
        yield from condition_keys.empty_or_repeated(place, statement.condition)
        for line in lines_of(place, statement.condition):
            for check in _OF_LINES:
                yield from check(line)


def _of_resources(place: Place, resources: Sequence[str]) -> Iterator[Finding]:
    """Yield a finding for each wrong region, once each."""
    seen: set[str] = set()
    for resource in resources:
        for region in {*resource.split(":", 5)[3:4]} - seen:
            if region and not any(char in region for char in "*?$") and not is_region(region):
                yield unknown_region(place, region)
            seen.add(region)
