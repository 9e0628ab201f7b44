"""Convert texts of policies and AWS's resource types into patterns for `words`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from app.policy.forced.words import ANY, ANYS, DIGIT, NAME, NAMES, PART, PARTS, Glob, anything
from app.policy.patterns import completed, value_of
from app.policy.reference.actions import all_actions, arn_patterns, real_name
from app.policy.reference.listed_resources import listed_on
from app.policy.reference.request_context import HOME_REGIONS

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_BUCKET = "\ue002"
"""How `arn_patterns` writes a name without a slash."""


def pattern_globs(text: str, variables: bool, values: Mapping[str, str], *, wild: bool = True) -> str:
    """Return the Glob text for a text of a policy, with its variables replaced. wild: whether `*` and `?` are
    wildcards.

    values: condition keys in lower case. Raises patterns.Absent if a variable has no value.
    """
    read: Callable[[str], str] = anything if wild else str
    if not variables or "${" not in text:
        return read(text)
    parts = _VARIABLE.split(text)
    return "".join(value_of(part, values) if place % 2 else read(part) for place, part in enumerate(parts))


def resource_globs(text: str, variables: bool, values: Mapping[str, str]) -> Iterator[Glob]:
    """Return the patterns of an entry of Resource: itself, and completed if it ends early. Raises patterns.Absent."""
    yield Glob(pattern_globs(text, variables, values))
    if (whole := completed(text)) != text:
        yield Glob(pattern_globs(whole, variables, values))


@lru_cache(maxsize=16_384)
def used_on(action: str, partition: str, account_id: str) -> tuple[Glob, ...]:
    """Return what an action, in AWS's spelling, is authorized on: the most likely ARNs first, then all possible ones.

    IAM has only resources of the same account, and AWS's managed policies. An action that the reference doesn't have
    may be used on anything.
    """
    listed = listed_on(action, account_id, partition)
    patterns = arn_patterns(action)
    if listed:
        return (Glob(listed), Glob(listed + ANYS))
    if not patterns:
        return (
            (Glob("*"),) if real_name(action) else _used_by(action.partition(":")[0].lower(), partition, account_id)
        )
    types = [_of_type(each, partition, account_id) for each in sorted(patterns, key=len)]
    iam = action.startswith("iam:")
    found = [glob for near, own, _ in types for glob in (near, own)]
    if iam and any(":policy/" in each for each in patterns):
        found.append(f"arn:{partition}:iam::aws:policy/{ANY}{ANYS}")
    if not iam:
        found += [anyones for *_, anyones in types]
    return tuple(Glob(each) for each in dict.fromkeys(found))


@lru_cache(maxsize=1024)
def _used_by(service: str, partition: str, account_id: str) -> tuple[Glob, ...]:
    """Return what a new action of a service may be used on: nothing, or what the service's other actions are
    used on.
    """
    others = {pattern.split(":", 3)[2] for action in all_actions(service) for pattern in arn_patterns(action)}
    if service == "iam":
        return (Glob("*"), Glob(f"arn:{partition}:iam::{account_id}:{ANYS}"))
    named = sorted({service, *others} - {"*"}) if others else [ANYS]
    return (Glob("*"), *(Glob(f"arn:{partition}:{each}:{PARTS}:{PARTS}:{ANYS}") for each in named))


def _of_type(pattern: str, partition: str, account_id: str) -> tuple[str, str, str]:
    """Return an ARN pattern in the home region and same account, then in the same account, then anywhere."""
    parts = pattern.split(":", 5)
    last = parts.pop().replace("*", ANY + ANYS).replace(_BUCKET, NAME + NAMES)
    if parts[2] == "*":  # of an action for many services
        whole = f"arn:{partition}:{PART}{PARTS}:{PARTS}:{PARTS}:{last}"
        return whole, whole, whole
    region = PART + PARTS if parts[3] == "*" else parts[3]
    home = HOME_REGIONS.get(partition, "us-east-1") if parts[3] == "*" else parts[3]
    own = account_id if parts[4] == "*" else parts[4]
    anyones = DIGIT * 12 if parts[4] == "*" else parts[4]
    start = f"arn:{partition if parts[1] == '*' else parts[1]}:{parts[2]}"
    return f"{start}:{home}:{own}:{last}", f"{start}:{region}:{own}:{last}", f"{start}:{region}:{anyones}:{last}"
