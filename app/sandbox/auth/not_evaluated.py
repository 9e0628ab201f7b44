"""Find decisions that depend on something the sandbox doesn't know. They are reported as not evaluated."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from app.policy.evaluation import Request, Statement, compiled
from app.policy.reference.actions import condition_keys
from app.sandbox.auth.permission_requests import SUPPLIED

ELSEWHERE = frozenset(
    {
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpcarn",
        "aws:sourcevpce",
        "aws:vpcsourceip",
        "aws:vpceaccount",
        "aws:vpceorgid",
        "aws:vpceorgpaths",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:resourceorgid",
        "aws:resourceorgpaths",
        "aws:useragent",
        "aws:referer",
    }
)
"""Global keys that depend on the network, the program and the organization people have at AWS: here they are those of
this machine, or absent."""

STAND_IN = "aws:principaltag/"
"""Of the person in a rehearsal, who has no tags, whatever those they stand for have."""

_VARIABLE = re.compile(r"\$\{\s*([^},\s]+)[^}]*\}")


@dataclass(frozen=True)
class _Unsure:
    """A statement with conditions on unknown keys: without these conditions, and with them."""

    keys: frozenset[str]
    """In lower case."""
    raw: str


@dataclass(frozen=True)
class Read:
    """A document, compiled statement by statement. unsure: by index, those that depend on an unknown key."""

    statements: tuple[Statement, ...]
    unsure: Mapping[int, _Unsure]


@lru_cache(maxsize=512)
def read(document: str) -> Read:
    """Read a policy's text. Raises PolicyError, ValueError."""
    parsed = json.loads(document)
    statements = compiled(parsed).statements
    given = parsed["Statement"]
    raws = [given] if isinstance(given, Mapping) else given
    unsure_of = {index: _unsure_part(raw, parsed.get("Version")) for index, raw in enumerate(raws)}
    return Read(statements, {index: found for index, found in unsure_of.items() if found.keys})


def _unsure_part(raw: Mapping[str, Any], version: str | None) -> _Unsure:
    keys = [key for tests in (raw.get("Condition") or {}).values() for key in tests]
    keys += _VARIABLE.findall(json.dumps([raw.get("Resource"), raw.get("NotResource"), raw.get("Condition")]))
    whole = json.dumps({"Version": version or "2008-10-17", "Statement": raw})
    return _Unsure(frozenset(key.lower() for key in keys if _maybe_unknown(key.lower())), whole)


def _maybe_unknown(key: str) -> bool:
    service = key.partition(":")[0]
    if service == "aws":
        return key in ELSEWHERE or key.startswith(STAND_IN)
    return key not in SUPPLIED.get(service, frozenset()) and not key.startswith("iam:resourcetag/")


def _applies(key: str, action: str, known: Mapping[str, Any], *, stand_in: bool) -> bool:
    """Return whether AWS has the key in such a request and the sandbox doesn't. known: keys it has here, in
    lower case.
    """
    if key.startswith(STAND_IN):
        return stand_in and key not in known
    if key.startswith("aws:"):
        return True
    if action.partition(":")[0] != key.partition(":")[0]:
        return False  # another service's: absent there as here
    named = (each.lower().partition("${")[0].partition("<")[0] for each in condition_keys(action))
    return any(key == each or (each.endswith("/") and key.startswith(each)) for each in named)


def doubts(documents: Sequence[str], request: Request, *, stand_in: bool, assumed: Collection[str] = ()) -> list[str]:
    """Return the unknown keys that decide whether a request is allowed. Empty if their values make no difference.

    stand_in: whether the user represents others (in a rehearsal). assumed: keys whose value was given, in lower case.
    Raises PolicyError, ValueError.
    """
    reads = [read(document) for document in documents]
    if not any(found.unsure for found in reads):
        return []
    context = {key.lower(): value for key, value in request.context.items()}
    allowed, denied = [False], [False]  # for certain
    unsure_of: dict[bool, set[str]] = {False: set(), True: set()}
    for found in reads:
        for index, statement in enumerate(found.statements):
            unsure = found.unsure.get(index)
            keys = set()
            if unsure:
                keys = {
                    key
                    for key in unsure.keys - set(assumed)
                    if _applies(key, request.action, context, stand_in=stand_in)
                }
            if not keys:
                (denied if statement.denies else allowed)[0] |= statement.covers(request, context)
            elif unsure and _without(unsure.raw, frozenset(keys)).covers(request, context):
                unsure_of[statement.denies] |= keys
    may_be_allowed = not denied[0] and (allowed[0] or bool(unsure_of[False]))
    may_be_denied = denied[0] or bool(unsure_of[True]) or not allowed[0]
    return sorted(unsure_of[False] | unsure_of[True]) if may_be_allowed and may_be_denied else []


@lru_cache(maxsize=2048)
def _without(raw: str, keys: frozenset[str]) -> Statement:
    """Return the statement without its conditions on these keys, and with any value for their variables."""
    document = json.loads(raw)
    statement = dict(document["Statement"])
    tests = {
        operator: {key: values for key, values in wanted.items() if not _about(key, values, keys)}
        for operator, wanted in (statement.get("Condition") or {}).items()
    }
    statement["Condition"] = {operator: wanted for operator, wanted in tests.items() if wanted}
    if "Resource" in statement:
        statement["Resource"] = _opened(_texts(statement["Resource"]), keys)
    elif spared := [text for text in _texts(statement["NotResource"]) if not _about(text, "", keys)]:
        statement["NotResource"] = spared
    else:
        statement["Resource"] = "*"
        del statement["NotResource"]
    (found,) = compiled({**document, "Statement": statement}).statements
    return found


def _about(text: str, values: Any, keys: frozenset[str]) -> bool:
    named = _VARIABLE.findall(json.dumps([text, values]))
    return text.lower() in keys or any(name.lower() in keys for name in named)


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _opened(resources: list[str], keys: frozenset[str]) -> list[str]:
    """Return resources with wildcards in place of unknown variables."""
    return [_VARIABLE.sub(lambda found: "*" if found[1].lower() in keys else found[0], text) for text in resources]
