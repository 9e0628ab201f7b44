"""The policy that a sandbox is started or asked with: a built-in one, or an administrator's, moved to its account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.policy.documents import PLACEHOLDER, VARIANTS, read, read_text
from app.policy.meaning import in_account
from app.policy.parsed import parsed
from app.sandbox.state import ACCOUNT_ID


class Moved(NamedTuple):
    """A document as it is meant, in the sandbox's account."""

    document: dict[str, Any]
    moved_from: str
    """The account that it is written for, "" if that is this one or a placeholder."""


def moved(document: Mapping[str, Any]) -> Moved:
    """Move a document to the sandbox's account. Raises PolicyError for what isn't a policy."""
    policy = parsed(document)
    elsewhere = "" if policy.account_id in (PLACEHOLDER, ACCOUNT_ID) else policy.account_id
    return Moved(in_account(policy.source, ACCOUNT_ID), elsewhere)


def of_text(text: str) -> dict[str, Any]:
    """Return the policy in a text, or with this built-in name, for the sandbox's account. Raises PolicyError."""
    document = read(text) if text in VARIANTS else read_text(text, "This")
    return moved(document).document
