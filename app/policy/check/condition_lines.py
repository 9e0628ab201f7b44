"""Split a Condition element into lines, one for each operator and key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.policy.conditions import COMPARISONS, LIKE, NEGATED
from app.policy.documents import texts_of
from app.policy.places import Place
from app.policy.reference.request_context import ValueType

FAMILIES: Mapping[str, Sequence[ValueType]] = {
    "string": (ValueType.STRING, ValueType.ARN),
    "numeric": (ValueType.NUMBER,),
    "date": (ValueType.DATE,),
    "bool": (ValueType.BOOL,),
    "ipaddress": (ValueType.IP,),
    "arn": (ValueType.ARN,),
}
"""The beginning of an operator's name, without Not, to the kinds of keys it is for."""
_BASE = {name.lower(): name for name in (*COMPARISONS, *LIKE, *NEGATED)}
_VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class Line:
    """One operator and key of a Condition. qualifier: "forallvalues", "foranyvalue" or "". values: as text."""

    place: Place
    operator: str
    qualifier: str
    base: str
    """The operator without qualifier and IfExists, in AWS's spelling; "Null" for that."""
    key: str
    values: Sequence[str]

    @property
    def family(self) -> str:
        """Return what the operator compares: "string", "numeric", "date", "bool", "ipaddress", "arn", or "" for
        others.
        """
        name = NEGATED.get(self.base, self.base).lower()
        return next((family for family in FAMILIES if name.startswith(family)), "")

    @property
    def negated(self) -> bool:
        """Return whether the condition holds if no value matches."""
        return self.base in NEGATED

    @property
    def literal(self) -> list[str]:
        """Return the values without a policy variable, which are the only ones whose text is known."""
        return [value for value in self.values if not _VARIABLE.search(value)]

    def values_with(self, stand_in: str) -> list[str]:
        """Return all values, with a text in place of each policy variable."""
        return [_VARIABLE.sub(stand_in, value) for value in self.values]


def lines_of(place: Place, condition: Mapping[str, Any]) -> Iterator[Line]:
    """Yield the lines of a Condition element that `evaluation.compiled` accepts."""
    for operator, keys in condition.items():
        qualifier, _, name = operator.rpartition(":")
        base = re.sub("ifexists$", "", name, flags=re.IGNORECASE).lower()
        for key, given in keys.items():
            values = [str(value).lower() if isinstance(value, bool) else str(value) for value in texts_of(given)]
            yield Line(place, operator, qualifier.lower(), _BASE.get(base, base.title()), key, values)
