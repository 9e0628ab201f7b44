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
    """One statement. index: from 0. written: its elements, as they are meant. statement: compiled."""

    index: int
    written: Mapping[str, Any]
    statement: Statement

    def place(self, element: str | None = None) -> Place:
        """Where the statement is, or one of its elements: "Action"."""
        return Place(self.index, self.written.get("Sid") or None, element)

    @property
    def denies(self) -> bool:
        """Is its Effect Deny?"""
        return self.statement.denies

    @property
    def action_element(self) -> str:
        """ "Action" or "NotAction"."""
        return "NotAction" if self.statement.not_actions else "Action"

    @property
    def resource_element(self) -> str:
        """ "Resource" or "NotResource"."""
        return "NotResource" if self.statement.not_resources else "Resource"

    @cached_property
    def actions(self) -> Sequence[str]:
        """The entries of Action or NotAction, as written."""
        return texts_of(self.written[self.action_element])

    @cached_property
    def resources(self) -> Sequence[str]:
        """The entries of Resource or NotResource, for the account and with variables in AWS's spelling."""
        return texts_of(self.written[self.resource_element])

    @property
    def condition(self) -> Mapping[str, Mapping[str, Any]]:
        """Operator to key to values; empty where there is no Condition."""
        return self.written.get("Condition") or {}


@dataclass(frozen=True, eq=False)
class ParsedPolicy:
    """A document for one account, 12 digits or `documents.PLACEHOLDER` where nothing says which.

    source: the document as it was read, its statements in a list. policy: compiled from what is meant by it.
    """

    source: Mapping[str, Any]
    account_id: str
    partition: str
    policy: Policy
    statements: Sequence[ParsedStatement]

    @property
    def source_statements(self) -> Sequence[Mapping[str, Any]]:
        """The statements as they were read, placeholders and all."""
        found: Sequence[Mapping[str, Any]] = self.source["Statement"]
        return found

    @property
    def has_placeholder(self) -> bool:
        """Does an ARN name the account as our own documents do, by `documents.PLACEHOLDER`?"""
        return any(account == PLACEHOLDER for _, _, _, account in arns_of(self.source_statements))

    @property
    def has_variables(self) -> bool:
        """Is it of the version that has policy variables?"""
        return self.source.get("Version") == WITH_VARIABLES


def parsed(document: Mapping[str, Any], account_id: str | None = None, partition: str | None = None) -> ParsedPolicy:
    """Parse a document. account_id, partition: default to those that its ARNs name.

    Raises PolicyError for what IAM would not take. The same document gives the same object.
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
    """Every page asks about the same few documents, and a text is a key that is cheap to compare."""
    source = _source(text)
    own = meant(source, account_id, partition)
    policy = compiled(own)
    pairs = zip(own["Statement"], policy.statements, strict=True)
    statements = [ParsedStatement(index, written, statement) for index, (written, statement) in enumerate(pairs)]
    return ParsedPolicy(source, account_id, partition, policy, statements)
