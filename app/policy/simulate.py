"""`policy simulate`: one request per line in, one decision per line out, as JSON."""

from __future__ import annotations

import codecs
import marshal
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, BinaryIO

from app.policy.evaluation import Policy, Request, compiled, decide


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file as UTF-8, without a byte order mark. A UTF-16 file is read as a whole."""
    first = file.readline()
    if not first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from file
        return
    text = (first + file.read()).decode("utf-16", "surrogatepass")
    yield from (line.encode("utf-8", "surrogatepass") for line in text.splitlines())


def decided(case: Mapping[str, Any]) -> dict[str, Any]:
    """Decide one line of `simulate`: the case in, `{"id", "decision", "statement"}` out.

    Only the given context counts. Raises KeyError for what is missing, TypeError or ValueError (PolicyError) for what
    is wrong.
    """
    if not isinstance(case, dict):
        raise TypeError("not a JSON object")
    documents = case["policies"]
    if not isinstance(documents, list):
        raise TypeError("policies is not a list")
    action, resource = case["action"], case["resource"]
    if not isinstance(action, str) or not isinstance(resource, str):
        raise TypeError("action and resource must be text")
    decision = decide(
        [_compiled(marshal.dumps(document)) for document in documents],
        Request(action, resource, _context(case.get("principal") or {}, case.get("context") or {})),
    )
    return {"id": case.get("id"), "decision": decision.effect.value, "statement": decision.statement}


@lru_cache(maxsize=256)
def _compiled(document: bytes) -> Policy:
    """Compile a document and cache it. Thousands of lines have the same few documents, and marshal makes a key faster
    than JSON.
    """
    return compiled(marshal.loads(document))  # noqa: S302 # made by marshal.dumps a moment ago, of parsed JSON


def _context(principal: Any, given: Any) -> dict[str, str | list[str]]:
    """Return the request's condition keys: what the principal implies, overridden by the given context."""
    if not isinstance(principal, dict) or not isinstance(given, dict):
        raise TypeError("principal and context must be JSON objects")
    arn, user_name = principal.get("arn"), principal.get("username")
    context: dict[str, str | list[str]] = {}
    if isinstance(arn, str):
        context["aws:principalarn"] = arn
        parts = arn.split(":", 5)
        if len(parts) > 5:
            context["aws:principalaccount"] = parts[4]
    if isinstance(user_name, str):
        context["aws:username"] = user_name
        context["aws:principaltype"] = "User"
    for key, value in given.items():
        if value is not None:
            context[key.lower()] = [_text(item) for item in value] if isinstance(value, list) else _text(value)
    return context


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    raise TypeError("a context value is neither text, number nor truth value")
