"""Statements of policies, prepared once a document: what they name as sets, their conditions compiled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from app.policy.documents import statements_of, texts_of
from app.policy.evaluation import WITH_VARIABLES, Policy, Statement, compiled
from app.policy.forced.action_sets import everything, named, unheard
from app.policy.forced.words import RESERVED, Glob, anything
from app.policy.parsed import ParsedPolicy


@dataclass(frozen=True, eq=False)
class PreparedStatement:
    """One statement. digest: of its document. name: Sid, else index. variables: whether its version has policy
    variables.
    """

    digest: str
    name: str
    statement: Statement
    entries: tuple[str, ...]
    resources: tuple[str, ...]
    variables: bool

    @cached_property
    def actions(self) -> int:
        """Return the real actions it covers, as a set of `action_sets`."""
        listed = named(self.entries)
        return everything() & ~listed if self.statement.not_actions else listed

    @cached_property
    def patterns(self) -> tuple[Glob, ...]:
        """Return its entries with wildcards."""
        entries = (each.lower() for each in self.entries if "*" in each or "?" in each)
        return tuple(dict.fromkeys(Glob(anything(each)) for each in entries))

    @cached_property
    def unheard(self) -> tuple[str, ...]:
        """Return the single actions among its entries that the reference doesn't have, in lower case."""
        return tuple(unheard(self.entries))

    @cached_property
    def by_person(self) -> bool:
        """Return whether its resources depend on more of a user than the name."""
        return any(key.lower() != "aws:username" for each in self.statement.resources for key in each.keys)

    @cached_property
    def everywhere(self) -> bool:
        """Return whether it covers every resource."""
        return not self.statement.not_resources and any(not each.strip("*") for each in self.resources)


@dataclass(frozen=True, eq=False)
class Document:
    """A policy as IAM has it. digest: of its contents. Equal documents are the same object."""

    digest: str
    policy: Policy
    statements: tuple[PreparedStatement, ...]
    odd: bool
    """Does it have characters that the search keeps for itself?"""


@lru_cache(maxsize=8192)
def document_of(policy: ParsedPolicy) -> Document:
    """Prepare what AWS evaluates: the document as it was read, without repairs."""
    return _document(json.dumps(policy.source, sort_keys=True))


@lru_cache(maxsize=4096)
def _document(text: str) -> Document:
    source: Mapping[str, Any] = json.loads(text)
    policy = compiled(source)
    digest = hashlib.sha256(text.encode()).hexdigest()
    variables = source.get("Version") == WITH_VARIABLES
    statements = [
        PreparedStatement(
            digest,
            statement.sid or str(index),
            statement,
            tuple(texts_of(written.get("Action", written.get("NotAction")))),
            tuple(texts_of(written.get("Resource", written.get("NotResource")))),
            variables,
        )
        for index, (written, statement) in enumerate(zip(statements_of(source), policy.statements, strict=True))
    ]
    odd = not RESERVED.isdisjoint(json.dumps(source, ensure_ascii=False))
    return Document(digest, policy, tuple(statements), odd)
