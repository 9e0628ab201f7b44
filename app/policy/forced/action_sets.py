"""Sets of real actions as the bits of one number, which makes union and difference of action patterns cheap."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache

from app.policy.patterns import Pattern
from app.policy.reference.action_patterns import open_service
from app.policy.reference.actions import WELL_KNOWN, all_actions, arn_patterns, condition_keys, services
from app.policy.reference.request_context import GLOBAL_SERVICES

OF_THE_ACTION = ("aws:requesttag/", "aws:resourcetag/", "aws:tagkeys", "aws:requestedregion")
"""Global condition keys that only some actions have, as every service's own."""
FEW = 64
"""Actions that are looked at one by one, without a table of what all actions are used on."""


@cache
def actions() -> tuple[str, ...]:
    """Return every action of AWS's reference, in AWS's spelling. The first is bit 0."""
    return tuple(action for service in services() for action in all_actions(service))


@cache
def _numbers() -> Mapping[str, int]:
    return {action.lower(): number for number, action in enumerate(actions())}


@cache
def _slices() -> Mapping[str, tuple[int, int]]:
    """Return services to the numbers of their actions: the first, and one past the last."""
    found: dict[str, tuple[int, int]] = {}
    for number, action in enumerate(actions()):
        service = action.partition(":")[0]
        found[service] = (found.get(service, (number, 0))[0], number + 1)
    return found


@cache
def everything() -> int:
    """Return the set of all actions."""
    return (1 << len(actions())) - 1


@cache
def well_known() -> int:
    """Return the actions that make the clearest examples."""
    return named(WELL_KNOWN)


@cache
def in_order() -> tuple[int, ...]:
    """Return the numbers of those actions, the clearest first."""
    found = (number_of(each) for each in WELL_KNOWN)
    return tuple(number for number in found if number is not None)


def number_of(action: str) -> int | None:
    """Return the number of an action, in any letter case. None if the reference doesn't have it."""
    return _numbers().get(action.lower())


def named(entries: Iterable[str]) -> int:
    """Return the actions that entries of Action or NotAction name."""
    found = 0
    for entry in entries:
        if "*" in entry or "?" in entry:
            found |= _matching(entry.lower())
        elif (number := number_of(entry)) is not None:
            found |= 1 << number
    return found


@lru_cache(maxsize=2048)
def _matching(entry: str) -> int:
    if not entry.strip("*"):
        return everything()
    service, _, name = entry.partition(":")
    pattern = Pattern(entry, variables=False, ignore_case=True)
    if open_service(entry):
        return sum(1 << number for action, number in _numbers().items() if pattern.matches(action, {}))
    first, after = _slices().get(service, (0, 0))
    if not name.strip("*"):
        return (1 << after) - (1 << first) if name else 0
    here = actions()[first:after]
    return sum(1 << first + place for place, action in enumerate(here) if pattern.matches(action, {}))


_GRAVE = ("Create", "Put", "Attach", "Add", "Set", "Update", "Delete", "Assume", "Pass")


@cache
def _grave() -> int:
    """Return the actions that change something, judged by their names."""
    return sum(1 << at for at, each in enumerate(actions()) if each.partition(":")[2].startswith(_GRAVE))


def members(mask: int) -> Iterator[int]:
    """Return the numbers of the actions in a set, those that change something first."""
    for rest in (mask & _grave(), mask & ~_grave()):
        left = rest
        while left:
            low = left & -left
            yield low.bit_length() - 1
            left ^= low


@cache
def _by_use() -> tuple[int, ...]:
    """Return all actions, grouped by the types of resources they are used on."""
    found: dict[tuple[bool, tuple[str, ...]], int] = {}
    for number, action in enumerate(actions()):
        use = (action.startswith("iam:"), arn_patterns(action))  # IAM's lists are judged on ARNs of their own
        found[use] = found.get(use, 0) | 1 << number
    return tuple(found.values())


@cache
def _by_key() -> Mapping[str, int]:
    """Return condition keys as the reference writes them, in lower case, to the actions that have them."""
    found: dict[str, int] = {}
    for number, action in enumerate(actions()):
        for key in condition_keys(action):
            found[key.lower()] = found.get(key.lower(), 0) | 1 << number
    return found


@cache
def _regional() -> int:
    """Return the actions of services that are in every region."""
    return sum(1 << at for at, each in enumerate(actions()) if each.partition(":")[0] not in GLOBAL_SERVICES)


@lru_cache(maxsize=1024)
def having(key: str) -> int:
    """Return the actions whose requests can have a condition key. key: in lower case, "aws:requesttag/team"."""
    if key == "aws:requestedregion":
        return _regional()
    if key.startswith("aws:") and not key.startswith(OF_THE_ACTION):
        return everything()
    found = _by_key().get(key, 0)
    for known, mask in _by_key().items():
        if "${" in known or "<" in known:
            written = re.sub(r"\$\{[^}]*\}|<[^>]*>", "*", known)
            if Pattern(written, variables=False).matches(key, {}):
                found |= mask
    return found


def kinds(mask: int, keys: Iterable[str]) -> Iterator[int]:
    """Return one action for each group that behaves alike: the same types of resources, and the same of these keys.

    keys: in lower case.
    """
    if mask.bit_count() <= FEW:
        yield from members(mask)
        return
    parts = [part & mask for part in _by_use() if part & mask]
    for key in keys:
        parts = [each for part in parts for each in (part & having(key), part & ~having(key)) if each]
    changing = [(part & _grave()) or part for part in parts]
    yield from ((part & -part).bit_length() - 1 for part in changing)


_ENTRY = re.compile(r"[^:*?]+:[^:*?]+")


def unheard(entries: Iterable[str]) -> Iterator[str]:
    """Return the single actions among the entries that the reference doesn't have, in lower case."""
    return (each.lower() for each in entries if _ENTRY.fullmatch(each) and number_of(each) is None)
