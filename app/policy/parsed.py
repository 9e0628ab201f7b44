"""A policy document, parsed once for one account: what the checks, explain, permits and the rehearsal use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from app.policy.documents import PLACEHOLDER, statements_of, texts_of
from app.policy.evaluation import WITH_VARIABLES, Policy, Statement, compiled
from app.policy.meaning import arns_of, meant, whereabouts
from app.policy.places import Place


@dataclass(frozen=True, eq=False)
class ParsedStatement:
    """One statement. index: from 0. written: its elements, with the repairs of `meaning`. statement: compiled."""

    index: int
    written: Mapping[str, Any]
    statement: Statement

    def place(self, element: str | None = None) -> Place:
        """Return the place of the statement, or of one of its elements ("Action")."""
        return Place(self.index, self.written.get("Sid") or None, element)

    @property
    def denies(self) -> bool:
        """Return whether its Effect is Deny."""
        return self.statement.denies

    @property
    def action_element(self) -> str:
        """Return "Action" or "NotAction"."""
        return "NotAction" if self.statement.not_actions else "Action"

    @property
    def resource_element(self) -> str:
        """Return "Resource" or "NotResource"."""
        return "NotResource" if self.statement.not_resources else "Resource"

    @cached_property
    def actions(self) -> Sequence[str]:
        """Return the entries of Action or NotAction, as written."""
        return texts_of(self.written[self.action_element])

    @cached_property
    def resources(self) -> Sequence[str]:
        """Return the entries of Resource or NotResource, for the account and with variables in AWS's spelling."""
        return texts_of(self.written[self.resource_element])

    @property
    def condition(self) -> Mapping[str, Mapping[str, Any]]:
        """Return operators to keys to values. Empty if there is no Condition."""
        return self.written.get("Condition") or {}


@dataclass(frozen=True, eq=False)
class ParsedPolicy:
    """A document for one account: 12 digits, or `documents.PLACEHOLDER` if it names none.

    source: the document as it was read, with its statements in a list. policy: compiled after the repairs of
    `meaning`.
    """

    source: Mapping[str, Any]
    account_id: str
    partition: str
    policy: Policy
    statements: Sequence[ParsedStatement]

    @property
    def source_statements(self) -> Sequence[Mapping[str, Any]]:
        """Return the statements as they were read, with placeholders."""
        found: Sequence[Mapping[str, Any]] = self.source["Statement"]
        return found

    @property
    def has_placeholder(self) -> bool:
        """Return whether an ARN has `documents.PLACEHOLDER` as its account, as the built-in documents do."""
        return any(account == PLACEHOLDER for _, _, _, account in arns_of(self.source_statements))

    @property
    def has_variables(self) -> bool:
        """Return whether the document's Version has policy variables."""
        return self.source.get("Version") == WITH_VARIABLES


def parsed(document: Mapping[str, Any], account_id: str | None = None, partition: str | None = None) -> ParsedPolicy:
    """Parse a document. account_id, partition: default to those that its ARNs name.

    Raises PolicyError for what IAM refuses. The same document returns the same object.
    """
    text = json.dumps(document)
    if account_id is None or partition is None:
        its_partition, its_account = whereabouts(_source(text)["Statement"])
        account_id, partition = account_id or its_account, partition or its_partition
    return _parsed(text, account_id, partition)


@lru_cache(maxsize=64)
def _source(text: str) -> Mapping[str, Any]:
    document = json.loads(text)
    compiled(document)
    return {**document, "Statement": statements_of(document)}


@lru_cache(maxsize=64)
def _parsed(text: str, account_id: str, partition: str) -> ParsedPolicy:
    """Parse and cache by text: every page asks about the same few documents, and a text is cheap to compare."""
    source = _source(text)
    own = meant(source, account_id, partition)
    policy = compiled(own)
    pairs = zip(own["Statement"], policy.statements, strict=True)
    statements = [ParsedStatement(index, written, statement) for index, (written, statement) in enumerate(pairs)]
    return ParsedPolicy(source, account_id, partition, policy, statements)
