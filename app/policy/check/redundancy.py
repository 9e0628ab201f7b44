"""Find what a document says twice: entries that another entry covers, statements that another one includes.

Source: IAM User Guide, IAM policy validation check reference (redundant action, resource, value, statement).
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from app.policy.check.findings import Finding, Severity
from app.policy.documents import texts_of
from app.policy.parsed import ParsedPolicy
from app.policy.places import Place, cut
from app.text.messages import _, ngettext

MOST_COMPARED = 40
"""Patterns of a list that are compared with the others: a document may be hostile."""
_SAMPLES = ("", "\ue000", "\ue000\ue001\ue002")
"""Replace a `*`, to see whether another pattern matches everything that it may match."""
_ANY_CHARACTER = "\ue003"


def redundancies(policy: ParsedPolicy) -> Iterator[Finding]:
    """Yield findings within each statement, then between statements."""
    for statement in policy.statements:
        yield from _repeated(statement.place(statement.action_element), statement.actions, ignore_case=True)
        yield from _repeated(statement.place(statement.resource_element), statement.resources, ignore_case=False)
        for keys in statement.condition.values():
            for values in keys.values():
                yield from _twice(statement.place("Condition"), [str(value) for value in texts_of(values)])
    yield from _statements([each.written for each in policy.statements])


def _repeated(place: Place, entries: Sequence[str], *, ignore_case: bool) -> Iterator[Finding]:
    lower = [entry.lower() if ignore_case else entry for entry in entries]
    whole = {entry: entries[lower.index(entry)] for entry in dict.fromkeys(lower)}
    wild = sorted((entry for entry in whole if "*" in entry or "?" in entry), key=len)[:MOST_COMPARED]
    matching = [(each, _compiled(each).match) for each in wild]
    covered: dict[str, str] = {}
    for entry in whole:
        as_text = entry.replace("?", _ANY_CHARACTER)
        near = [each for each, match in matching if each != entry and match(as_text)]  # which is most of the work
        by = next((each for each in near if covers(each, entry)), None)
        if by and not (by in covered and covered[by] == entry):
            covered[entry] = by
    needless = [(whole[entry], whole[by]) for entry, by in covered.items()]
    twice = [entry for entry in whole if lower.count(entry) > 1]
    if needless:
        rest = len(needless) - 1
        values = {"entry": cut(needless[0][0]), "by": cut(needless[0][1])}
        sentence = _("%(entry)s is covered by %(by)s.", **values)
        if rest:
            sentence = ngettext(
                "%(entry)s is covered by %(by)s. %(num)d more entry is covered by others.",
                "%(entry)s is covered by %(by)s. %(num)d more entries are covered by others.",
                rest,
                **values,
            )
        yield Finding(
            "redundant", Severity.NOTE, place, sentence, _("Leave out what is covered."), needless[0][0][:80]
        )
    if twice:
        yield _appears_twice(place, whole[twice[0]], whole[twice[0]][:80])


def _twice(place: Place, values: Sequence[str]) -> Iterator[Finding]:
    if len(set(values)) < len(values):
        yield _appears_twice(place, next(value for value in values if values.count(value) > 1))


def _appears_twice(place: Place, value: str, named: str = "") -> Finding:
    sentence = _("%(value)s appears more than once.", value=cut(value))
    return Finding("redundant", Severity.NOTE, place, sentence, _("Keep it once."), named)


def covers(pattern: str, other: str) -> bool:
    """Return whether a pattern is sure to match whatever another pattern matches. `*` and `?` are wildcards."""
    if len(pattern) > 2048 or len(other) > 2048:  # no ARN comes near
        return False
    match = _compiled(pattern).match
    as_text = other.replace("?", _ANY_CHARACTER)
    return bool(match(as_text)) and all(match(as_text.replace("*", sample)) for sample in _SAMPLES)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(pattern.replace("[", "[[]")))


def _statements(statements: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield findings for statements whose effect, conditions and form equal another's, and whose lists it
    includes.
    """
    shapes: dict[str, list[int]] = {}
    for index, statement in enumerate(statements):
        form = sorted(set(statement) & {"Action", "NotAction", "Resource", "NotResource"})
        shape = json.dumps([statement["Effect"], statement.get("Condition") or {}, form], sort_keys=True)
        shapes.setdefault(shape, []).append(index)
    compared = 0
    for alike in shapes.values():
        for index in alike:
            for other in alike:
                if other == index or compared > MOST_COMPARED:
                    continue
                compared += 1
                same = _included(statements[other], statements[index])
                if _included(statements[index], statements[other]) and not (same and other > index):
                    yield Finding(
                        "redundant-statement",
                        Severity.NOTE,
                        Place(index, statements[index].get("Sid") or None),
                        _(
                            "%(place)s says all of this.",
                            place=str(Place(other, statements[other].get("Sid") or None)).capitalize(),
                        ),
                        _("Leave one of them out."),
                    )
                    break


def _included(less: Mapping[str, Any], more: Mapping[str, Any]) -> bool:
    for element in ("Action", "Resource"):
        if element in less:
            ours, theirs = texts_of(less[element]), texts_of(more[element])[:MOST_COMPARED]
            if element == "Action":
                ours, theirs = [each.lower() for each in ours], [each.lower() for each in theirs]
            if not all(any(covers(pattern, each) for pattern in theirs) for each in ours[:MOST_COMPARED]):
                return False
            if len(ours) > MOST_COMPARED:
                return False
        elif sorted(map(str, texts_of(less[f"Not{element}"]))) != sorted(map(str, texts_of(more[f"Not{element}"]))):
            return False
    return True
